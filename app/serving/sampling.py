"""How the words of a text are chosen, and what was chosen so far; `drawing.py` draws them.

Knows ids and numbers, not words. Shapes: V classes.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.arrays import Floats, Indices
from app.engines.activations import log_softmax

_COLDEST = 1e-5  # below it a draw is the most probable word
_BAN = -100.0  # OpenAI's bias for "never"


@dataclass(frozen=True)
class Sampling:
    """How words are chosen; the fields are those of OpenAI's API."""

    temperature: float = 1.0
    top_p: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    bias: Mapping[int, float] = field(default_factory=dict)

    @cached_property
    def biased(self) -> tuple[Indices, Floats]:
        """Ids, and what is added to their logits: there may be as many as words."""
        ids, biases = _arrays(self.bias)
        return ids, biases.astype(np.float32)

    def barred(self, never: Indices) -> Indices:
        """Ids that are not drawn: those of `never` that no bias asks for, and the banned."""
        if not self.bias:
            return never
        asked = [number for number, bias in self.bias.items() if bias > 0]
        banned = [number for number, bias in self.bias.items() if bias <= _BAN]
        return np.union1d(np.setdiff1d(never, asked), banned).astype(np.intp)


def _arrays(numbers: Mapping[int, float]) -> tuple[Indices, NDArray[np.float64]]:
    ids = np.fromiter(numbers.keys(), np.intp, len(numbers))
    return ids, np.fromiter(numbers.values(), np.float64, len(numbers))


class Sampler:
    """How the words of one text are drawn, and which were. `barred` are ids that are never drawn;
    `before` is the text's last id. No sentence is empty: its `end` is not drawn after itself,
    unless a bias asks for it.
    """

    def __init__(
        self,
        sampling: Sampling,
        barred: Indices,
        end: int | None,
        seed: int | tuple[int, ...],
        before: int | None = None,
    ) -> None:
        self.top_p = sampling.top_p
        self.heat = 0.0 if sampling.temperature < _COLDEST else sampling.temperature
        self.luck = 0.0  # of the next word
        self._sampling = sampling
        self._barred = barred
        self._end = None if end is None or sampling.bias.get(end, 0) > 0 else end
        self._before = before
        self._counts: Counter[int] = Counter()
        self._random = None
        if self.heat:
            self._random = np.random.Generator(np.random.PCG64(seed))
            self.luck = float(self._random.random())

    def take(self, number: int) -> None:
        """Go on to the next word after this one."""
        self._before = number
        self._counts[number] += 1
        if self._random is not None:
            self.luck = float(self._random.random())

    def weigh(self, scores: Floats) -> None:
        """Make scores of logits [V], in place: biases, penalties, and what is not drawn."""
        sampling = self._sampling
        if sampling.bias:
            ids, biases = sampling.biased
            scores[ids] += biases
        if (sampling.presence_penalty or sampling.frequency_penalty) and self._counts:
            ids, counts = _arrays(self._counts)
            penalties = sampling.presence_penalty + counts * sampling.frequency_penalty
            scores[ids] -= penalties.astype(np.float32)
        scores[self._barred] = -np.inf
        if self._end is not None and self._before == self._end:
            scores[self._end] = -np.inf


def log_probabilities(logits: Floats) -> NDArray[np.float64]:
    """log softmax(logits [V]) of all classes."""
    exact = logits.astype(np.float64)
    best = np.array([exact.argmax()])
    logs: NDArray[np.float64] = exact - (exact[best] - log_softmax(exact[np.newaxis], best))
    return logs


def best_ids(logs: NDArray[np.float64], count: int) -> list[int]:
    """The `count` ids of the greatest log probabilities [V], greatest first, ties by id."""
    count = min(count, len(logs))
    if count < 1:
        return []
    edge = np.partition(logs, -count)[-count]
    candidates = np.flatnonzero(logs >= edge)
    best: list[int] = candidates[np.argsort(-logs[candidates], kind="stable")[:count]].tolist()
    return best
