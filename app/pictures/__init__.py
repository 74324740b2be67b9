"""Pictures of a forward pass: pure functions from an explanation's numbers to SVG, no script."""

from typing import Literal

from app.answers import Explained
from app.network import Network
from app.pictures.rolled import rolled
from app.pictures.states import heat_strip
from app.pictures.svg import Picture
from app.pictures.unrolled import COLUMNS, unrolled

__all__ = ["COLUMNS", "Form", "Picture", "picture"]

Form = Literal["unrolled", "rolled", "states"]


def picture(
    form: Form,
    explained: Explained,
    network: Network,
    *,
    columns: int = COLUMNS,
    name: str | None = None,
) -> Picture:
    """The network unrolled, or rolled up, or the last layer's hidden states.

    At most `columns` timesteps stand side by side. With a `name` it belongs in a page.
    """
    if form == "rolled":
        return rolled(explained, network, name=name)
    if form == "states":
        return heat_strip(explained, columns=columns, name=name)
    return unrolled(explained, network, columns=columns, name=name)
