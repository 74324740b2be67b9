"""Random Keras networks within the contract, for property tests: built, saved, and run by Keras."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

ACTIVATIONS = ("tanh", "relu", "sigmoid", "linear")
IDENTITIES = ("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", None)


@dataclass(frozen=True)
class Recurrent:
    units: int
    activation: str
    use_bias: bool
    unroll: bool
    then: str | None  # a layer that acts in training only
    distributed: int  # units of a TimeDistributed(Dense) behind it, 0 for none


@dataclass(frozen=True)
class Recipe:
    entry: str  # "scalar", "embedding" or "reversible"
    mask_zero: bool
    classes: int
    features: int
    recurrent: tuple[Recurrent, ...]
    last_returns_sequences: bool
    hidden_dense: int
    ending: str  # "dense", "activation" or "softmax"
    tied: bool
    functional: bool
    dense_first: bool  # in front of the first SimpleRNN, where a mask passes through
    fixed_batch: bool
    max_length: int
    seed: int


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    entry = draw(st.sampled_from(["scalar", "embedding", "reversible"]))
    recurrent = draw(
        st.lists(
            st.builds(
                Recurrent,
                st.integers(1, 6),
                st.sampled_from(ACTIVATIONS),
                st.booleans(),
                st.booleans(),
                st.sampled_from(IDENTITIES),
                st.integers(0, 4),
            ),
            min_size=1,
            max_size=3,
        )
    )
    mask_zero = entry != "scalar" and draw(st.booleans())
    sequences = entry != "reversible" and draw(st.booleans())
    # Keras's own Softmax layer fails on the mask of masked sequences.
    endings = ["dense", "activation"] + ([] if mask_zero and sequences else ["softmax"])
    ending = draw(st.sampled_from(endings))
    return Recipe(
        entry=entry,
        mask_zero=mask_zero,
        classes=draw(st.integers(3, 9)),
        features=draw(st.integers(1, 5)),
        recurrent=tuple(recurrent),
        last_returns_sequences=sequences,
        hidden_dense=draw(st.integers(0, 5)),
        ending=ending,
        tied=draw(st.booleans()),
        functional=entry == "reversible" or draw(st.booleans()),
        dense_first=draw(st.booleans()),
        fixed_batch=draw(st.booleans()),
        max_length=draw(st.integers(1, 6)),
        seed=draw(st.integers(0, 2**16)),
    )


@dataclass(frozen=True)
class Built:
    model: Any
    layers: list[Any]  # Keras's layers in order, without those that end the network


def build(recipe: Recipe) -> Built:
    """The Keras model of a recipe, with random weights."""
    import keras

    L = keras.layers
    scalar = recipe.entry == "scalar"
    shape = (recipe.max_length, 1) if scalar else (recipe.max_length,)
    layers: list[Any] = []
    embedding = None
    if recipe.entry == "embedding":
        layers.append(L.Embedding(recipe.classes, recipe.features, mask_zero=recipe.mask_zero))
    elif recipe.entry == "reversible":
        embedding = L.ReversibleEmbedding(
            recipe.classes, recipe.features, tie_weights=recipe.tied, mask_zero=recipe.mask_zero
        )
        layers.append(embedding)
    if recipe.dense_first:
        layers.append(L.Dense(recipe.features, activation="sigmoid"))
    for at, one in enumerate(recipe.recurrent):
        last = at == len(recipe.recurrent) - 1
        sequences = not last or recipe.last_returns_sequences
        layer = L.SimpleRNN(
            one.units,
            activation=one.activation,
            use_bias=one.use_bias,
            unroll=one.unroll,
            return_sequences=sequences,
            dropout=0.2 if at else 0.0,
        )
        layers.append(layer)
        if sequences:
            if one.then:
                layers.append(getattr(L, one.then)(0.3))
            if one.distributed:
                layers.append(L.TimeDistributed(L.Dense(one.distributed, activation="tanh")))
    if recipe.hidden_dense:
        layers.append(L.Dense(recipe.hidden_dense, activation="relu"))
    if embedding is not None:
        layers.append(L.Dense(recipe.features))
    elif recipe.ending == "dense":
        layers.append(L.Dense(recipe.classes, activation="softmax"))
    else:
        layers.append(L.Dense(recipe.classes))
    model = _assemble(recipe, shape, layers, embedding)
    rng = np.random.default_rng(recipe.seed)
    # Below 1 in spectral norm, so that linear and relu networks stay within float32's precision.
    model.set_weights(
        [rng.uniform(-1, 1, w.shape) / np.sqrt(max(w.shape)) for w in model.get_weights()]
    )
    return Built(model, layers)


def _assemble(recipe: Recipe, shape: tuple[int, ...], layers: list[Any], embedding: Any) -> Any:
    import keras

    endings = {
        "dense": lambda: keras.layers.Softmax(),
        "activation": lambda: keras.layers.Activation("softmax"),
        "softmax": lambda: keras.layers.Softmax(),
    }
    needs_softmax = embedding is not None or recipe.ending != "dense"
    inputs = keras.Input(batch_shape=(1, *shape)) if recipe.fixed_batch else keras.Input(shape)
    if recipe.functional:
        x = start = inputs
        for layer in layers:
            x = layer(x)
        if embedding is not None:
            x = embedding(x, reverse=True)
        if needs_softmax:
            x = endings[recipe.ending]()(x)
        return keras.Model(start, x)
    ending = [endings[recipe.ending]()] if needs_softmax else []
    return keras.Sequential([inputs, *layers, *ending])


def every_hidden_state(built: Built, x: NDArray[Any]) -> list[NDArray[np.float32]]:
    """Each SimpleRNN's states at every timestep, from Keras's own layers: [T, H] each.

    A layer that returns only its last state is run again as one that returns them all, with the
    same weights, on the same input and mask.
    """
    import keras

    states = []
    for layer in built.layers:
        whole = layer
        if isinstance(layer, keras.layers.SimpleRNN) and not layer.return_sequences:
            whole = keras.layers.SimpleRNN.from_config(
                {**layer.get_config(), "return_sequences": True}
            )
            whole.build(x.shape)
            whole.set_weights(layer.get_weights())
        if isinstance(layer, keras.layers.SimpleRNN):
            states.append(np.asarray(whole(x))[0])
            if not layer.return_sequences:
                break
        x = layer(x)
    return states


def entering(recipe: Recipe, padded: NDArray[np.int32]) -> NDArray[Any]:
    """Padded ids [T] as Keras's model takes them: [1, T] or [1, T, 1]."""
    return padded[None, :, None].astype(np.float32) if recipe.entry == "scalar" else padded[None]
