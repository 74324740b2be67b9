"""Sequences of different lengths, arranged so that all of them run together.

Sorted by length, longest first, the sequences that are still running at timestep t are always the
first `running[t]` rows, and all rows of all timesteps lie behind each other: [N, features] with
N = Σ running.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.arrays import Floats


class Packed(NamedTuple):
    """Sequences of ids, time-major: `ids` [N]; `running` [T] counts the rows of each timestep.

    `order[row]` is the sequence that runs in a row.
    """

    ids: NDArray[np.intp]
    running: list[int]
    order: list[int]

    def last(self, rows: Floats) -> Floats:
        """The rows [N, H] -> [B, H] after each sequence's last timestep, in the callers' order.

        Zeros, the initial state, for a sequence without ids: Keras's answer to nothing but padding.
        """
        if len(self.order) == 1 and self.running:
            return rows[-1:]
        final = np.zeros((len(self.order), rows.shape[1]), np.float32)
        start = 0
        for t, running in enumerate(self.running):
            going_on = self.running[t + 1] if t + 1 < len(self.running) else 0
            final[self.order[going_on:running]] = rows[start + going_on : start + running]
            start += running
        return final

    def first(self, rows: Floats) -> Floats:
        """The rows [N, H] -> [B, H] after each sequence's first timestep; zeros without ids."""
        first = np.zeros((len(self.order), rows.shape[1]), np.float32)
        if self.running:
            first[self.order[: self.running[0]]] = rows[: self.running[0]]
        return first

    def turned(self) -> NDArray[np.intp]:
        """Which row [N] stands at each place once every sequence is turned round."""
        running = np.array(self.running, np.intp)
        starts = running.cumsum() - running  # [T] where each timestep's rows begin
        t = np.repeat(np.arange(len(running)), running)  # [N]
        row = np.arange(len(t)) - starts[t]
        lengths = (running[:, np.newaxis] > np.arange(len(self.order))).sum(axis=0)  # of each row
        turned: NDArray[np.intp] = starts[lengths[row] - 1 - t] + row
        return turned


def pack(sequences: Sequence[Sequence[int]]) -> Packed:
    """Arrange sequences of ids for `NumpyEngine.run`."""
    if len(sequences) == 1:
        return Packed(np.array(sequences[0], np.intp), [1] * len(sequences[0]), [0])
    order = sorted(range(len(sequences)), key=lambda at: -len(sequences[at]))
    lengths = [len(sequences[at]) for at in order]
    ids: list[int] = []
    running: list[int] = []
    rows = len(order)
    for t in range(lengths[0]):
        while lengths[rows - 1] <= t:
            rows -= 1
        running.append(rows)
        ids += [sequences[at][t] for at in order[:rows]]
    return Packed(np.array(ids, np.intp), running, order)
