"""What a cell is: the equations of one recurrent layer, a timestep at a time, for many phrases.

What x_t adds is multiplied for all timesteps in one product before the first step is taken
(`enter`), and what h_{t-1} adds is a product of its own (`recur`), so that one whose rows are known
already need not be made again. A cell sees packed rows (`engines/packing.py`).

Shapes: B phrases, N packed rows, S timesteps of one phrase, F input features, H units, G gates.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from app.arrays import Floats
from app.engines.activations import ACTIVATIONS
from app.engines.products import product
from app.layers import Recurrent
from app.pauses import Pausing
from app.terms import ARITHMETIC

_MULTIPLICATIONS = 1 << 26  # of a product before a pause: two or three milliseconds
States = Sequence[Floats]  # what a step hands on, [B, H] each: the hidden state h, then others


class Term(NamedTuple):
    """One line of a cell's arithmetic at every timestep: value = f(pre_activation).

    pre_activation = input_term + recurrent_term + bias.
    """

    name: str
    input_term: Floats  # [S, H] x_t·kernel
    recurrent_term: Floats  # [S, H] what comes of the state before
    bias: Floats  # [H], zeros where the layer has none
    pre_activation: Floats  # [S, H]
    value: Floats  # [S, H]


class Cell:
    """The equations of one layer. Instances are immutable and safe to call from any thread."""

    states = 1  # how many arrays a step hands on

    def __init__(self, layer: Recurrent) -> None:
        self.layer = layer
        self.activation = ACTIVATIONS[layer.activation]
        self.names = [term.name for term in ARITHMETIC[layer.class_name].terms]

    def enter(self, x: Floats) -> Floats:
        """What the inputs add, x_t·W + b: [N, F] -> [N, G·H], a new array."""
        entered = product(x, self.layer.kernel)
        if self.layer.bias is not None:
            entered += self.layer.bias
        return entered

    def entering(self, x: Floats) -> Pausing[Floats]:
        """The same, with pauses where there are many rows."""
        rows = max(1, _MULTIPLICATIONS // self.layer.kernel.size)
        if len(x) <= rows:
            return self.enter(x)
        entered = np.empty((len(x), self.layer.kernel.shape[1]), np.float32)
        for start in range(0, len(x), rows):
            entered[start : start + rows] = self.enter(x[start : start + rows])
            yield
        return entered

    def recur(self, h: Floats) -> Floats:
        """What a hidden state adds at the next timestep, h_{t-1}·U: [B, H] -> [B, G·H]."""
        return product(h, self.layer.recurrent_kernel)

    def timesteps(
        self,
        entered: Floats,
        running: list[int],
        before: States | None = None,
        second: Floats | None = None,
    ) -> Pausing[States]:
        """All timesteps of packed rows, from the states `before` [B, H] or zeros: [N, H] each. With
        a pause after each timestep.

        `entered` [N, G·H] is written over. `second` [1, G·H] is what enters the second timestep
        with the state of the first, where that is known and the same for all rows.
        """
        shape = len(entered), self.layer.units
        states = [np.empty(shape, np.float32) for _ in range(self.states)]
        start = 0
        for t, rows in enumerate(running):
            end = start + rows
            recurred = None
            if before is not None:
                before = [state[:rows] for state in before]  # those that go on
                recurred = second if t == 1 and second is not None else self.recur(before[0])
            after = [state[start:end] for state in states]
            self.step(entered[start:end], recurred, before, after)
            before, start = after, end
            yield
        return states

    def step(
        self, entered: Floats, recurred: Floats | None, before: States | None, after: States
    ) -> None:
        """One timestep of B phrases: writes `after`, and over `entered` [B, G·H].

        `recurred` is what `recur` gave for h_{t-1}, one row standing for all if it is the same for
        all; it and `before` are None at a start from zeros.
        """
        raise NotImplementedError

    def terms(self, x: Floats, before: States, after: States) -> tuple[Term, ...]:
        """The arithmetic written out: inputs [S, F] and states [S, H] -> every term.

        `before` and `after` are the states before and after each of S timesteps of one phrase.
        """
        raise NotImplementedError

    @property
    def bias(self) -> Floats:
        """The bias, or zeros where the layer has none: [G·H]."""
        bias = self.layer.bias
        return np.zeros(self.layer.kernel.shape[1], np.float32) if bias is None else bias

    def written_out(
        self,
        x: Floats,
        recurred: Floats,
        activations: Sequence[Callable[[Floats], Floats]],
        first: int = 0,
    ) -> tuple[Term, ...]:
        """As many terms as `activations`, from the `first` one on; `recurred` [S, H of each]."""
        H = self.layer.units
        columns = slice(first * H, (first + len(activations)) * H)
        entered, bias = product(x, self.layer.kernel)[:, columns], self.bias[columns]
        total = entered + bias + recurred
        terms = []
        for at, activation in enumerate(activations):
            own = slice(at * H, (at + 1) * H)
            terms.append(
                Term(
                    self.names[first + at],
                    entered[:, own],
                    recurred[:, own],
                    bias[own],
                    total[:, own],
                    activation(total[:, own].copy()),
                )
            )
        return tuple(terms)
