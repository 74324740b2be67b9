"""Random Keras networks within the contract, for property tests: built, saved, and run by Keras."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.small_models import GATED

CELLS = ("SimpleRNN", "LSTM", "GRU")
ACTIVATIONS = ("tanh", "relu", "sigmoid", "linear", "elu", "selu", "softsign", "gelu", "silu")
GATES = ("sigmoid", "hard_sigmoid", "tanh")
MERGES = ("concat", "sum", "mul", "ave")
IDENTITIES = ("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", None)


@dataclass(frozen=True)
class Recurrent:
    cell: str
    units: int
    activation: str
    gate: str  # recurrent_activation
    reset_after: bool
    wrapped: bool  # an RNN of the layer's cell
    merge: str | None  # of a Bidirectional, None for a layer that reads one way
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
    ending: str  # "dense", "activation", "softmax" or "logits"
    takes_last: bool  # x[:, -1, :] of what returns sequences
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
                st.sampled_from(CELLS),
                st.integers(1, 6),
                st.sampled_from(ACTIVATIONS),
                st.sampled_from(GATES),
                st.booleans(),
                st.booleans(),
                st.sampled_from([None, None, *MERGES]),
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
    functional = entry == "reversible" or draw(st.booleans())
    takes_last = functional and sequences and draw(st.booleans())
    masked = mask_zero and sequences and not takes_last
    endings = ["dense", "activation", "logits"] + ([] if masked else ["softmax"])
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
        takes_last=takes_last,
        functional=functional,
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
        layers.append(_recurrent(one, sequences, dropout=0.2 if at else 0.0))
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


def _recurrent(one: Recurrent, sequences: bool, dropout: float) -> Any:
    import keras

    options: dict[str, Any] = {
        "units": one.units,
        "activation": one.activation,
        "use_bias": one.use_bias,
        "dropout": dropout,
    }
    if one.cell in GATED:
        options["recurrent_activation"] = one.gate
    if one.cell == "GRU":
        options["reset_after"] = one.reset_after
    reading = {"return_sequences": sequences, "unroll": one.unroll and one.merge is None}
    if one.wrapped:
        layer = keras.layers.RNN(getattr(keras.layers, f"{one.cell}Cell")(**options), **reading)
    else:
        layer = getattr(keras.layers, one.cell)(**options, **reading)
    return layer if one.merge is None else keras.layers.Bidirectional(layer, merge_mode=one.merge)


def _assemble(recipe: Recipe, shape: tuple[int, ...], layers: list[Any], embedding: Any) -> Any:
    import keras

    endings = {
        "dense": lambda: keras.layers.Softmax(),
        "activation": lambda: keras.layers.Activation("softmax"),
        "softmax": lambda: keras.layers.Softmax(),
    }
    needs_softmax = recipe.ending != "logits" and (
        embedding is not None or recipe.ending != "dense"
    )
    inputs = keras.Input(batch_shape=(1, *shape)) if recipe.fixed_batch else keras.Input(shape)
    if recipe.functional:
        x = start = inputs
        for layer in layers:
            if recipe.takes_last and layer is layers[-1]:
                x = x[:, -1, :]
            x = layer(x)
        if embedding is not None:
            x = embedding(x, reverse=True)
        if needs_softmax:
            x = endings[recipe.ending]()(x)
        return keras.Model(start, x)
    ending = [endings[recipe.ending]()] if needs_softmax else []
    return keras.Sequential([inputs, *layers, *ending])


States = list[NDArray[np.float32]]  # the hidden state, and an LSTM's cell: [T, H] each


def every_state(built: Built, x: NDArray[Any]) -> list[States]:
    """Every state of every recurrent layer at every timestep, from Keras's own layers and cells.

    Of a Bidirectional, those of its two layers and then what it merges of them.
    """
    import keras

    found: list[States] = []
    for layer in built.layers:
        if isinstance(layer, keras.layers.Bidirectional):
            mask = _mask_of(x)
            both = [
                _states(one, x, reverse=reverse)
                for one, reverse in ((layer.forward_layer, False), (layer.backward_layer, True))
            ]
            merged = _merged(layer.merge_mode, both[0][0], both[1][0])
            merged = merged if mask is None else merged * mask[:, None]
            found += [*both, [merged]]
            if layer.return_sequences:  # then it is Keras's own answer
                np.testing.assert_allclose(merged, np.asarray(layer(x))[0], atol=1e-5, rtol=1e-5)
        elif isinstance(layer, keras.layers.RNN):
            found.append(_states(layer, x, reverse=False))
        x = layer(x)
        if len(x.shape) == 2:
            break
    return found


def _mask_of(x: Any) -> NDArray[Any] | None:
    mask = getattr(x, "_keras_mask", None)
    return None if mask is None else np.asarray(mask)[0]


def _states(layer: Any, x: Any, *, reverse: bool) -> States:
    """A layer's cell, called a timestep at a time; a masked timestep leaves the states alone."""
    mask, T = _mask_of(x), x.shape[1]
    states = layer.get_initial_state(1)
    rows: list[list[Any]] = [[] for _ in range(T)]
    for t in reversed(range(T)) if reverse else range(T):
        if mask is None or mask[t]:
            _, states = layer.cell(x[:, t], states)
        rows[t] = [np.asarray(state)[0] for state in states]
    return [np.stack([row[at] for row in rows]) for at in range(len(rows[0]))]


def _merged(mode: str, forward: Any, backward: Any) -> NDArray[np.float32]:
    if mode == "concat":
        return np.concatenate([forward, backward], axis=1)
    merged: NDArray[np.float32] = {
        "sum": forward + backward,
        "mul": forward * backward,
        "ave": (forward + backward) / 2,
    }[mode]
    return merged


def entering(recipe: Recipe, padded: NDArray[np.int32]) -> NDArray[Any]:
    """Padded ids [T] as Keras's model takes them: [1, T] or [1, T, 1]."""
    return padded[None, :, None].astype(np.float32) if recipe.entry == "scalar" else padded[None]
