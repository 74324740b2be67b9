"""Bidirectional: two cells over the same timesteps, the second from the last to the first.

    h_t = merge(forward(x_0 … x_t), backward(x_{T-1} … x_t))

A state of the second depends on all the timesteps that follow, so there is no state to go on from
when a phrase is extended: every phrase is computed anew, without remembered states of prefixes.
Masked timesteps are left out of both readings. Without `return_sequences` what goes on is
merge(forward's state at the end, backward's at the beginning), else h at the last timestep that is
not masked.

Shapes: B phrases, N packed rows, F input features, H units of what is merged.
"""

import numpy as np

from app.arrays import Floats
from app.engines.cells import make_cell
from app.engines.cells.cell import States
from app.engines.packing import Packed
from app.layers import Bidirectional
from app.pauses import Pausing, ended


class BothWays:
    """One Bidirectional layer. Immutable; safe to call from any thread."""

    def __init__(self, layer: Bidirectional) -> None:
        self.layer = layer
        self.forward = make_cell(layer.forward)
        self.backward = make_cell(layer.backward)

    def run(self, x: Floats, packed: Packed) -> tuple[States, States]:
        """The states of both readings after each timestep: [N, F] -> [N, H] each."""
        return ended(self.timesteps(x, packed))

    def timesteps(self, x: Floats, packed: Packed) -> Pausing[tuple[States, States]]:
        """The same with pauses."""
        entered = yield from self.forward.entering(x)
        forward = yield from self.forward.timesteps(entered, packed.running)
        turned = packed.turned()
        entered = yield from self.backward.entering(x[turned])
        backward = yield from self.backward.timesteps(entered, packed.running)
        return forward, [state[turned] for state in backward]

    def final(self, packed: Packed, forward: Floats, backward: Floats) -> Floats:
        """What goes on to layers that see no sequence: hidden states [N, H] -> [B, H]."""
        if self.layer.return_sequences:
            return self.merge(packed.last(forward), packed.last(backward))
        return self.merge(packed.last(forward), packed.first(backward))

    def merge(self, forward: Floats, backward: Floats) -> Floats:
        """[N, H] of each -> [N, H], or [N, 2H] side by side."""
        match self.layer.merge_mode:
            case "concat":
                return np.concatenate([forward, backward], axis=1)
            case "sum":
                return forward + backward
            case "mul":
                return forward * backward
            case "ave":
                return (forward + backward) / np.float32(2)
