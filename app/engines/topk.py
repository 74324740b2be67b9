"""The k largest of many numbers, in a fixed order: by value, ties by lower index.

Sorting 10,000 probabilities costs more than computing them. The k best lie in the k chunks with the
largest maxima, and a maximum is one vector instruction for many numbers.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from app.network import Floats, Indices, Mask

_CHUNK = 64
_COLUMNS = 128  # of the maxima of a row of logits
_LOWEST = np.finfo(np.float32).min
BATCHED_K = _COLUMNS // 2  # the largest k of `best_of_rows`


class Ranking(NamedTuple):
    """Ids and probabilities [k] of the most probable classes, best first."""

    ids: list[int]
    probabilities: Floats


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
    taken = logits[:, barred]  # [B, barred]
    logits[:, barred] = -np.inf
    maxima = _column_maxima(logits)  # [B, columns]
    threshold = np.partition(maxima, -k, axis=1)[:, [-k]] if k < maxima.shape[1] else -np.inf
    found = np.flatnonzero(logits >= np.maximum(threshold, _LOWEST))  # at least the k best
    values = logits.ravel()[found]
    rows, ids = np.divmod(found, V)
    highest = np.maximum(maxima.max(axis=1), taken.max(axis=1, initial=-np.inf))
    logits[:, barred] = taken
    with np.errstate(invalid="ignore"):  # inf - inf
        logits -= highest[:, None]
        np.exp(logits, out=logits)
        total = logits.sum(axis=1)  # [B], added up as `softmax` does: the same to the last digit
        probabilities = logits.ravel()[found] / total[rows]
    order = np.lexsort((-values, rows))  # by row, then best first; stable: ties by lower id
    probabilities, ranked = probabilities[order], ids[order].tolist()
    ends = np.searchsorted(rows, np.arange(B + 1)).tolist()
    return [
        Ranking(ranked[start : min(start + k, end)], probabilities[start : min(start + k, end)])
        if finite
        else None
        for (start, end), finite in zip(pairwise(ends), np.isfinite(total).tolist(), strict=True)
    ]


def _column_maxima(logits: Floats) -> Floats:
    """Maxima [B, columns] of disjoint columns of each row laid out as a matrix."""
    B, V = logits.shape
    whole = V - V % _COLUMNS
    if not whole:
        return logits
    maxima: Floats = logits[:, :whole].reshape(B, -1, _COLUMNS).max(axis=1)
    if whole < V:
        maxima[:, : V - whole] = np.maximum(maxima[:, : V - whole], logits[:, whole:])
    return maxima
