"""The notebook's answer: field names are the HTTP contract, every step in the notebook's order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.answers import Matrix, Number, Vector
from app.arrays import Floats
from app.layers import Dense, Recurrent
from app.network import Network
from app.notebook.fit import NAMES, Record, Weights, fit, forward, start
from app.notebook.steps import Prepared, prepare
from app.summary import summary

MOST_RECORDS = 100
Named = dict[str, Any]  # "layer/weight" -> array


@dataclass(slots=True)
class Example:
    """A phrase of the text, and the word that follows it there."""

    phrase: str
    label: str


@dataclass(slots=True)
class Epoch:
    """The loss and the weights after so many epochs."""

    epoch: int
    loss: float
    weights: Named


@dataclass(slots=True)
class HandStep:
    """One timestep by hand: pre_activation = input_term + Σ recurrent_terms + bias, then tanh.

    `recurrent_terms` [H, H]: row i is what unit i's state before adds to every unit.
    """

    x: int
    input_term: Vector
    recurrent_terms: Matrix
    bias: Vector
    pre_activation: Vector
    hidden_state: Vector


@dataclass(slots=True)
class ByHand:
    """A prediction recomputed from the weights alone; `lines` writes it out."""

    timesteps: tuple[HandStep, ...]
    logits: Vector
    exponentials: Vector
    sum: Number
    probabilities: Vector
    lines: tuple[str, ...]


@dataclass(slots=True)
class Guess:
    """What the trained network answers for one example, and how it got there."""

    phrase: str
    ids: tuple[int, ...]
    label: str
    next_word: str | None
    probabilities: Vector
    by_hand: ByHand


@dataclass(slots=True)
class NotebookAnswer:
    """The notebook in order. `history` has at most 100 epochs, the start and the end among them."""

    text: str
    window: int
    units: int
    epochs: int
    seed: int
    examples: tuple[Example, ...]
    word_to_int: dict[str, int]
    encoded_docs: tuple[tuple[int, ...], ...]
    padded_docs: Any
    one_hot_labels: Any
    input_shape: tuple[int, int, int]
    summary: str
    parameters: int
    history: tuple[Epoch, ...]
    weights: Named
    predictions: tuple[Guess, ...]


def network_of(weights: Named, window: int) -> Network:
    """The trained network as plain data."""
    W, U, b, V, c = (weights[name] for name in NAMES)
    layers = (
        Recurrent("simple_rnn", "SimpleRNN", "tanh", W, U, b, False),
        Dense("dense", "softmax", V, c),
    )
    return Network("notebook", "Sequential", layers, window)


def by_hand(ids: list[int], weights: Weights) -> ByHand:
    """Recompute the prediction for ids from the weights: h_t = tanh(x_t·W + h_{t-1}·U + b)."""
    W, U, b, V, c = weights  # [1, H], [H, H], [H], [H, V], [V]
    h = np.zeros(len(U), np.float32)
    steps = []
    for x in ids:
        entering = np.float32(x) * W[0]  # [H]
        recurrent = h[:, np.newaxis] * U  # [H, H]
        z = entering + h @ U + b  # [H]
        h = np.tanh(z)
        steps.append(HandStep(x, entering, recurrent, b, z, h))
    y = h @ V + c  # [V]
    e = np.exp(y - y.max())  # the largest is 1: nothing overflows, and the quotients are the same
    total = e.sum()
    p = e / total
    lines = tuple(_lines(steps, weights, y, p))
    return ByHand(tuple(steps), y, e, total, p, lines)


def _lines(steps: list[HandStep], weights: Weights, y: Floats, p: Floats) -> Iterator[str]:
    """The calculation as one writes it, for a single unit; longer states as vectors."""
    W, U = weights[0], weights[1]
    before = np.zeros(len(U), np.float32)
    for t, step in enumerate(steps):
        if len(U) == 1:
            recurrent = f" + {before[0]:.7f} × {U[0, 0]:.7f}" if t else ""
            terms = f"{step.x} × {W[0, 0]:.7f}{recurrent} + {step.bias[0]:.7f}"
            z, h = step.pre_activation[0], step.hidden_state[0]
            yield f"h{t} = tanh({terms}) = tanh({z:.7f}) = {h:.7f}"
        else:
            memory = f" + h{t - 1}·U" if t else ""
            yield f"h{t} = tanh({step.x}·W{memory} + b) = {in_brackets(step.hidden_state)}"
        before = step.hidden_state
    yield f"y = h{len(steps) - 1}·V + c = {in_brackets(y)}"
    yield f"softmax(y) = {in_brackets(p)}"


def in_brackets(values: Floats) -> str:
    """Numbers as the notebook prints them."""
    return "[" + ", ".join(f"{float(value):.7f}" for value in values) + "]"


class Training:
    """A notebook under way: `records` trains, in as many slices as there are records."""

    def __init__(self, text: str, window: int, units: int, epochs: int, seed: int) -> None:
        """Raises InvalidRequest where the text has too few words, or too many."""
        self.prepared = prepare(text, window)
        self._asked = (text, window, units, epochs, seed)
        weights = start(units, self.prepared.labels.shape[1], seed)
        x, labels = self.prepared.x, self.prepared.labels
        self._records = fit(weights, x, labels, epochs, MOST_RECORDS)
        self._history: list[Record] = []

    @property
    def size(self) -> tuple[int, int, int, int]:
        """Examples N, timesteps T, units H, classes V."""
        examples, classes = self.prepared.labels.shape
        return examples, self.prepared.padded.shape[1], self._asked[2], classes

    def advance(self) -> bool:
        """Train up to the next record. False when there is none."""
        record = next(self._records, None)
        if record is not None:
            self._history.append(record)
        return record is not None

    def answer(self) -> NotebookAnswer:
        """What the notebook shows, once it is trained."""
        ready = self.prepared
        last = self._history[-1].weights
        network = network_of(named(last), self._asked[1])
        examples = zip(ready.examples.phrases, ready.examples.labels, strict=True)
        return NotebookAnswer(
            *self._asked,
            tuple(Example(phrase, label) for phrase, label in examples),
            ready.vocabulary.word_to_id,
            ready.encoded,
            ready.padded,
            ready.labels.astype(np.int32),
            (len(ready.padded), self._asked[1], 1),
            summary(network, self._asked[1]),
            network.parameters,
            tuple(Epoch(one.epoch, one.loss, named(one.weights)) for one in self._history),
            named(last),
            _predictions(ready, last),
        )


def named(weights: Weights) -> Named:
    """Weights by Keras's names."""
    return dict(zip(NAMES, weights, strict=True))


def _predictions(ready: Prepared, weights: Weights) -> tuple[Guess, ...]:
    _, logits = forward(weights, ready.x)  # [N, V]
    rows = zip(ready.examples.phrases, ready.padded.tolist(), ready.examples.labels, strict=True)
    return tuple(
        Guess(
            phrase,
            tuple(ids),
            label,
            ready.vocabulary.words[int(logits[at].argmax())],
            (hand := by_hand(ids, weights)).probabilities,
            hand,
        )
        for at, (phrase, ids, label) in enumerate(rows)
    )


def run(text: str, window: int, units: int, epochs: int, seed: int) -> NotebookAnswer:
    """The whole notebook at once. Raises InvalidRequest for a text it cannot use."""
    training = Training(text, window, units, epochs, seed)
    while training.advance():
        pass
    return training.answer()
