"""What if: the same words in every order, a word left out, other weights.

Pure functions of a Model. A phrase without a word is a phrase of its own, padded anew: where
padding is not masked its states are not those of the whole phrase with a gap.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations
from typing import Any, NamedTuple, TypeVar

import numpy as np

from app.answers import Compared, Prediction
from app.arrays import Floats
from app.engines.numpy_engine import NumpyEngine
from app.errors import FieldProblem, InvalidRequest
from app.inspection import compare
from app.layers import Bidirectional, Layer, ReversedEmbedding
from app.model import Model
from app.network import Network
from app.text.tokens import tokenize

MOST_ORDERED = 4  # words: 24 orders
MOST_EDITED = 1_000  # parameters of a model whose weights may be overridden
_OUTSIDE = "a number is outside float32's range"
MOST_LEFT_OUT = 31  # words of which one at a time is left out

AnyLayer = TypeVar("AnyLayer", bound=Layer)
Weights = Mapping[str, Any]  # "layer/weight" -> nested lists of numbers


class LeftOut(NamedTuple):
    """A phrase without one of its words, and how far that moves the state and the answer."""

    word: str
    phrase: str
    predictions: tuple[Prediction, ...]
    hidden_state_distance: float
    distribution_distance: float


def orders(model: Model, phrase: str) -> tuple[str, ...]:
    """Every order of a phrase's words, its own first; one bag of words.

    Raises InvalidRequest for more than MOST_ORDERED words.
    """
    words = words_of(model, phrase)
    if len(words) > MOST_ORDERED:
        raise InvalidRequest(f"all orders are shown of at most {MOST_ORDERED} words")
    return tuple(dict.fromkeys(" ".join(order) for order in permutations(words)))


def compare_orders(model: Model, phrase: str, k: int = 1) -> Compared:
    """`inspection.compare` of every order of a phrase's words; what `orders` raises."""
    return compare(model, orders(model, phrase), k)


def leave_one_out(model: Model, phrase: str, k: int = 1) -> tuple[LeftOut, ...]:
    """What each word matters: the answer without it. Nothing for one word, or very many."""
    words = words_of(model, phrase)
    if not 2 <= len(words) <= MOST_LEFT_OUT:
        return ()
    without = [" ".join(words[:at] + words[at + 1 :]) for at in range(len(words))]
    compared = compare(model, [phrase, *without], k)
    return tuple(
        LeftOut(
            words[at],
            result.phrase,
            result.predictions,
            float(compared.hidden_state_distance[0, at + 1]),
            float(compared.distribution_distance[0, at + 1]),
        )
        for at, result in enumerate(compared.results[1:])
    )


def words_of(model: Model, phrase: str) -> list[str]:
    """A phrase's words as they stand in it."""
    return [phrase[token.start : token.end] for token in tokenize(phrase, model.options)]


def with_weights(model: Model, weights: Weights) -> Model:
    """The model with some of its weights overridden, computed by the NumPy engine.

    Raises InvalidRequest for a large model, a weight that is not there, another shape, or numbers
    that float32 cannot hold.
    """
    network = model.network
    if network.parameters > MOST_EDITED:
        raise InvalidRequest(
            f"weights of models of at most {MOST_EDITED} parameters can be changed"
        )
    arrays = {name: _array(network, name, values) for name, values in weights.items()}
    layers = tuple(_overridden(layer, arrays) for layer in network.layers)
    engine = NumpyEngine(replace(network, layers=layers), model.start_id)
    return replace(model, engine=engine, fingerprint=f"{model.fingerprint}, what if")


def _array(network: Network, name: str, values: Any) -> Floats:
    known = network.weights.get(name)
    if known is None:
        names = ", ".join(network.weights)
        raise _refused(name, f"no such weight; this model has {names}")
    sent = np.array(values, object)  # float32 would take "1" and true for numbers, and null for NaN
    if not all(type(one) in (int, float) for one in sent.flat):
        raise _refused(name, "not an array of numbers")
    try:
        with np.errstate(over="ignore"):
            array = sent.astype(np.float32)
    except OverflowError:  # an integer that no float is as large as
        raise _refused(name, _OUTSIDE) from None
    if array.shape != tuple(known.shape):
        raise _refused(name, f"its shape is {list(known.shape)}, not {list(array.shape)}")
    if not np.isfinite(array).all():
        raise _refused(name, _OUTSIDE)
    return array


def _refused(name: str, message: str) -> InvalidRequest:
    pointer = "/weights/" + name.replace("~", "~0").replace("/", "~1")
    problem = FieldProblem(pointer, message)
    return InvalidRequest("the weights cannot be used", problems=[problem])


def _overridden(layer: AnyLayer, arrays: Mapping[str, Floats]) -> AnyLayer:
    if isinstance(layer, Bidirectional):
        forward, backward = (_overridden(one, arrays) for one in (layer.forward, layer.backward))
        return replace(layer, forward=forward, backward=backward)
    if isinstance(layer, ReversedEmbedding):  # untied, Keras keeps it the other way round
        table = arrays.get(f"{layer.name}/embeddings") if layer.tied else None
        own = arrays.get(f"{layer.name}/reverse_embeddings")
        changed = table if own is None else own.T
        return layer if changed is None else replace(layer, embeddings=changed)
    mine = {
        name: arrays[f"{layer.name}/{name}"]
        for name in layer.weights
        if f"{layer.name}/{name}" in arrays
    }
    return replace(layer, **mine) if mine else layer  # type: ignore[arg-type]
