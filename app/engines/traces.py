"""What a forward pass leaves behind, put back to the timesteps of the padded input.

Shapes: T padded timesteps, S of them computed, F input features, H units.
"""

import numpy as np

from app.engines.base import RecurrentTrace
from app.engines.cells.cell import Cell, States
from app.network import Floats, Indices


def recurrent_trace(
    cell: Cell, x: Floats, states: States, steps: Indices, T: int
) -> RecurrentTrace:
    """Recompute the terms of every timestep from inputs [S, F] and states [S, H] -> [T, ...].

    `steps` [S] are the timesteps that were computed.
    """
    before = [np.concatenate([np.zeros_like(one[:1]), one[:-1]]) for one in states]
    terms = tuple(
        term._replace(
            input_term=spread(term.input_term, steps, T),
            recurrent_term=spread(term.recurrent_term, steps, T),
            pre_activation=spread(term.pre_activation, steps, T),
            value=spread(term.value, steps, T),
        )
        for term in cell.terms(x, before, states)
    )
    h, *others = (carried(one, steps, T) for one in states)
    return RecurrentTrace(cell.layer.name, spread(x, steps, T), terms, h, *others)


def spread(rows: Floats, steps: Indices, T: int) -> Floats:
    """Rows [S, features] of the computed timesteps -> [T, features], zeros where skipped."""
    if len(steps) == T:
        return rows
    spread = np.zeros((T, rows.shape[1]), np.float32)
    spread[steps] = rows
    return spread


def carried(states: Floats, steps: Indices, T: int) -> Floats:
    """States [S, H] -> [T, H]: a skipped timestep repeats the one before it, 0 at the start."""
    before = np.searchsorted(steps, np.arange(T), side="right")  # 0 where there is none
    return np.concatenate([np.zeros((1, states.shape[1]), np.float32), states])[before]
