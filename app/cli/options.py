"""`train`'s options, made from the configuration: each described field is one, with its range and
its default, and a command line says no more than that.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter

from app.training.config import TrainConfig

_KINDS = {"integer": int, "number": float, "boolean": bool, "string": str}


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each described field of `TrainConfig` in the place of its
    `**options`; what is not given is None.
    """
    *own, _ = inspect.signature(command, eval_str=True).parameters.values()
    fields = TypeAdapter(TrainConfig).json_schema()["properties"]
    made = [_option(name, field) for name, field in fields.items() if "description" in field]

    def run(*positional: Any, **given: Any) -> None:
        command(*positional, **given)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    parameters = [*own, *made]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _option(name: str, field: dict[str, Any]) -> inspect.Parameter:
    """One field of the JSON schema as a parameter that Typer reads."""
    default = field["default"]
    kind: Any = _kind(field)
    option = typer.Option(
        help=_said(field),
        min=field.get("minimum"),
        max=field.get("maximum"),
        show_default='""' if default is None else _shown(default),
    )
    annotation = Annotated[kind | None, option]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=None, annotation=annotation)


def _said(field: dict[str, Any]) -> str:
    """What a field is; Typer's own ranges include their bounds, so that others are said here."""
    said: str = field["description"]
    for name, word in (("exclusiveMinimum", "above"), ("exclusiveMaximum", "below")):
        if name in field:
            said = f"{said.removesuffix('.')}, {word} {field[name]:g}."
    return said


def _kind(field: dict[str, Any]) -> type:
    return _KINDS[field.get("type") or field["anyOf"][0]["type"]]


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"{default:g}" if isinstance(default, float) else str(default)
