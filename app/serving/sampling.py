"""Logits -> the next word: the most probable one, or one drawn by temperature and top_p.

The same seed gives the same words whoever else is being answered. The last bits of a product
depend on how many rows it has; `draw` says where a word hangs on them, so that it can be drawn
again from logits that were computed alone.

Knows ids and numbers, not words. Shapes: V classes.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.engines.activations import log_softmax
from app.errors import NotFinite
from app.network import Floats, Indices

_CHUNK = 64
_NOISE = np.float32(2e-6)  # of the largest logit: how far rounding moves one
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

    def barred(self, never: Indices) -> Indices:
        """Ids that are not drawn: those of `never` that no bias asks for, and the banned."""
        if not self.bias:
            return never
        asked = [number for number, bias in self.bias.items() if bias > 0]
        banned = [number for number, bias in self.bias.items() if bias <= _BAN]
        return np.union1d(np.setdiff1d(never, asked), banned).astype(np.intp)


class Sampler:
    """Draws the words of one text. `barred` are ids that are never drawn. No sentence is empty: its
    `end` is not drawn after itself, unless a bias asks for it.
    """

    def __init__(
        self, sampling: Sampling, barred: Indices, end: int | None, seed: int | tuple[int, ...]
    ) -> None:
        self._sampling = sampling
        self._barred = barred
        self._end = None if end is None or sampling.bias.get(end, 0) > 0 else end
        self._counts: Counter[int] = Counter()
        self._random = None
        self._luck = 0.0  # of the next word
        if sampling.temperature >= _COLDEST:
            self._random = np.random.Generator(np.random.PCG64(seed))
            self._luck = float(self._random.random())

    def draw(self, logits: Floats, before: int | None) -> tuple[int, bool]:
        """The word after `before`, from logits [V], which are written to; whether it would be the
        same if they were rounded differently. Asked again, it draws with the same luck.

        Raises NotFinite.
        """
        scores = self._scores(logits, before)
        best = int(scores.argmax())
        top = scores[best]
        if not np.isfinite(top):
            raise NotFinite("the network's numbers overflow for this text, or no word is allowed")
        noise = _NOISE * max(abs(top), np.float32(1))
        if self._sampling.temperature < _COLDEST:
            scores[best] = -np.inf
            return best, bool(top - scores.max() > 2 * noise)
        scores -= top
        return self._drawn(scores, noise)

    def take(self, number: int) -> None:
        """Go on to the next word after this one."""
        self._counts[number] += 1
        if self._random is not None:
            self._luck = float(self._random.random())

    def _scores(self, logits: Floats, before: int | None) -> Floats:
        sampling = self._sampling
        scores = logits
        for number, bias in sampling.bias.items():
            scores[number] += np.float32(bias)
        if sampling.presence_penalty or sampling.frequency_penalty:
            for number, count in self._counts.items():
                penalty = sampling.presence_penalty + count * sampling.frequency_penalty
                scores[number] -= np.float32(penalty)
        scores[self._barred] = -np.inf
        if before is not None and before == self._end:
            scores[before] = -np.inf
        return scores

    def _drawn(self, scores: Floats, noise: np.float32) -> tuple[int, bool]:
        """A word by softmax(scores [V] / temperature), the largest score being 0."""
        heat = np.float32(self._sampling.temperature)
        scores /= heat
        shares = np.exp(scores, out=scores)
        noise = noise / heat
        if self._sampling.top_p >= 1:
            return _place(shares, self._luck, noise)
        nucleus, certain = _nucleus(shares, self._sampling.top_p, noise)
        at, sure = _place(shares[nucleus], self._luck, noise)
        return int(nucleus[at]), sure and certain


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


def _nucleus(shares: Floats, top_p: float, noise: np.float32) -> tuple[Indices, bool]:
    """Ascending ids of the fewest words whose `shares` [V] make up `top_p` of all, and whether
    `noise` could not change them.
    """
    total = float(shares.sum(dtype=np.float64))
    # Words with less than this have less than 1 - top_p all together: none of them belongs to it.
    likely = np.flatnonzero(shares >= total * (1 - top_p) / (2 * len(shares)))
    order = likely[np.argsort(-shares[likely], kind="stable")]
    reached = np.cumsum(shares[order], dtype=np.float64)
    count = min(int(np.searchsorted(reached, top_p * total)) + 1, len(order))
    before = reached[count - 2] if count > 1 else -np.inf
    close = min(abs(reached[count - 1] - top_p * total), abs(top_p * total - before))
    last, after = shares[order[count - 1]], shares[order[count]] if count < len(order) else 0
    certain = close > noise * total and last - after > 2 * noise * last
    return np.sort(order[:count]), bool(certain)


def _place(shares: Floats, luck: float, noise: np.float32) -> tuple[int, bool]:
    """The index whose part of the sum of `shares` [N] lies at `luck`, 0 <= luck < 1, and whether
    that is further than `noise` from another's part.

    Sums of chunks come first: to add up one number after the other is slow. Each share is off by up
    to `noise` of itself, and what they are off by cancels out in sums of many.
    """
    ends = np.add.reduceat(shares, np.arange(0, len(shares), _CHUNK)).cumsum(dtype=np.float64)
    total = float(ends[-1])
    noise = noise * np.float32(min(0.5, 4 * math.sqrt(float(shares @ shares)) / total))
    target = min(luck * total, float(np.nextafter(total, 0)))
    chunk = int(ends.searchsorted(target, side="right"))
    start = float(ends[chunk - 1]) if chunk else 0.0
    inside = shares[chunk * _CHUNK :][:_CHUNK]
    parts = start + np.cumsum(inside, dtype=np.float64)
    at = min(int(parts.searchsorted(target, side="right")), int(inside.nonzero()[0][-1]))
    below = float(parts[at - 1]) if at else start
    sure = min(target - below, float(parts[at]) - target) > noise * total
    return chunk * _CHUNK + at, bool(sure)
