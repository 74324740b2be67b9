"""What an engine is, and what one forward pass leaves behind. No engine sees a word.

Shapes: B phrases, T padded timesteps, F features of a layer's input, H its units, V classes.
"""

from typing import NamedTuple, Protocol

from app.arrays import Floats, Ids, Mask
from app.engines.cells.cell import Term
from app.network import Network


class Outputs(NamedTuple):
    """The end of the network: `logits` [B, V] before, `probabilities` [B, V] after the softmax."""

    logits: Floats
    probabilities: Floats


class RecurrentTrace(NamedTuple):
    """One recurrent layer over all timesteps.

    Where the network skips a timestep (`Trace.skipped`) the terms are 0, because nothing was
    computed, and the states repeat the ones before (0 at the start).
    """

    name: str
    input: Floats  # [T, F]
    terms: tuple[Term, ...]  # the cell's arithmetic, [T, H] each; none of what is merged
    hidden_state: Floats  # [T, H]
    cell_state: Floats | None = None  # [T, H], of a cell that has one


class DenseTrace(NamedTuple):
    """What a Dense layer behind the last recurrent one gave at the last timestep."""

    name: str
    output: Floats  # [units]


class Trace(NamedTuple):
    """Everything one forward pass of one phrase computed."""

    ids: Ids  # [T]
    skipped: Mask  # [T] True where the network masks the timestep (mask_zero and id 0)
    recurrent: tuple[RecurrentTrace, ...]  # as `Network.states` names them
    final: Floats  # [H] what the last recurrent layer hands on
    dense: tuple[DenseTrace, ...]
    logits: Floats  # [V]
    probabilities: Floats  # [V]
    # [T, V] what the network would have said after each timestep; None where it reads what follows.
    step_probabilities: Floats | None


class Engine(Protocol):
    """A way to run one network. Instances are immutable and safe to call from any thread."""

    name: str
    network: Network

    def forward(self, padded: Ids) -> Outputs:
        """Run padded ids [B, T] through the network."""
        ...

    def trace(self, padded: Ids) -> Trace:
        """Run one phrase's padded ids [T] and keep every intermediate value."""
        ...
