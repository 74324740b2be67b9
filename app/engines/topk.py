"""The k largest of many numbers, in a fixed order: by value, ties by lower index.

Sorting 10,000 probabilities costs more than computing them. The k best lie in the k chunks with the
largest maxima, and a maximum is one vector instruction for many numbers.
"""

import numpy as np

from app.network import Floats, Indices, Mask

_CHUNK = 64


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
