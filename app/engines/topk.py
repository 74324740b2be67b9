"""The k largest of many numbers, in a fixed order: by value, ties by lower index.

Sorting 10,000 probabilities costs more than computing them. Laid out as a matrix, the k best maxima
of its columns are k numbers of the row: the k best numbers are none smaller than the least of them.
A maximum is one vector instruction for many numbers, and what is left to sort is hardly more than
k.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from app.arrays import Floats, Indices

_COLUMNS = 256  # of the maxima of a row
_LOWEST = np.finfo(np.float32).min
BATCHED_K = _COLUMNS // 4  # beyond this k, whole rows are sorted


class Ranking(NamedTuple):
    """Ids and probabilities of the most probable classes, best first. Not to be written to."""

    ids: list[int]
    probabilities: list[np.float32]


def top_k(values: Floats, k: int, barred: Indices) -> Indices:
    """Indices of the k largest finite `values` [V] that are not barred, best first; or fewer."""
    found, _, _ = _best(values[np.newaxis].copy(), k, barred)
    return found[:k]


def best_of_rows(logits: Floats, k: int, barred: Indices) -> list[Ranking | None]:
    """The k best classes of every row of `logits` [B, V], which it overwrites.

    Classes in `barred` are not ranked, and have their share of the probability. No row is divided
    by its sum: only what is answered becomes a probability. None for a row that has no finite
    maximum.
    """
    with np.errstate(invalid="ignore"):  # inf - inf
        logits -= np.maximum.reduce(logits, axis=1, keepdims=True)
        shares = np.exp(logits)  # [B, V] of `total`
        total = np.add.reduce(shares, axis=1)  # as `softmax` does: the same to the last digit
    found, rows, ends = _best(logits, k, barred)
    ids = (found - rows * logits.shape[1]).tolist()
    probabilities = list(shares.ravel()[found] / total[rows])
    return [
        Ranking(ids[start : min(start + k, end)], probabilities[start : min(start + k, end)])
        if finite
        else None
        for (start, end), finite in zip(pairwise(ends), np.isfinite(total).tolist(), strict=True)
    ]


def _best(scores: Floats, k: int, barred: Indices) -> tuple[Indices, Indices, list[int]]:
    """At least the k best of every row of `scores` [B, V], where `barred` is written over.

    Where they stand in all of `scores`, best first in a row and one row after the other; the row of
    each; and where each row's begin and end.
    """
    B, V = scores.shape
    scores[:, barred] = -np.inf
    reached = scores >= _thresholds(scores, k)
    (found,) = reached.ravel().nonzero()
    rows = found // V
    order = np.lexsort((-scores.ravel()[found], rows))  # ties by lower index: it sorts stably
    return found[order], rows, rows.searchsorted(np.arange(B + 1)).tolist()


def _thresholds(values: Floats, k: int) -> Floats:
    """Finite numbers [B, 1] that the k best of each row of `values` [B, V] reach: the k-th best of
    the maxima of disjoint columns, each row being laid out as a matrix.
    """
    B, V = values.shape
    rest = V % _COLUMNS
    if V < _COLUMNS or k > BATCHED_K:
        return np.full((B, 1), _LOWEST)
    maxima = np.maximum.reduce(values[:, : V - rest].reshape(B, -1, _COLUMNS), axis=1)
    if rest:
        np.maximum(maxima[:, :rest], values[:, V - rest :], out=maxima[:, :rest])
    maxima.partition(_COLUMNS - k, axis=1)
    reached: Floats = np.maximum(maxima[:, -k, np.newaxis], _LOWEST)
    return reached


def most_active(states: Floats, most: int) -> Indices:
    """The units of [T, H] that leave 0 furthest at any timestep, in ascending order; ties by unit.

    A constant order would show units that rest; of a layer of 1,792, these are the ones to look at.
    """
    reach = np.abs(states).max(axis=0)  # [H]
    best: Indices = np.sort(np.argsort(-reach, kind="stable")[:most])
    return best
