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
_ZERO = np.float32(0)
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
        np.exp(logits, out=logits)
        total = np.add.reduce(logits, axis=1)  # as `softmax` does: the same to the last digit
    logits[:, barred] = -1
    reached = logits >= _thresholds(logits, k)  # by at least the k best of each row
    (found,) = reached.ravel().nonzero()
    values = logits.ravel()[found]
    rows = found // V
    order = np.lexsort((-values, rows))  # by row, then best first; stable: ties by lower id
    ids = (found[order] - rows * V).tolist()
    probabilities = list(values[order] / total[rows])
    ends = rows.searchsorted(np.arange(B + 1)).tolist()
    return [
        Ranking(ids[start : min(start + k, end)], probabilities[start : min(start + k, end)])
        if finite
        else None
        for (start, end), finite in zip(pairwise(ends), np.isfinite(total).tolist(), strict=True)
    ]


def _thresholds(values: Floats, k: int) -> Floats:
    """Numbers [B, 1], 0 or more, that the k best non-negative numbers of each row [B, V] reach:
    the k-th best of the maxima of disjoint columns, each row being laid out as a matrix.
    """
    B, V = values.shape
    rest = V % _COLUMNS
    if V - rest == 0 or k > _COLUMNS:
        return np.zeros((B, 1), np.float32)
    maxima = np.maximum.reduce(values[:, : V - rest].reshape(B, -1, _COLUMNS), axis=1)
    if rest:
        np.maximum(maxima[:, :rest], values[:, V - rest :], out=maxima[:, :rest])
    maxima.partition(_COLUMNS - k, axis=1)
    reached: Floats = np.maximum(maxima[:, -k, np.newaxis], _ZERO)
    return reached
