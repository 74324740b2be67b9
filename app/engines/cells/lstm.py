"""LSTM (Hochreiter and Schmidhuber 1997; with a forget gate, Gers et al. 2000), as Keras has it.

    i = r(x_t·W_i + h_{t-1}·U_i + b_i)      what of the candidate is let in
    f = r(x_t·W_f + h_{t-1}·U_f + b_f)      what of the cell is kept
    g = a(x_t·W_c + h_{t-1}·U_c + b_c)      the candidate
    o = r(x_t·W_o + h_{t-1}·U_o + b_o)      what of the cell is shown
    c_t = f ∘ c_{t-1} + i ∘ g,  c_{-1} = 0
    h_t = o ∘ a(c_t)

with `activation` a and `recurrent_activation` r. Keras's `kernel` is [W_i W_f W_c W_o], [F, 4H];
`recurrent_kernel` is U [H, 4H] and `bias` b [4H] likewise. `unit_forget_bias` says how b_f began.
"""

import numpy as np

from app.arrays import Floats
from app.engines.activations import ACTIVATIONS
from app.engines.cells.cell import Cell, States, Term
from app.layers import Recurrent


class LSTM(Cell):
    """The equations above. The states are h and c."""

    states = 2

    def __init__(self, layer: Recurrent) -> None:
        super().__init__(layer)
        self.gate = ACTIVATIONS[layer.recurrent_activation or "sigmoid"]

    def step(
        self, entered: Floats, recurred: Floats | None, before: States | None, after: States
    ) -> None:
        """[B, 4H] -> h and c."""
        H = self.layer.units
        if recurred is not None:
            entered += recurred
        i_f = self.gate(entered[:, : 2 * H])
        g = self.activation(entered[:, 2 * H : 3 * H])
        o = self.gate(entered[:, 3 * H :])
        h, c = after
        np.multiply(i_f[:, :H], g, out=c)
        if before is not None:
            i_f[:, H:] *= before[1]
            c += i_f[:, H:]
        h[:] = c
        self.activation(h)
        h *= o

    def terms(self, x: Floats, before: States, after: States) -> tuple[Term, ...]:
        """i, f, g and o, which with c_{t-1} make c_t and h_t."""
        activations = (self.gate, self.gate, self.activation, self.gate)
        return self.written_out(x, self.recur(before[0]), activations)
