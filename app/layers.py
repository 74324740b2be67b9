"""The layer types we understand as plain data: their options and their weights.

Knows nothing about words, files or how to compute; `folder/keras/` makes them, engines run them.
Names are Keras's own (`kernel`, `recurrent_kernel`, `bias`, `embeddings`). Shapes: V vocabulary
rows or classes, E embedding size, F input features, H units, G gates.
"""

from dataclasses import dataclass
from typing import Literal

from app.arrays import Floats, Kernel

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
    """An activation as a layer, or one that only acts in training (Dropout …): linear."""

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


def _named(**weights: Kernel | None) -> dict[str, Kernel]:
    return {name: array for name, array in weights.items() if array is not None}
