"""SimpleRNN.

    h_t = f(x_t·W + h_{t-1}·U + b)

Keras's `kernel` is W [F, H], `recurrent_kernel` U [H, H], `bias` b [H].
"""

from app.engines.cells.cell import Cell, States, Term
from app.network import Floats


class SimpleRNN(Cell):
    """The equation above. The states of every timestep are written over what entered."""

    def room(self, entered: Floats) -> States:
        """One state, in place: [N, H]."""
        return (entered,)

    def step(
        self, entered: Floats, recurred: Floats | None, before: States | None, after: States
    ) -> None:
        """In place: `after` is `entered`."""
        if recurred is not None:
            entered += recurred
        self.activation(entered)

    def terms(self, x: Floats, before: States, after: States) -> tuple[Term, ...]:
        """The one equation: its value is the hidden state."""
        return self.written_out(x, self.recur(before[0]), (self.activation,))
