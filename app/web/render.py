"""Templates -> HTML. Everything is escaped but the pictures, which escape their own texts."""

from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from app.pictures.svg import number

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
_LOADING = Lock()


def render(template: str, **values: Any) -> bytes:
    """A template with its values, as UTF-8."""
    with _LOADING:  # it is made once, however many ask first at once
        made = _environment().get_template(template)
    return made.render(**values).encode("utf-8", "replace")


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # takes 30 ms: not to serve

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        auto_reload=False,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # weights have an order
    environment.filters.update(num=number, pct=percent, plain=plain, compact=compact)
    return environment


def percent(value: float) -> str:
    """A probability as a reader takes it: 46.75 %."""
    return f"{100 * float(value):.2f}\u00a0%"


def compact(count: int) -> str:
    """A count as a picker has room for: 264, 8.9M."""
    return f"{count:,}" if count < 100_000 else f"{count / 1e6:.1f}M"


def plain(value: float) -> str:
    """The shortest decimals that mean this float32, for an input field."""
    import numpy as np

    return np.format_float_positional(np.float32(value), trim="-")
