"""The network as plain data: its layers in order, and what follows from their order.

`folder/keras/` makes it, engines run it.
"""

from dataclasses import dataclass
from functools import cached_property

from app.arrays import Kernel
from app.layers import Bidirectional, Embedding, Layer, Recurrent


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in order. The first is an Embedding, or ids enter as numbers ([B, T, 1]).

    `max_length` is the input's fixed length, None where the archive leaves it open. `frozen` names
    the layers that training left as they were, which changes nothing that is computed. The last
    layer's output goes through softmax: `layers[-1]` is a Dense or Elementwise with that
    activation.
    """

    name: str
    class_name: str  # "Sequential" or "Functional"
    layers: tuple[Layer, ...]
    max_length: int | None
    frozen: frozenset[str] = frozenset()

    @property
    def classes(self) -> int:
        """Size of the output distribution, V."""
        return self.layers[-1].units

    @property
    def mask_zero(self) -> bool:
        """Whether padded timesteps are skipped."""
        first = self.layers[0]
        return isinstance(first, Embedding) and first.mask_zero

    @cached_property
    def recurrent(self) -> tuple[Recurrent, ...]:
        """The layers with a state, first to last; of a Bidirectional the two that it merges."""
        found: list[Recurrent] = []
        for layer in self.layers:
            if isinstance(layer, Recurrent):
                found.append(layer)
            if isinstance(layer, Bidirectional):
                found += layer.forward, layer.backward
        return tuple(found)

    @cached_property
    def states(self) -> tuple[str, ...]:
        """The names of what is seen at each timestep: the layers with a state, and after the two
        layers of a Bidirectional that itself, which merges them.
        """
        names: list[str] = []
        for layer in self.layers:
            if isinstance(layer, Bidirectional):
                names += layer.forward.name, layer.backward.name
            if isinstance(layer, Recurrent | Bidirectional):
                names.append(layer.name)
        return tuple(names)

    @cached_property
    def last_recurrent(self) -> int:
        """Where in `layers` the last one with a state stands: what follows sees its state alone."""
        return max(
            at
            for at, layer in enumerate(self.layers)
            if isinstance(layer, Recurrent | Bidirectional)
        )

    @cached_property
    def causal(self) -> bool:
        """Whether a state depends on the timesteps before it alone, and so can be gone on from."""
        return not any(isinstance(layer, Bidirectional) for layer in self.layers)

    @cached_property
    def weights(self) -> dict[str, Kernel]:
        """Every weight by "layer/weight", in Keras's order; a tied array stands once."""
        return {
            f"{layer.name}/{name}": array
            for layer in self.layers
            for name, array in layer.weights.items()
        }

    @property
    def parameters(self) -> int:
        """Number of weights; the notebook's network has 13."""
        return sum(array.size for array in self.weights.values())
