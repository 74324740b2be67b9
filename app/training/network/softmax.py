"""The softmax cross-entropy and its gradient, over all classes or over a sample of them.

Sampled: the most frequent classes always take part, and whatever the batch has as a target, each
for itself; the rest through a uniform sample whose terms are weighted by how many classes each
stands for, so that the sum in the denominator is right on average (importance sampling, Bengio and
Senécal 2003). It is then the same softmax, over fewer rows and with another bias. Classes are
ordered by frequency: the head is 0..head-1. Shapes: N positions, P features, V classes, K
candidates, M words drawn.
"""

from dataclasses import dataclass, replace

import numpy as np

from app.arrays import Floats, Ids, Indices

_CHUNK = 512  # positions at a time: the scores stay within the cache


@dataclass(frozen=True, slots=True)
class Candidates:
    """`ids` [K], ascending: the classes that take part, the batch's targets among them.

    `standing` [K] is the logarithm of how many classes each stands for.
    """

    ids: Indices
    standing: Floats

    def of(self, output: "Output") -> "Output":
        """The candidates' rows of an output."""
        standing = self.standing[:, None]
        bias = standing if output.bias is None else output.bias[self.ids] + standing
        return Output(output.table[self.ids], bias)

    def places(self, targets: Ids) -> Indices:
        """Where `targets`, all of them candidates, stand among them."""
        places: Indices = np.searchsorted(self.ids, targets)
        return places


def sample_candidates(
    classes: int, head: int, sampled: int, targets: Ids, rng: np.random.Generator
) -> Candidates | None:
    """The head, every one of `targets`, and of the rest a sample, drawn without repeats.

    `sampled` are drawn of the whole tail; those that are no targets are a uniform sample of what is
    none, and stand for it. None where the sample would be all classes.
    """
    tail = classes - head
    if sampled <= 0 or sampled >= tail:
        return None
    certain = np.unique(targets)
    certain = certain[certain >= head]
    drawn = head + rng.choice(tail, sampled, replace=False)
    sample = np.setdiff1d(drawn, certain, assume_unique=True)
    weight = (tail - len(certain)) / max(1, len(sample))
    ids = np.concatenate([np.arange(head), certain, sample])
    standing = np.zeros(len(ids), np.float32)
    standing[head + len(certain) :] = np.log(max(1, weight))
    order = np.argsort(ids)
    return Candidates(ids[order], standing[order])


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
    bias_rows: RowGradient


@dataclass(frozen=True, slots=True)
class Output:
    """An output layer: logits are features·tableᵀ + bias, for `table` [V, P], `bias` [V, 1]."""

    table: Floats
    bias: Floats | None


@dataclass(frozen=True, slots=True)
class Taught:
    """What a teacher answers at the same positions: `features` [N, Q] into its own `output`.

    `share` [N] of a position's loss is the cross-entropy against its distribution (Hinton et al.
    2015).
    """

    features: Floats
    output: Output
    share: Floats


@dataclass(frozen=True, slots=True)
class Drawn:
    """Other words for the same positions, `ids` [..., M]; `share` of the loss is all of theirs."""

    ids: Ids
    share: float


def softmax_loss(
    features: Floats,
    output: Output,
    targets: Ids,
    candidates: Candidates | None,
    taught: Taught | None = None,
    drawn: Drawn | None = None,
) -> Loss:
    """-Σ log softmax(features·tableᵀ + bias)[target] for [N, P] and targets [N].

    What is `taught` or `drawn` changes the gradients, not the total, which stays the text's own.
    `candidates`, where not all classes take part, have the targets and the drawn among them.
    """
    words = targets[:, None] if drawn is None else np.column_stack([targets, drawn.ids])
    if candidates is None:
        return _cross_entropy(features, output, words, taught, drawn)
    if taught is not None:
        taught = replace(taught, output=candidates.of(taught.output))
    places = candidates.places(words)
    loss = _cross_entropy(features, candidates.of(output), places, taught, drawn)
    return replace(
        loss,
        rows=replace(loss.rows, ids=candidates.ids),
        bias_rows=replace(loss.bias_rows, ids=candidates.ids),
    )


def _cross_entropy(
    features: Floats,
    output: Output,
    words: Ids | Indices,
    taught: Taught | None,
    drawn: Drawn | None,
) -> Loss:
    """`words` [N, 1 + M]: the text's own, and what is drawn."""
    N, V = len(features), len(output.table)
    by_teacher = np.zeros(N, np.float32) if taught is None else taught.share  # [N]
    by_drawing = 0.0 if drawn is None else drawn.share
    own = (1 - by_teacher - np.float32(by_drawing)) / np.float32(N)  # [N]
    each_drawn = np.float32(by_drawing / max(1, words.shape[1] - 1) / N)
    d_features = np.empty_like(features)
    d_table = np.zeros_like(output.table)
    d_bias = np.zeros(V, np.float32)
    total = 0.0
    for start in range(0, N, _CHUNK):
        part = slice(start, start + _CHUNK)
        scores, in_nats = _softmax(features[part], output, words[part, 0], 1 / N)  # [n, V]
        total += in_nats
        if taught is not None:
            scores -= _softmax(
                taught.features[part],
                taught.output,
                words[part, 0],
                by_teacher[part] / np.float32(N),
            )[0]
        at = np.arange(len(scores))
        scores[at, words[part, 0]] -= own[part]
        for column in words[part, 1:].T:  # one by one: a word may be drawn twice
            scores[at, column] -= each_drawn
        # Now they are ∂(mean loss)/∂scores.
        np.matmul(scores, output.table, out=d_features[part])
        d_table += scores.T @ features[part]
        d_bias += scores.sum(axis=0)
    rows, bias_rows = (RowGradient(np.arange(V), table) for table in (d_table, d_bias[:, None]))
    return Loss(total, d_features, rows, bias_rows)


def _softmax(
    features: Floats, output: Output, targets: Ids | Indices, scale: float | Floats
) -> tuple[Floats, float]:
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
