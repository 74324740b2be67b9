"""SimpleRNN.

    h_t = f(x_t·W + h_{t-1}·U + b)

Keras's `kernel` is W [F, H], `recurrent_kernel` U [H, H], `bias` b [H].

The first units of a network may hear no unit but themselves, each remembering for a time of its
own: their columns of U are 0 but for the diagonal, and multiplying by it is all that is done for
them. Only where states are bounded: an infinite one times 0 is not 0, and reaches all units.
"""

import numpy as np

from app.arrays import Floats, Kernel
from app.engines.blocks import WIDTH, Blocks
from app.engines.cells.cell import Cell, States, Term
from app.engines.products import product
from app.layers import Recurrent
from app.pauses import Pausing

_BOUNDED = frozenset(
    {"tanh", "sigmoid", "hard_sigmoid", "keras_2_hard_sigmoid", "softmax", "softsign", "relu6"}
)


class SimpleRNN(Cell):
    """The equation above. With one state and no gates, all of it is done in place."""

    def __init__(self, layer: Recurrent) -> None:
        super().__init__(layer)
        U = layer.recurrent_kernel
        may_be = layer.activation in _BOUNDED
        self._diagonal = _alone(U) if may_be else np.zeros(0, np.float32)  # [D]
        self._alone = D = len(self._diagonal)
        self._others = _columns_from(U, D)  # [H, H-D]

    def recur(self, h: Floats) -> Floats:
        """h_{t-1}·U: [B, H] -> [B, H]."""
        if not self._alone:
            return product(h, self._others)
        return np.hstack((h[:, : self._alone] * self._diagonal, product(h, self._others)))

    def timesteps(
        self,
        entered: Floats,
        running: list[int],
        before: States | None = None,
        second: Floats | None = None,
    ) -> Pausing[States]:
        """[N, H], [B, H] -> [N, H]: the states are written over what entered."""
        f, D = self.activation, self._alone
        h = None if before is None else before[0]
        start = 0
        for t, rows in enumerate(running):
            now = entered[start : start + rows]  # [rows, H], a view
            if t == 1 and second is not None:
                now += second
            elif h is not None:
                h = h[:rows]
                if D:
                    now[:, :D] += h[:, :D] * self._diagonal
                now[:, D:] += product(h, self._others)
            h = f(now)
            start += rows
            yield
        return (entered,)

    def terms(self, x: Floats, before: States, after: States) -> tuple[Term, ...]:
        """The one equation: its value is the hidden state."""
        return self.written_out(x, self.recur(before[0]), (self.activation,))


def _alone(U: Kernel) -> Floats:
    """The weights [D] with which the first units hear themselves, those that hear no other unit, in
    whole blocks of columns; never all units.
    """
    heard = [np.zeros(0, np.float32)]
    for first in range(0, (U.shape[0] - 1) // WIDTH * WIDTH, WIDTH):
        columns = _block(U, first)  # [H, WIDTH]
        diagonal = columns[first:].diagonal()
        if np.count_nonzero(columns) > np.count_nonzero(diagonal):
            break
        heard.append(diagonal)
    return np.concatenate(heard)


def _block(kernel: Kernel, first: int) -> Floats:
    """A block of columns of an `arranged` kernel, without a copy."""
    if isinstance(kernel, Blocks):
        block: Floats = kernel.blocks[first // WIDTH]
        return block
    return np.asarray(kernel)[:, first : first + WIDTH]


def _columns_from(kernel: Kernel, first: int) -> Kernel:
    """The columns of an `arranged` kernel from one on that begins a block, without a copy."""
    if isinstance(kernel, Blocks):
        return Blocks(kernel.blocks[first // WIDTH :], kernel.columns - first)
    return np.asarray(kernel)[:, first:]
