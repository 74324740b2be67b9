"""GRU (Cho et al. 2014), as Keras has it.

    z = s(x_t·W_z + h_{t-1}·U_z + b_z)      what of the state is kept
    r = s(x_t·W_r + h_{t-1}·U_r + b_r)      what of the state the candidate sees
    g = a(x_t·W_h + k + b_h)                the candidate, where k is
        r ∘ (h_{t-1}·U_h + d_h)             with `reset_after`, the usual way
        (r ∘ h_{t-1})·U_h                   without
    h_t = z ∘ h_{t-1} + (1 - z) ∘ g

with `activation` a and `recurrent_activation` s. Keras's `kernel` is [W_z W_r W_h], [F, 3H];
`recurrent_kernel` is U [H, 3H] likewise. With `reset_after` there is a second bias d on the
recurrent side: `bias` is [2, 3H], else [3H].
"""

import numpy as np

from app.arrays import Floats
from app.engines.activations import ACTIVATIONS
from app.engines.cells.cell import Cell, States, Term
from app.engines.products import arranged, product
from app.layers import Recurrent


class GRU(Cell):
    """The equations above. The state is h."""

    def __init__(self, layer: Recurrent) -> None:
        super().__init__(layer)
        H = layer.units
        self.gate = ACTIVATIONS[layer.recurrent_activation or "sigmoid"]
        self._bias, self._recurrent_bias = layer.bias, None
        if layer.reset_after:
            self._recurred_by = layer.recurrent_kernel
            if layer.bias is not None:
                self._bias, self._recurrent_bias = layer.bias
        else:  # the candidate's product waits for r
            U = np.asarray(layer.recurrent_kernel)
            self._recurred_by = arranged(np.ascontiguousarray(U[:, : 2 * H]))
            self._of_candidate = arranged(np.ascontiguousarray(U[:, 2 * H :]))

    @property
    def bias(self) -> Floats:
        """What is added to z, r and g beside the products: [b_z + d_z, b_r + d_r, b_h], [3H]."""
        H = self.layer.units
        bias = np.zeros(3 * H, np.float32) if self._bias is None else self._bias.copy()
        if self._recurrent_bias is not None:
            bias[: 2 * H] += self._recurrent_bias[: 2 * H]
        return bias

    def enter(self, x: Floats) -> Floats:
        """x_t·W + b: [N, F] -> [N, 3H]."""
        entered = product(x, self.layer.kernel)
        if self._bias is not None:
            entered += self._bias
        return entered

    def recur(self, h: Floats) -> Floats:
        """h_{t-1}·U + d [B, 3H], or without `reset_after` that of the gates alone [B, 2H]."""
        recurred = product(h, self._recurred_by)
        if self._recurrent_bias is not None:
            recurred += self._recurrent_bias
        return recurred

    def step(
        self, entered: Floats, recurred: Floats | None, before: States | None, after: States
    ) -> None:
        """[B, 3H] -> h."""
        H = self.layer.units
        if recurred is None and self._recurrent_bias is not None:
            recurred = self._recurrent_bias[np.newaxis]  # of h_{-1} = 0
        z_r = entered[:, : 2 * H]
        if recurred is not None:
            z_r += recurred[:, : 2 * H]
        self.gate(z_r)
        z, r = z_r[:, :H], z_r[:, H:]
        g = entered[:, 2 * H :]
        if self.layer.reset_after and recurred is not None:
            r *= recurred[:, 2 * H :]
            g += r
        elif before is not None:
            r *= before[0]
            g += product(r, self._of_candidate)
        self.activation(g)
        h = after[0]
        np.subtract(np.float32(1), z, out=h)
        h *= g
        if before is not None:
            z *= before[0]
            h += z

    def terms(self, x: Floats, before: States, after: States) -> tuple[Term, ...]:
        """z, r and g, which with h_{t-1} make h_t.

        The bias of z and r is b + d; that of g is b_h, and its recurrent term is k.
        """
        H = self.layer.units
        recurred = product(before[0], self._recurred_by)  # [S, 2H or 3H]
        gates = self.written_out(x, recurred[:, : 2 * H], (self.gate, self.gate))
        r = gates[1].value
        if self.layer.reset_after:
            k = r * self.recur(before[0])[:, 2 * H :]
        else:
            k = product(r * before[0], self._of_candidate)
        return (*gates, *self.written_out(x, k, (self.activation,), first=2))
