"""Logits of many texts -> the next word of each: the most probable one, or one drawn by temperature
and top_p.

The same seed gives the same words whoever else is being answered. The last bits of a product
depend on how many rows it has; `draw` says where a word hangs on them, so that it can be drawn
again from logits that were computed alone.

Knows ids and numbers, not words. Shapes: B texts, V classes, W the next multiple of 64, C = W / 64.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.arrays import Floats, Indices
from app.serving.sampling import Sampler

_CHUNK = 64
_NOISE = np.float32(2e-6)  # of the largest logit: how far rounding moves one

Flags = NDArray[np.bool_]


class Drawn(NamedTuple):
    """A word, and whether it would be the same if the logits were rounded differently."""

    number: int
    sure: bool


def draw(samplers: Sequence[Sampler], logits: Floats) -> list[Drawn | None]:
    """The next word of every text, from logits [B, V]. Asked again, it draws with the same luck.

    None where none can be drawn: the network's numbers overflow, or no word is allowed.
    """
    B, V = logits.shape
    scores = np.empty((B, -(-V // _CHUNK) * _CHUNK), np.float32)  # [B, W]
    scores[:, :V], scores[:, V:] = logits, -np.inf
    for sampler, row in zip(samplers, scores, strict=True):
        sampler.weigh(row)
    drawn: list[Drawn | None] = [None] * B
    for way, rows in (
        (_most_probable, [row for row in range(B) if not samplers[row].heat]),
        (_by_chance, [row for row in range(B) if samplers[row].heat]),
    ):
        if rows:
            some = scores if len(rows) == B else scores[rows]
            for row, one in zip(rows, way([samplers[row] for row in rows], some), strict=True):
                drawn[row] = one
    return drawn


def _most_probable(_samplers: Sequence[Sampler], scores: Floats) -> Iterable[Drawn | None]:
    best, top, noise = _best(scores)
    scores[np.arange(len(scores)), best] = -np.inf
    with np.errstate(invalid="ignore"):  # inf - inf
        return _drawn(best, top - scores.max(axis=1) > 2 * noise, top)


def _by_chance(samplers: Sequence[Sampler], scores: Floats) -> Iterable[Drawn | None]:
    """By softmax(scores [B, W] / temperature)."""
    _, top, noise = _best(scores)
    heats = np.array([sampler.heat for sampler in samplers], np.float32)
    with np.errstate(invalid="ignore"):
        scores -= top[:, np.newaxis]
        if (heats != 1).any():
            scores /= heats[:, np.newaxis]
        shares = np.exp(scores, out=scores)
        noise = noise / heats
        certain = [
            sampler.top_p >= 1 or not np.isfinite(off) or _keep_nucleus(row, sampler.top_p, off)
            for sampler, row, off in zip(samplers, shares, noise, strict=True)
        ]
        places, sure = _places(shares, np.array([sampler.luck for sampler in samplers]), noise)
    return _drawn(places, sure & certain, top)


def _best(scores: Floats) -> tuple[Indices, Floats, Floats]:
    """The index of every row's largest score, this score, and how far rounding moves it: [B]."""
    best = scores.argmax(axis=1)
    top: Floats = scores[np.arange(len(scores)), best]
    return best, top, _NOISE * np.maximum(np.abs(top), np.float32(1))


def _drawn(numbers: Indices, sure: Flags, top: Floats) -> Iterable[Drawn | None]:
    for number, certain, finite in zip(
        numbers.tolist(), sure.tolist(), np.isfinite(top).tolist(), strict=True
    ):
        yield Drawn(number, certain) if finite else None


def _keep_nucleus(shares: Floats, top_p: float, noise: np.float32) -> bool:
    """Leave the fewest words whose shares [W] make up `top_p` of all, ties by lower index; whether
    `noise` could not change which they are.
    """
    total = float(shares.sum(dtype=np.float64))
    # Words with less than this have less than 1 - top_p all together: none of them belongs to it.
    likely = shares[shares >= total * (1 - top_p) / (2 * len(shares))]
    likely.sort()
    likely = likely[::-1]
    reached = np.cumsum(likely, dtype=np.float64)
    count = min(int(np.searchsorted(reached, top_p * total)) + 1, len(likely))
    before = reached[count - 2] if count > 1 else -np.inf
    close = min(abs(reached[count - 1] - top_p * total), abs(top_p * total - before))
    last, after = likely[count - 1], likely[count] if count < len(likely) else 0
    ties = np.flatnonzero(shares == last)
    kept = count - int(np.count_nonzero(likely > last))
    shares[shares < last] = 0
    shares[ties[kept:]] = 0
    return bool(close > noise * total and last - after > 2 * noise * last)


def _places(shares: Floats, luck: NDArray[np.float64], noise: Floats) -> tuple[Indices, Flags]:
    """The index in every row whose part of the sum of `shares` [B, W] lies at `luck` [B], 0 <= luck
    < 1, and whether that is further than `noise` [B] from another's part.

    Sums of chunks come first: to add up one number after the other is slow. Each share is off by up
    to `noise` of itself, and what they are off by cancels out in sums of many.
    """
    rows = np.arange(len(shares))
    chunks = shares.reshape(len(shares), -1, _CHUNK)  # [B, C, 64]
    ends = np.add.reduce(chunks, axis=2).cumsum(axis=1, dtype=np.float64)  # [B, C]
    total = ends[:, -1]
    squares = np.einsum("bw,bw->b", shares, shares)
    noise = noise * np.minimum(0.5, 4 * np.sqrt(squares) / total)
    target = np.minimum(luck * total, np.nextafter(total, 0))
    chunk = (ends <= target[:, np.newaxis]).sum(axis=1)
    start = np.where(chunk, ends[rows, chunk - 1], 0)
    inside = chunks[rows, chunk]  # [B, 64]
    parts = start[:, np.newaxis] + inside.cumsum(axis=1, dtype=np.float64)
    last = _CHUNK - 1 - (inside[:, ::-1] > 0).argmax(axis=1)  # the sum of a chunk may be rounded up
    at = np.minimum((parts <= target[:, np.newaxis]).sum(axis=1), last)
    below = np.where(at, parts[rows, at - 1], start)
    sure = np.minimum(target - below, parts[rows, at] - target) > noise * total
    return chunk * _CHUNK + at, sure
