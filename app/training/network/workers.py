"""One step's gradients by several threads: each takes its share of the batch's sequences.

NumPy releases the interpreter's lock in products and in loops over large arrays, which is nearly
all of a step (benchmarks/README.md has the figures). The shares are added up in one order, so a
run gives the same weights every time. Only the caller changes the parameters, between two steps.
Knows nothing of what the steps are for.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from app.training.network.bptt import Batch, Gradients, State, Teacher, Unrolled
from app.training.network.dropout import Dropout
from app.training.network.softmax import Candidates, RowGradient


@dataclass(frozen=True)
class Workers:
    """Computes `net`'s gradients on the caller's thread and those of `pool`; made by `workers`."""

    net: Unrolled
    dropout: Dropout
    teacher: Teacher | None
    threads: int
    pool: ThreadPoolExecutor

    def gradients(
        self, batch: Batch, state: State, candidates: Candidates | None, seed: tuple[int, ...]
    ) -> Gradients:
        """As `Unrolled.gradients`; every share draws its dropout from `seed` and its number."""

        def share(number: int, part: Batch, before: State) -> Gradients:
            rng = np.random.default_rng((*seed, number))
            return self.net.gradients(part, before, candidates, self.dropout, rng, self.teacher)

        (own, before), *others = _dealt(batch, state, self.threads)
        asked = [self.pool.submit(share, at, *other) for at, other in enumerate(others, 2)]
        return _summed([share(1, own, before), *(one.result() for one in asked)])


@contextmanager
def workers(
    net: Unrolled, dropout: Dropout, teacher: Teacher | None, threads: int
) -> Iterator[Workers]:
    """`threads` in all, the caller's among them; the others end with the block."""
    with ThreadPoolExecutor(max(1, threads - 1), "gradients") as pool:
        yield Workers(net, dropout, teacher, threads, pool)


def _dealt(batch: Batch, state: State, hands: int) -> list[tuple[Batch, State]]:
    """The sequences dealt out in turn, so that long and short ones are everywhere."""
    hands = min(hands, batch.ids.shape[1])
    if hands == 1:
        return [(batch, state)]
    shares = []
    for hand in range(hands):
        mine = np.s_[:, hand::hands]
        drawn = None if batch.drawn is None else replace(batch.drawn, ids=batch.drawn.ids[mine])
        taught = None if batch.taught is None else batch.taught[hand::hands]
        part = Batch(batch.ids[mine], batch.targets[mine], batch.mask[mine], drawn, taught)
        shares.append((part, tuple(layer[hand::hands] for layer in state)))
    return shares


def _summed(shares: list[Gradients]) -> Gradients:
    """Gradients of the mean over all positions, from those of each share's own mean."""
    if len(shares) == 1:
        return shares[0]
    count = sum(share.count for share in shares)
    weights = [np.float32(share.count / count) for share in shares]
    dense = {
        name: np.add.reduce(
            [w * share.dense[name] for w, share in zip(weights, shares, strict=True)]
        )
        for name in shares[0].dense
    }
    rows: dict[str, RowGradient] = {}
    for weight, share in zip(weights, shares, strict=True):
        for name, part in share.rows.items():
            weighted = RowGradient(part.ids, weight * part.values)
            rows[name] = rows[name].plus(weighted) if name in rows else weighted
    state = []
    for layers in zip(*(share.state for share in shares), strict=True):
        whole = np.empty((sum(map(len, layers)), layers[0].shape[1]), np.float32)
        for number, layer in enumerate(layers):
            whole[number :: len(layers)] = layer
        state.append(whole)
    return Gradients(sum(share.loss for share in shares), count, dense, rows, tuple(state))
