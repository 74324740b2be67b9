"""What a network makes of the held-out text: its perplexity, and what would make it lower.

Trained with dropout, and in part on what could have stood there as well, a network is less sure of
its answers than it has reason to be; trained for too long, more. One factor for all logits mends
that (temperature scaling, Guo et al. 2017): the order of the words stays as it is.

Shapes: V classes, N predicted positions.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from app.arrays import Floats, Ids
from app.engines.activations import log_softmax
from app.training.network.bptt import Batch, Unrolled
from app.training.network.parameters import Parameters, Shape, between

_POSITIONS = 512  # whose logits are in memory at a time
_NEWTON_STEPS = 8  # at most; the loss is convex in the factor, and two or three will do
_CLOSE = 1e-4


def perplexity(net: Unrolled, batches: Sequence[Batch], *, carry: bool = False) -> float:
    """exp of the mean cross-entropy over all predicted positions, marks included.

    With `carry` the batches are windows of one running text, else each starts afresh.
    """
    total, count = 0.0, 0
    for logits, targets in _scored(net, batches, carry):
        total -= float(log_softmax(logits, targets).sum(dtype=np.float64))
        count += len(targets)
    return math.exp(total / max(1, count))


def best_factor(net: Unrolled, batches: Sequence[Batch], *, carry: bool = False) -> float:
    """The factor that all logits should have for the lowest perplexity.

    By Newton's method: with p the softmax of the logits y times the factor, the loss of a position
    has the derivatives Σ p·y - y_target and Σ p·y² - (Σ p·y)².
    """
    factor = 1.0
    for _ in range(_NEWTON_STEPS):
        slope = curvature = 0.0
        for logits, targets in _scored(net, batches, carry):
            p = np.exp((logits - logits.max(axis=1, keepdims=True)) * np.float32(factor))
            p /= p.sum(axis=1, keepdims=True)
            mean = np.einsum("nv,nv->n", p, logits)
            square = np.einsum("nv,nv,nv->n", p, logits, logits)
            own = logits[np.arange(len(targets)), targets]
            slope += float((mean - own).sum(dtype=np.float64))
            curvature += float((square - np.square(mean)).sum(dtype=np.float64))
        if curvature <= 0:  # all words as probable as each other: no factor changes that
            break
        step = slope / curvature
        factor = min(max(factor - step, factor / 2), 2 * factor)
        if abs(step) < _CLOSE:
            break
    return factor


def best_share(
    shape: Shape,
    start: Parameters,
    end: Parameters,
    batches: Sequence[Batch],
    *,
    carry: bool = False,
) -> tuple[float, float]:
    """How far back from the `end` of a run towards its `start` the perplexity is lowest, in
    tenths of the way up to half of it; and the perplexity there.

    Between two good networks, one of which was trained from the other, there is often a better one
    (Wortsman et al. 2022).
    """
    found = 0.0, math.inf
    for tenths in range(6):
        net = Unrolled(shape, between(start, end, tenths / 10))
        reached = perplexity(net, batches, carry=carry)
        if reached >= found[1]:
            break
        found = tenths / 10, reached
    return found


def _scored(net: Unrolled, batches: Sequence[Batch], carry: bool) -> Iterator[tuple[Floats, Ids]]:
    """Logits [n, V] of some of the predicted positions after others, and the words there [n]."""
    state = net.initial_state(batches[0].ids.shape[1]) if batches else ()
    for batch in batches:
        if not carry:
            state = net.initial_state(batch.ids.shape[1])
        features, state = net.features(batch.ids, batch.mask, state)
        targets = batch.targets[batch.mask]
        for begin in range(0, len(targets), _POSITIONS):
            some = slice(begin, begin + _POSITIONS)
            yield net.logits(features[some]), targets[some]
