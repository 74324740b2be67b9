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


@dataclass(frozen=True, slots=True)
class Output:
    """An output layer: logits are features·tableᵀ + bias, for `table` [V, P], `bias` [V, 1]."""

    table: Floats
    bias: Floats | None


@dataclass(frozen=True, slots=True)
class Taught:
    """What a teacher answers at the same positions: `features` [N, Q] into its own `output`.

    `share` of the loss is the cross-entropy against its distribution (Hinton et al. 2015).
    """

    features: Floats
    output: Output
    share: float


def softmax_loss(
    features: Floats,
    output: Output,
    targets: Ids,
    candidates: Candidates | None,
    taught: Taught | None = None,
) -> Loss:
    """-Σ log softmax(features·tableᵀ + bias)[target] for [N, P] and targets [N].

    What is `taught` changes the gradients, not the total, which stays the text's own.
    """
    if candidates is None:
        return _over_all(features, output, targets, taught)
    return _over_sample(features, output, targets, candidates, taught)


def _over_all(features: Floats, output: Output, targets: Ids, taught: Taught | None) -> Loss:
    N, V = len(features), len(output.table)
    share = 0.0 if taught is None else taught.share
    d_features = np.empty_like(features)
    d_table = np.zeros_like(output.table)
    d_bias = np.zeros(V, np.float32)
    total = 0.0
    for start in range(0, N, _CHUNK):
        part = slice(start, start + _CHUNK)
        scores, in_nats = _softmax(features[part], output, targets[part], 1 / N)  # [n, V]
        total += in_nats
        scores[np.arange(len(scores)), targets[part]] -= np.float32((1 - share) / N)
        if taught is not None:
            scores -= _softmax(taught.features[part], taught.output, targets[part], share / N)[0]
        # Now they are ∂(mean loss)/∂scores.
        np.matmul(scores, output.table, out=d_features[part])
        d_table += scores.T @ features[part]
        d_bias += scores.sum(axis=0)
    everything = np.arange(V)
    bias_rows = None if output.bias is None else RowGradient(everything, d_bias[:, None])
    return Loss(total, d_features, RowGradient(everything, d_table), bias_rows)


def _softmax(features: Floats, output: Output, targets: Ids, scale: float) -> tuple[Floats, float]:
    """`scale` · probabilities [n, V], and the targets' cross-entropy, summed."""
    scores = features @ output.table.T
    if output.bias is not None:
        scores += output.bias[:, 0]
    scores -= scores.max(axis=1, keepdims=True)
    target_scores = scores[np.arange(len(scores)), targets]
    np.exp(scores, out=scores)
    sums = scores.sum(axis=1)
    total = float((np.log(sums) - target_scores).sum(dtype=np.float64))
    scores *= (scale / sums).astype(np.float32)[:, None]
    return scores, total


def _over_sample(
    features: Floats,
    output: Output,
    targets: Ids,
    candidates: Candidates,
    taught: Taught | None,
) -> Loss:
    N = len(features)
    share = 0.0 if taught is None else taught.share
    places = _Places.of(targets, candidates)
    rows = output.table[candidates.ids]  # [K, P]
    scores, d_rare, total = _sampled_softmax(features, output, rows, candidates, places, 1 / N)
    scores[places.common, places.common_targets] -= np.float32((1 - share) / N)
    d_rare -= np.float32((1 - share) / N)
    if taught is not None:
        their_rows = taught.output.table[candidates.ids]
        theirs, their_rare, _ = _sampled_softmax(
            taught.features, taught.output, their_rows, candidates, places, share / N
        )
        scores -= theirs
        d_rare -= their_rare
    # Now they are ∂(mean loss)/∂scores.
    rare, rare_targets = places.rare, places.rare_targets
    d_features: Floats = scores @ rows
    d_features[rare] += d_rare[:, None] * output.table[rare_targets]
    d_rows = RowGradient(candidates.ids, scores.T @ features)
    d_bias = RowGradient(candidates.ids, scores.sum(axis=0)[:, None])
    if len(rare):
        d_rows = d_rows.plus(RowGradient.summed(rare_targets, d_rare[:, None] * features[rare]))
        d_bias = d_bias.plus(RowGradient.summed(rare_targets, d_rare[:, None]))
    return Loss(total, d_features, d_rows, None if output.bias is None else d_bias)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the targets of N positions stand: in the head, or beside the sample.

    A rare target enters its own row exactly, so where the sample has it as well, `drawn` says
    which (position, candidate) must not count.
    """

    common: Indices  # positions whose target is in the head
    common_targets: Ids
    rare: Indices  # the others
    rare_targets: Ids
    drawn: tuple[Indices, Indices]

    @classmethod
    def of(cls, targets: Ids, candidates: Candidates) -> "_Places":
        head = candidates.head
        common, rare = np.flatnonzero(targets < head), np.flatnonzero(targets >= head)
        rare_targets = targets[rare]
        column = np.minimum(
            head + np.searchsorted(candidates.ids[head:], rare_targets), len(candidates.ids) - 1
        )
        twice = candidates.ids[column] == rare_targets
        return cls(common, targets[common], rare, rare_targets, (rare[twice], column[twice]))


def _sampled_softmax(
    features: Floats,
    output: Output,
    rows: Floats,
    candidates: Candidates,
    places: _Places,
    scale: float,
) -> tuple[Floats, Floats, float]:
    """`scale` · probabilities of the candidates [N, K] and of the rare targets, and the targets'
    cross-entropy, summed. `rows` [K, P] are the candidates' of the output's table.
    """
    scores: Floats = features @ rows.T
    rare, rare_targets = places.rare, places.rare_targets
    rare_scores = np.einsum("np,np->n", features[rare], output.table[rare_targets])
    if output.bias is not None:
        scores += output.bias[candidates.ids, 0]
        rare_scores += output.bias[rare_targets, 0]
    scores[:, candidates.head :] += np.float32(np.log(candidates.weight))
    scores[places.drawn] = -np.inf

    highest = scores.max(axis=1)
    highest[rare] = np.maximum(highest[rare], rare_scores)
    scores -= highest[:, None]
    rare_scores -= highest[rare]
    target_scores = np.empty(len(features), np.float32)
    target_scores[places.common] = scores[places.common, places.common_targets]
    target_scores[rare] = rare_scores
    np.exp(scores, out=scores)
    rare_terms: Floats = np.exp(rare_scores)
    sums = scores.sum(axis=1)
    sums[rare] += rare_terms
    total = float((np.log(sums) - target_scores).sum(dtype=np.float64))
    factor = (scale / sums).astype(np.float32)
    scores *= factor[:, None]
    rare_terms *= factor[rare]
    return scores, rare_terms, total
