"""Models of random weights, made in memory; words are w1, w2 …"""

from dataclasses import replace

import numpy as np

from app.arrays import Context, Floats, Ids
from app.engines.base import Engine, Outputs, Trace
from app.engines.numpy_engine import NumpyEngine
from app.engines.topk import Ranking
from app.folder.card import Card
from app.layers import Bidirectional, Dense, Embedding, Layer, MergeMode, Recurrent
from app.model import Model
from app.network import Network
from app.serving.batching import Batcher
from app.terms import ARITHMETIC
from app.text.tokens import TextOptions
from app.text.vocabulary import Vocabulary

GATED = [name for name, arithmetic in ARITHMETIC.items() if len(arithmetic.terms) > 1]
KINDS = [*((name, True) for name in ARITHMETIC), ("GRU", False)]  # a cell, and `reset_after`


def small_network(
    *,
    masked: bool = True,
    units: tuple[int, ...] = (4,),
    classes: int = 300,
    seed: int = 0,
    cell: str = "SimpleRNN",
    reset_after: bool = True,
) -> Network:
    """Embedding, a `cell` for each of `units`, Dense with softmax."""
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> Floats:
        drawn: Floats = (rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)
        return drawn

    layers: list[Layer] = [Embedding("embedding", weights(classes, 3) * 9, masked)]
    features, terms = 3, ARITHMETIC[cell].terms
    for at, width in enumerate(units):
        columns = width * len(terms)
        kernel, recurrent = weights(features, columns), weights(width, columns)
        bias = weights(2, columns) if cell == "GRU" and reset_after else weights(columns)
        sequences = at < len(units) - 1
        layers.append(
            Recurrent(
                f"rnn_{at}",
                cell,
                "tanh",
                kernel,
                recurrent,
                bias,
                sequences,
                recurrent_activation="sigmoid" if terms[0].gate else None,
                reset_after=reset_after if cell == "GRU" else None,
            )
        )
        features = width
    layers.append(Dense("dense", "softmax", weights(features, classes) * 3, weights(classes)))
    return Network("small", "Sequential", tuple(layers), None)


def model_of(engine: Engine, max_length: int = 6, **options: object) -> Model:
    """A model around an engine; `options` are the card's."""
    classes = engine.network.classes
    vocabulary = Vocabulary({f"w{number}": number for number in range(1, classes)})
    card = Card.model_validate({"max_length": max_length, **options})
    text = card.text_options(engine.network, vocabulary)
    assert isinstance(text, TextOptions)
    return Model(
        "small", vocabulary, text, card.model_dump(), engine, "0" * 64, frozenset(card.blocked)
    )


def small_model(max_length: int = 6, seed: int = 0, **network: object) -> Model:
    """A model with the NumPy engine."""
    return model_of(NumpyEngine(small_network(seed=seed, **network)), max_length)  # type: ignore[arg-type]


def word(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in f"{number:02}")


def sentences(max_length: int = 6, classes: int = 60) -> Model:
    """A model that reads English: its words are letters, and `</s>` and `<unk>` come first."""
    card = Card(
        max_length=max_length, tokenizer="words", lowercase=True, start="</s>", unknown="<unk>"
    )
    words = ["</s>", "<unk>", *(word(number) for number in range(3, classes))]
    vocabulary = Vocabulary({text: at for at, text in enumerate(words, 1)}, lowercase=True)
    network = small_network(classes=classes)
    options = card.text_options(network, vocabulary)
    return Model(
        "english", vocabulary, options, card.model_dump(), NumpyEngine(network, 1), "0" * 64
    )


class ForwardOnly:
    """An engine that knows nothing but `forward`, as TensorFlow's does; it counts its phrases.

    Fails for a batch that has the id `poison` in it.
    """

    name = "forward only"

    def __init__(self, network: Network, poison: int | None = None) -> None:
        self.network = network
        self.phrases: list[int] = []  # of each call
        self._poison = poison
        self._engine = NumpyEngine(network)

    def forward(self, padded: Ids) -> Outputs:
        self.phrases.append(len(padded))
        if self._poison is not None and (padded == self._poison).any():
            raise RuntimeError("poisoned")
        return self._engine.forward(padded)

    def trace(self, padded: Ids) -> Trace:
        return self._engine.trace(padded)


def both_ways(network: Network, merge_mode: MergeMode = "ave") -> Network:
    """The same network, its recurrent layers read both ways with the same weights."""
    layers = tuple(
        Bidirectional(
            layer.name,
            replace(layer, name=f"{layer.name}/forward"),
            replace(layer, name=f"{layer.name}/backward", go_backwards=True),
            merge_mode,
            layer.return_sequences,
        )
        if isinstance(layer, Recurrent)
        else layer
        for layer in network.layers
    )
    return replace(network, layers=layers)


async def rank(batcher: Batcher, model: Model, context: Context, k: int) -> Ranking:
    """As `/v1/predict` has it: from memory, or computed."""
    return batcher.known(model, context, k) or await batcher.ranking(model, context, k)
