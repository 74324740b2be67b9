"""The softmax cross-entropy and its gradient, over all classes or over a sample of them.

Sampled: the most frequent classes always take part, the rest through a uniform sample whose terms
are weighted by how many classes each stands for, so that the sum in the denominator is right on
average (importance sampling, Bengio and Senécal 2003). Classes are ordered by frequency: the head
is 0..head-1. Shapes: N positions, P features, V classes, K candidates.
"""

from dataclasses import dataclass

import numpy as np

from app.network import Floats, Ids, Indices

_CHUNK = 512  # positions at a time over all classes: the scores stay within the cache


@dataclass(frozen=True, slots=True)
class Candidates:
    """`ids` [K]: the head 0..head-1, then the sampled tail, each standing for `weight` classes."""

    ids: Indices
    head: int
    weight: float


def sample_candidates(
    classes: int, head: int, sampled: int, rng: np.random.Generator
) -> Candidates | None:
    """Draw the tail without repeats; None where the sample would be all classes."""
    tail = classes - head
    if sampled <= 0 or sampled >= tail:
        return None
    drawn = head + np.sort(rng.choice(tail, sampled, replace=False))
    return Candidates(np.concatenate([np.arange(head), drawn]), head, tail / sampled)


@dataclass(frozen=True, slots=True)
class RowGradient:
    """A gradient that touches some rows of a table: `ids` ascending without repeats."""

    ids: Indices
    values: Floats  # [len(ids), columns]

    @classmethod
    def summed(cls, ids: Ids | Indices, values: Floats) -> "RowGradient":
        """Add up the values of repeated ids. Sorted sums are the same on every run."""
        order = np.argsort(ids, kind="stable")
        unique, starts = np.unique(ids[order], return_index=True)
        return cls(unique.astype(np.intp), np.add.reduceat(values[order], starts, axis=0))

    def plus(self, other: "RowGradient") -> "RowGradient":
        """The sum of two row gradients of one table."""
        ids = np.union1d(self.ids, other.ids)
        values = np.zeros((len(ids), self.values.shape[1]), np.float32)
        values[np.searchsorted(ids, self.ids)] = self.values
        values[np.searchsorted(ids, other.ids)] += other.values
        return RowGradient(ids, values)

    def spread(self, rows: int) -> Floats:
        """The same gradient as a whole table of `rows` rows."""
        if len(self.ids) == rows:
            return self.values
        table = np.zeros((rows, self.values.shape[1]), np.float32)
        table[self.ids] = self.values
        return table


@dataclass(frozen=True, slots=True)
class Loss:
    """`total` cross-entropy in nats over N positions; gradients are of its mean."""

    total: float
    d_features: Floats  # [N, P]
    rows: RowGradient
    bias_rows: RowGradient | None


def softmax_loss(
    features: Floats,
    table: Floats,
    bias: Floats | None,
    targets: Ids,
    candidates: Candidates | None,
) -> Loss:
    """-Σ log softmax(features·tableᵀ + bias)[target] for [N, P], [V, P], [V, 1], [N]."""
    if candidates is None:
        return _over_all(features, table, bias, targets)
    return _over_sample(features, table, bias, targets, candidates)


def _over_all(features: Floats, table: Floats, bias: Floats | None, targets: Ids) -> Loss:
    N = len(features)
    d_features = np.empty_like(features)
    d_table = np.zeros_like(table)
    d_bias = np.zeros(len(table), np.float32)
    total = 0.0
    for start in range(0, N, _CHUNK):
        part = slice(start, start + _CHUNK)
        scores = features[part] @ table.T  # [n, V]
        if bias is not None:
            scores += bias[:, 0]
        at = np.arange(len(scores)), targets[part]
        scores -= scores.max(axis=1, keepdims=True)
        target_scores = scores[at]
        np.exp(scores, out=scores)
        sums = scores.sum(axis=1)
        total += float((np.log(sums) - target_scores).sum(dtype=np.float64))
        scores *= (1.0 / (N * sums)).astype(np.float32)[:, None]
        scores[at] -= np.float32(1.0 / N)  # ∂(mean loss)/∂scores
        np.matmul(scores, table, out=d_features[part])
        d_table += scores.T @ features[part]
        d_bias += scores.sum(axis=0)
    everything = np.arange(len(table))
    bias_rows = None if bias is None else RowGradient(everything, d_bias[:, None])
    return Loss(total, d_features, RowGradient(everything, d_table), bias_rows)


def _over_sample(
    features: Floats, table: Floats, bias: Floats | None, targets: Ids, candidates: Candidates
) -> Loss:
    N, head = len(features), candidates.head
    rows = table[candidates.ids]  # [K, P]
    scores: Floats = features @ rows.T  # [N, K]
    if bias is not None:
        scores += bias[candidates.ids, 0]
    scores[:, head:] += np.float32(np.log(candidates.weight))
    rare = np.flatnonzero(targets >= head)  # positions whose target is not in the head
    common = np.flatnonzero(targets < head)
    rare_targets = targets[rare]
    # A rare target enters its own row exactly, so it must not stand there as a sample as well.
    column = np.minimum(
        head + np.searchsorted(candidates.ids[head:], rare_targets), len(candidates.ids) - 1
    )
    twice = candidates.ids[column] == rare_targets
    scores[rare[twice], column[twice]] = -np.inf
    rare_scores = np.einsum("np,np->n", features[rare], table[rare_targets])
    if bias is not None:
        rare_scores += bias[rare_targets, 0]

    highest = scores.max(axis=1)
    highest[rare] = np.maximum(highest[rare], rare_scores)
    scores -= highest[:, None]
    rare_scores -= highest[rare]
    target_scores = np.empty(N, np.float32)
    target_scores[common] = scores[common, targets[common]]
    target_scores[rare] = rare_scores
    np.exp(scores, out=scores)
    rare_terms = np.exp(rare_scores)
    sums = scores.sum(axis=1)
    sums[rare] += rare_terms
    total = float((np.log(sums) - target_scores).sum(dtype=np.float64))

    scale = (1.0 / (N * sums)).astype(np.float32)
    scores *= scale[:, None]
    scores[common, targets[common]] -= np.float32(1.0 / N)
    d_rare: Floats = (rare_terms * scale[rare] - np.float32(1.0 / N))[:, None]  # [rare, 1]
    d_features: Floats = scores @ rows
    d_features[rare] += d_rare * table[rare_targets]
    d_rows = RowGradient(candidates.ids, scores.T @ features)
    d_bias = RowGradient(candidates.ids, scores.sum(axis=0)[:, None])
    if len(rare):
        d_rows = d_rows.plus(RowGradient.summed(rare_targets, d_rare * features[rare]))
        d_bias = d_bias.plus(RowGradient.summed(rare_targets, d_rare))
    return Loss(total, d_features, d_rows, None if bias is None else d_bias)
