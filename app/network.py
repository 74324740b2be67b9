"""The network as plain data: the layer types we understand, their options and their weights.

Knows nothing about words, files or how to compute; `folder/keras/` makes it, engines run it.
Names are Keras's own (`kernel`, `recurrent_kernel`, `bias`, `embeddings`). Weights are float32,
in any order in memory; an engine may keep a large one in blocks, which `np.asarray` puts together
again. Shapes: V vocabulary rows or classes, E embedding size, F input features,
H units, B phrases, T timesteps.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]
Context = tuple[int, ...]  # the ids whose timesteps are computed: padding only if it is not masked
ActivationName = Literal[
    "linear",
    "tanh",
    "relu",
    "sigmoid",
    "softmax",
    "elu",
    "exponential",
    "gelu",
    "hard_sigmoid",
    "keras_2_hard_sigmoid",  # what Keras 2 called hard_sigmoid
    "leaky_relu",
    "mish",
    "relu6",
    "selu",
    "silu",
    "softplus",
    "softsign",
]
MergeMode = Literal["concat", "sum", "mul", "ave"]


class Matrix(Protocol):
    """A matrix that lies in memory as its engine likes it; `np.asarray` gives it as an array."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102 - as an array's
    @property
    def ndim(self) -> int: ...  # noqa: D102
    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def T(self) -> "Matrix": ...  # noqa: D102, N802
    def copy(self) -> Floats: ...  # noqa: D102
    def __array__(self, dtype: None = None, copy: bool | None = None) -> Floats: ...


Kernel = Floats | Matrix


@dataclass(frozen=True, eq=False)
class Embedding:
    """A row of `embeddings` [V, E] for each id; with `mask_zero` id 0 is skipped downstream."""

    name: str
    embeddings: Kernel
    mask_zero: bool
    class_name: str = "Embedding"

    @property
    def units(self) -> int:
        """Features that leave the layer at each timestep."""
        return int(self.embeddings.shape[1])

    @property
    def weights(self) -> dict[str, Kernel]:
        """Weights by Keras's names."""
        return {"embeddings": self.embeddings}


@dataclass(frozen=True, eq=False)
class Recurrent:
    """A layer with a state that it carries from timestep to timestep, h_{-1} = 0.

    `class_name` says by which equations: `engines/cells/` has them. The columns of `kernel`
    [F, G·H] and `recurrent_kernel` [H, G·H] are those of the cell's G terms, side by side in
    Keras's order; `bias` is [G·H], or [2, G·H] of a GRU that resets after, or None.
    `recurrent_activation` and `reset_after` are None where the cell has no such option.
    """

    name: str
    class_name: str
    activation: ActivationName
    kernel: Kernel
    recurrent_kernel: Kernel
    bias: Floats | None
    return_sequences: bool
    recurrent_activation: ActivationName | None = None
    reset_after: bool | None = None
    go_backwards: bool = False  # as part of a Bidirectional

    @property
    def units(self) -> int:
        """Features that leave the layer at each timestep."""
        return int(self.recurrent_kernel.shape[0])

    @property
    def options(self) -> dict[str, object]:
        """The options that make it what it is, by Keras's names."""
        cell_options = {
            "recurrent_activation": self.recurrent_activation,
            "reset_after": self.reset_after,
        }
        return {
            "units": self.units,
            "activation": self.activation,
            "use_bias": self.bias is not None,
            **{name: value for name, value in cell_options.items() if value is not None},
        }

    @property
    def weights(self) -> dict[str, Kernel]:
        """Weights by Keras's names."""
        return _named(kernel=self.kernel, recurrent_kernel=self.recurrent_kernel, bias=self.bias)


@dataclass(frozen=True, eq=False)
class Bidirectional:
    """Two recurrent layers over the same timesteps, one of them from the last to the first.

    A state of the second depends on all that follows, so that none can be gone on from when a
    phrase is extended. `return_sequences` hands on both states at each timestep, else the last of
    each reading; both are merged. The two are named "bidirectional/forward_lstm" and so on.
    """

    name: str
    forward: Recurrent
    backward: Recurrent
    merge_mode: MergeMode
    return_sequences: bool
    class_name: str = "Bidirectional"

    @property
    def units(self) -> int:
        """Features that leave the layer at each timestep."""
        side_by_side = self.merge_mode == "concat"
        return self.forward.units + (self.backward.units if side_by_side else 0)

    @property
    def weights(self) -> dict[str, Kernel]:
        """Weights by Keras's names, below that of each layer: "forward_lstm/kernel"."""
        return {
            f"{layer.name.removeprefix(f'{self.name}/')}/{name}": array
            for layer in (self.forward, self.backward)
            for name, array in layer.weights.items()
        }


@dataclass(frozen=True, eq=False)
class LastStep:
    """The operation x[:, -1, :]: of sequences, the last timestep alone."""

    name: str
    units: int
    class_name: str = "GetItem"

    @property
    def weights(self) -> dict[str, Kernel]:
        """It has no weights."""
        return {}


@dataclass(frozen=True, eq=False)
class Dense:
    """activation(x·kernel + bias), timestep by timestep. `kernel` [F, H], `bias` [H] or None."""

    name: str
    activation: ActivationName
    kernel: Kernel
    bias: Floats | None
    class_name: str = "Dense"  # or "TimeDistributed", which computes the same

    @property
    def units(self) -> int:
        """Features that leave the layer."""
        return int(self.kernel.shape[1])

    @property
    def weights(self) -> dict[str, Kernel]:
        """Weights by Keras's names."""
        return _named(kernel=self.kernel, bias=self.bias)


@dataclass(frozen=True, eq=False)
class ReversedEmbedding:
    """A ReversibleEmbedding called with `reverse=True`: logits = x·embeddingsᵀ, [.., E] -> [.., V].

    Tied, `embeddings` [V, E] is the very array of the Embedding; else `reverse_embeddings`ᵀ.
    """

    name: str
    embeddings: Kernel
    tied: bool
    class_name: str = "ReversibleEmbedding"

    @property
    def units(self) -> int:
        """Classes."""
        return int(self.embeddings.shape[0])

    @property
    def weights(self) -> dict[str, Kernel]:
        """Weights of its own: none when tied (Keras's reverse_embeddings is [E, V])."""
        return {} if self.tied else {"reverse_embeddings": self.embeddings.T}


@dataclass(frozen=True, eq=False)
class Elementwise:
    """An Activation or Softmax layer, or one that only acts in training (Dropout …): linear."""

    name: str
    activation: ActivationName
    units: int
    class_name: str

    @property
    def weights(self) -> dict[str, Kernel]:
        """It has no weights."""
        return {}


def changes_nothing(layer: "Layer") -> bool:
    """Whether what comes into a layer goes out; of sequences, their last step."""
    if isinstance(layer, LastStep):
        return True
    return isinstance(layer, Elementwise) and layer.activation == "linear"


Layer = Embedding | Recurrent | Bidirectional | LastStep | Dense | ReversedEmbedding | Elementwise


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


def _named(**weights: Kernel | None) -> dict[str, Kernel]:
    return {name: array for name, array in weights.items() if array is not None}
