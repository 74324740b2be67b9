"""The k largest of many numbers, in a fixed order: by value, ties by lower index.

Sorting 10,000 probabilities costs more than computing them. The k best lie in the k chunks with the
largest maxima, and a maximum is one vector instruction for many numbers.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from app.network import Floats, Indices, Mask

_CHUNK = 64
_COLUMNS = 256  # of the maxima of a row
_LOWEST = np.finfo(np.float32).min
BATCHED_K = _COLUMNS // 4  # the largest k of `best_of_rows`


class Ranking(NamedTuple):
    """Ids and probabilities of the most probable classes, best first. Not to be written to."""

    ids: list[int]
    probabilities: list[np.float32]


def top_k(values: Floats, k: int, allowed: Mask) -> Indices:
    """Indices of the k largest allowed `values` [V], best first; fewer where fewer are allowed.

    Values must be non-negative numbers.
    """
    V = len(values)
    scores = np.where(allowed, values, np.float32(-1))  # [V]
    chunks = V // _CHUNK
    if k < chunks // 2:
        maxima = scores[: chunks * _CHUNK].reshape(chunks, _CHUNK).max(axis=1)  # [chunks]
        best = np.sort(np.argsort(-maxima, kind="stable")[:k])  # the lower chunk wins a tie
        inside = (best[:, None] * _CHUNK + np.arange(_CHUNK)).ravel()  # ascending
        candidates = np.concatenate([inside, np.arange(chunks * _CHUNK, V)])
    else:
        candidates = np.arange(V)
    found = scores[candidates]
    order = np.argsort(-found, kind="stable")[:k]
    best_ids: Indices = candidates[order[found[order] >= 0]]
    return best_ids


def best_of_rows(logits: Floats, k: int, barred: Indices) -> list[Ranking | None]:
    """The k best classes of every row of `logits` [B, V], which it overwrites; k <= BATCHED_K.

    Classes in `barred` are not ranked, and have their share of the probability. No row is divided
    by its sum: only what is answered becomes a probability. None for a row that has no finite
    maximum.
    """
    B, V = logits.shape
    with np.errstate(invalid="ignore"):  # inf - inf
        logits -= np.maximum.reduce(logits, axis=1, keepdims=True)
        shares = np.exp(logits)  # [B, V] of `total`
        total = np.add.reduce(shares, axis=1)  # as `softmax` does: the same to the last digit
    logits[:, barred] = -np.inf
    reached = logits >= _thresholds(logits, k)  # by at least the k best of each row
    (found,) = reached.ravel().nonzero()
    rows = found // V
    order = np.lexsort((-logits.ravel()[found], rows))  # best first in a row; ties by lower id
    found = found[order]
    ids = (found - rows * V).tolist()
    probabilities = list(shares.ravel()[found] / total[rows])
    ends = rows.searchsorted(np.arange(B + 1)).tolist()
    return [
        Ranking(ids[start : min(start + k, end)], probabilities[start : min(start + k, end)])
        if finite
        else None
        for (start, end), finite in zip(pairwise(ends), np.isfinite(total).tolist(), strict=True)
    ]


def _thresholds(values: Floats, k: int) -> Floats:
    """Finite numbers [B, 1] that the k best of each row of `values` [B, V] reach: the k-th best of
    the maxima of disjoint columns, each row being laid out as a matrix.
    """
    B, V = values.shape
    rest = V % _COLUMNS
    if V < _COLUMNS:
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
