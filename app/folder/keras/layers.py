"""One layer's options and weights -> the layer as plain data.

Shapes follow from the options and the features that come in, and a weight of any other shape is
refused before it is read. Weights lie under the group that Keras names after the class.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from app.folder.keras import recurrent
from app.folder.keras.names import WRAPPED
from app.folder.keras.options import Options
from app.folder.keras.place import Place
from app.layers import Dense, Elementwise, Embedding, LastStep, Layer

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


def dense(options: Options, place: Place) -> Dense:
    """Dense."""
    return _dense(options, options, "", place)


def time_distributed(options: Options, place: Place) -> Dense | Elementwise:
    """TimeDistributed of a layer that takes every timestep by itself anyway."""
    inner = Options.read(options.config.get("layer"), keras_2=options.keras_2)
    inner.require_float32()
    if inner.class_name == "Dense":
        return _dense(options, inner, WRAPPED, place)
    if inner.class_name not in ELEMENTWISE:
        known = ", ".join(sorted({"Dense", *ELEMENTWISE}))
        raise options.refuse(f"it wraps {inner.class_name}; supported are {known}")
    layer = ELEMENTWISE[inner.class_name](inner, place)
    return replace(layer, name=options.name, class_name=options.class_name)


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


def batch_normalization(options: Options, place: Place) -> Dense:
    """BatchNormalization: once trained, each feature times a number plus another.

    y = gamma·(x - moving_mean) / √(moving_variance + epsilon) + beta
    """
    if options.config.get("axis", -1) not in (-1, [-1], [1], [2], 1, 2):
        raise options.refuse(f"axis = {options.config['axis']!r:.60} is not supported, only -1")
    used = {"gamma": options.flag("scale", True), "beta": options.flag("center", True)}
    names = [*(name for name, is_used in used.items() if is_used), "moving_mean", "moving_variance"]
    weights = place.read(options, "", **dict.fromkeys(names, (place.features,)))
    epsilon = options.config.get("epsilon", 1e-3)
    if not isinstance(epsilon, float) or not 0 < epsilon < 1:
        raise options.refuse(f"epsilon = {epsilon!r:.60} is not between 0 and 1")
    with np.errstate(invalid="ignore"):
        scale = weights.get("gamma", 1) / np.sqrt(weights["moving_variance"] + np.float64(epsilon))
    if not np.isfinite(scale).all():
        raise options.refuse("its moving_variance is negative")
    bias = weights.get("beta", 0) - weights["moving_mean"] * scale
    kernel = np.diag(scale).astype(np.float32)
    return Dense(options.name, "linear", kernel, bias.astype(np.float32))


def activation(options: Options, place: Place) -> Elementwise:
    """Activation."""
    return Elementwise(options.name, options.activation(), place.features, options.class_name)


def relu(options: Options, place: Place) -> Elementwise:
    """ReLU, as it is or cut off at 6."""
    options.require_off("negative_slope", "threshold")
    most = options.config.get("max_value")
    if most not in (None, 6):
        raise options.refuse(f"max_value = {most!r:.60} is not supported, only 6")
    return Elementwise(
        options.name, "relu6" if most else "relu", place.features, options.class_name
    )


def leaky_relu(options: Options, place: Place) -> Elementwise:
    """LeakyReLU with the slope that the activation of this name has."""
    option = "alpha" if "alpha" in options.config else "negative_slope"  # Keras 2, Keras 3
    options.require_number(option, 0.2, 0.3)
    return Elementwise(options.name, "leaky_relu", place.features, options.class_name)


def elu(options: Options, place: Place) -> Elementwise:
    """ELU with the scale that the activation of this name has."""
    options.require_number("alpha", 1.0, 1.0)
    return Elementwise(options.name, "elu", place.features, options.class_name)


def softmax(options: Options, place: Place) -> Elementwise:
    """Softmax over the classes."""
    if options.config.get("axis", -1) != -1:
        raise options.refuse(f"axis = {options.config['axis']!r:.60} is not supported, only -1")
    return Elementwise(options.name, "softmax", place.features, options.class_name)


def identity(options: Options, place: Place) -> Elementwise:
    """Dropout and its like."""
    return Elementwise(options.name, "linear", place.features, options.class_name)


def last_step(options: Options, place: Place) -> LastStep:
    """The operation x[:, -1, :]; how it is called is `graph.py`'s to check."""
    return LastStep(options.name, place.features)


ELEMENTWISE: dict[str, Callable[[Options, Place], Elementwise]] = {
    "Activation": activation,
    "ELU": elu,
    "LeakyReLU": leaky_relu,
    "ReLU": relu,
    **dict.fromkeys(IDENTITIES, identity),
}
LAST_STEPS = ("GetItem", "SlicingOpLambda")  # as Keras 3 and Keras 2 write it
READERS: dict[str, Callable[[Options, Place], Layer]] = {
    **recurrent.READERS,
    "Dense": dense,
    "TimeDistributed": time_distributed,
    **ELEMENTWISE,
    "BatchNormalization": batch_normalization,
    "Softmax": softmax,
    **dict.fromkeys(LAST_STEPS, last_step),
}
EMBEDDINGS = ("Embedding", "ReversibleEmbedding")
