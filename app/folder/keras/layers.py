"""One layer's options and weights -> the layer as plain data.

Shapes follow from the options and the features that come in, and a weight of any other shape is
refused before it is read. Weights lie under the group that Keras names after the class.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.errors import ArchiveError
from app.folder.keras.options import Options
from app.network import ActivationName, Dense, Elementwise, Embedding, Floats, Layer, SimpleRNN

# Layers that act in training only: at inference they pass their input through.
IDENTITIES = frozenset(
    {
        "ActivityRegularization",
        "AlphaDropout",
        "Dropout",
        "GaussianDropout",
        "GaussianNoise",
        "SpatialDropout1D",
    }
)


class Weights(Protocol):
    """What an archive's HDF5 file holds."""

    def count(self, group: str) -> int:
        """Datasets in a group, 0 where there is no such group."""

    def read(self, group: str, index: int, shape: tuple[int, ...], owner: str) -> Floats:
        """Dataset `group/index` as contiguous float32 of exactly this shape, all finite.

        Raises ArchiveError where it is anything else; `owner` names the weight in it
        ("simple_rnn/kernel").
        """


@dataclass(frozen=True)
class Place:
    """Where a layer stands: the features that enter it, and its group in the weights file."""

    features: int
    group: str
    weights: Weights

    def read(self, options: Options, below: str, **shapes: tuple[int, ...]) -> dict[str, Floats]:
        """All weights of a layer, in Keras's order. `below` is the group under the layer's."""
        group = f"{self.group}{below}/vars"
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


def embedding(options: Options, place: Place) -> Embedding:
    """Embedding, or ReversibleEmbedding in its first role."""
    options.require_off("lora_rank", "quantization_config", "logit_soft_cap", "reverse_dtype")
    rows, columns = options.size("input_dim"), options.size("output_dim")
    shapes = {"embeddings": (rows, columns)}
    tied = options.class_name == "ReversibleEmbedding" and options.flag("tie_weights", True)
    if options.class_name == "ReversibleEmbedding" and not tied:
        shapes["reverse_embeddings"] = (columns, rows)
    embeddings = place.read(options, "", **shapes)["embeddings"]
    mask_zero = options.flag("mask_zero", False)
    return Embedding(options.name, embeddings, mask_zero, options.class_name)


def simple_rnn(options: Options, place: Place) -> SimpleRNN:
    """SimpleRNN; `unroll`, initializers and dropout do not change what it computes."""
    options.require_off("go_backwards", "stateful", "return_state", "zero_output_for_mask")
    units = options.size("units")
    shapes: dict[str, tuple[int, ...]] = {
        "kernel": (place.features, units),
        "recurrent_kernel": (units, units),
    }
    if options.flag("use_bias", True):
        shapes["bias"] = (units,)
    weights = place.read(options, "/cell", **shapes)
    return SimpleRNN(
        options.name,
        _not_softmax(options),
        weights["kernel"],
        weights["recurrent_kernel"],
        weights.get("bias"),
        options.flag("return_sequences", False),
    )


def _not_softmax(options: Options) -> ActivationName:
    activation = options.activation()
    if activation == "softmax":
        raise options.refuse("activation = 'softmax' is not supported")
    return activation


def dense(options: Options, place: Place) -> Dense:
    """Dense."""
    return _dense(options, options, "", place)


def time_distributed(options: Options, place: Place) -> Dense:
    """TimeDistributed(Dense), which computes what Dense does."""
    inner = Options.read(options.config.get("layer"))
    if inner.class_name != "Dense":
        raise options.refuse(f"it wraps {inner.class_name}; only Dense is supported")
    inner.require_float32()
    return _dense(options, inner, "/layer", place)


def _dense(outer: Options, options: Options, below: str, place: Place) -> Dense:
    options.require_off("lora_rank", "quantization_config")
    units = options.size("units")
    shapes: dict[str, tuple[int, ...]] = {"kernel": (place.features, units)}
    if options.flag("use_bias", True):
        shapes["bias"] = (units,)
    weights = place.read(options, below, **shapes)
    return Dense(
        outer.name,
        options.activation(),
        weights["kernel"],
        weights.get("bias"),
        outer.class_name,
    )


def activation(options: Options, place: Place) -> Elementwise:
    """Activation."""
    return Elementwise(options.name, options.activation(), place.features, options.class_name)


def softmax(options: Options, place: Place) -> Elementwise:
    """Softmax over the classes."""
    if options.config.get("axis", -1) != -1:
        raise options.refuse(f"axis = {options.config['axis']!r:.60} is not supported, only -1")
    return Elementwise(options.name, "softmax", place.features, options.class_name)


def identity(options: Options, place: Place) -> Elementwise:
    """Dropout and its like."""
    return Elementwise(options.name, "linear", place.features, options.class_name)


READERS: dict[str, Callable[[Options, Place], Layer]] = {
    "SimpleRNN": simple_rnn,
    "Dense": dense,
    "TimeDistributed": time_distributed,
    "Activation": activation,
    "Softmax": softmax,
    **dict.fromkeys(IDENTITIES, identity),
}
EMBEDDINGS = ("Embedding", "ReversibleEmbedding")
