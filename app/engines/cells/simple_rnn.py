"""SimpleRNN.

    h_t = f(x_t·W + h_{t-1}·U + b)

Keras's `kernel` is W [F, H], `recurrent_kernel` U [H, H], `bias` b [H].
"""

from app.arrays import Floats
from app.engines.cells.cell import Cell, States, Term
from app.engines.products import product


class SimpleRNN(Cell):
    """The equation above. With one state and no gates, all of it is done in place."""

    def unroll(
        self,
        entered: Floats,
        running: list[int],
        before: States | None = None,
        second: Floats | None = None,
    ) -> States:
        """[N, H], [B, H] -> [N, H]: the states are written over what entered."""
        f, U = self.activation, self.layer.recurrent_kernel
        h = None if before is None else before[0]
        start = 0
        for t, rows in enumerate(running):
            now = entered[start : start + rows]  # [rows, H], a view
            if t == 1 and second is not None:
                now += second
            elif h is not None:
                now += product(h[:rows], U)
            h = f(now)
            start += rows
        return (entered,)

    def terms(self, x: Floats, before: States, after: States) -> tuple[Term, ...]:
        """The one equation: its value is the hidden state."""
        return self.written_out(x, self.recur(before[0]), (self.activation,))
