"""Where a layer stands, and its weights: of exactly the shapes that its options ask for."""

from typing import NamedTuple, Protocol

from app.arrays import Floats
from app.errors import ArchiveError
from app.folder.keras.options import Options


class Weights(Protocol):
    """What an archive's HDF5 file holds."""

    def count(self, group: str) -> int:
        """Weights of a group, 0 where there is no such group."""

    def read(self, group: str, index: int, shape: tuple[int, ...], owner: str) -> Floats:
        """A group's weight of this number as contiguous float32 of exactly this shape, all finite.

        Raises ArchiveError where it is anything else; `owner` names the weight in it
        ("simple_rnn/kernel").
        """


class Place(NamedTuple):
    """Where a layer stands: the features that enter it, and its group in the weights file."""

    features: int
    group: str
    weights: Weights

    def read(self, options: Options, below: str, **shapes: tuple[int, ...]) -> dict[str, Floats]:
        """All weights of a layer, in Keras's order. `below` is the group under the layer's."""
        group = self.group + below
        found = self.weights.count(group)
        if found != len(shapes):
            raise ArchiveError(
                f"layer {options.name!r} ({options.class_name}) has {found} weights, "
                f"but the configuration asks for {len(shapes)}"
            )
        return {
            name: self.weights.read(group, index, shape, f"{options.name}/{name}")
            for index, (name, shape) in enumerate(shapes.items())
        }
