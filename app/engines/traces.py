"""What a forward pass leaves behind, put back to the timesteps of the padded input.

Shapes: T padded timesteps, S of them computed, F input features, H units.
"""

import numpy as np

from app.arrays import Floats, Indices
from app.engines.base import RecurrentTrace
from app.engines.bidirectional import BothWays
from app.engines.cells.cell import Cell, States


def recurrent_trace(
    cell: Cell, x: Floats, states: States, steps: Indices, T: int
) -> RecurrentTrace:
    """Recompute the terms of every timestep from inputs [S, F] and states [S, H] -> [T, ...].

    `steps` [S] are the timesteps that were computed.
    """
    if cell.layer.go_backwards:
        before = [np.concatenate([one[1:], np.zeros_like(one[:1])]) for one in states]
    else:
        before = [np.concatenate([np.zeros_like(one[:1]), one[:-1]]) for one in states]
    with np.errstate(over="ignore", invalid="ignore"):  # a linear network may overflow
        computed = cell.terms(x, before, states)
    terms = tuple(
        term._replace(
            input_term=spread(term.input_term, steps, T),
            recurrent_term=spread(term.recurrent_term, steps, T),
            pre_activation=spread(term.pre_activation, steps, T),
            value=spread(term.value, steps, T),
        )
        for term in computed
    )
    h, *others = (carried(one, steps, T, backwards=cell.layer.go_backwards) for one in states)
    return RecurrentTrace(cell.layer.name, spread(x, steps, T), terms, h, *others)


def spread(rows: Floats, steps: Indices, T: int) -> Floats:
    """Rows [S, features] of the computed timesteps -> [T, features], zeros where skipped."""
    if len(steps) == T:
        return rows
    spread = np.zeros((T, rows.shape[1]), np.float32)
    spread[steps] = rows
    return spread


def both_traces(
    layer: BothWays, x: Floats, both: tuple[States, States], steps: Indices, T: int
) -> list[RecurrentTrace]:
    """The two readings [S, H], and what is merged of them: 0 where skipped, as in Keras."""
    cells = (layer.forward, layer.backward)
    traces = [
        recurrent_trace(cell, x, states, steps, T) for cell, states in zip(cells, both, strict=True)
    ]
    merged = spread(layer.merge(both[0][0], both[1][0]), steps, T)
    return [*traces, RecurrentTrace(layer.layer.name, spread(x, steps, T), (), merged)]


def carried(states: Floats, steps: Indices, T: int, *, backwards: bool = False) -> Floats:
    """States [S, H] -> [T, H]: a skipped timestep repeats the one before it, 0 at the start."""
    if backwards:
        return carried(states[::-1], T - 1 - steps[::-1], T)[::-1]
    before = np.searchsorted(steps, np.arange(T), side="right")  # 0 where there is none
    return np.concatenate([np.zeros((1, states.shape[1]), np.float32), states])[before]
