"""What the lines of each recurrent layer's arithmetic are called, and how they are written.

The equations themselves are computed in `engines/cells/`, a file each.
"""

from typing import NamedTuple


class TermName(NamedTuple):
    """One line: symbol = f(x·W + h·U + b), with a part of the kernels' columns of its own."""

    name: str  # in answers
    symbol: str  # in equations
    gate: bool = False  # whether f is the layer's `recurrent_activation`, else its `activation`
    through: str = ""  # the gate, by its symbol, that what comes of the state before has to pass

    def recurrent(self, *, reset_after: bool | None) -> str:
        """What the state before adds, as it is written."""
        if not self.through:
            return "h·U"
        return f"{self.through}·(h·U + d)" if reset_after else f"({self.through}·h)·U"


class State(NamedTuple):
    """What is made of the lines: symbol = a sum of products of two factors.

    A factor is a line's symbol, "1 - " and a gate's, a state ("h" and "c" are those before until
    they are made), or "{f}(c)", the layer's activation of a state that has been made.
    """

    symbol: str
    products: tuple[tuple[str, str], ...]

    def written(self, activation: str) -> str:
        """The sum, as it is written."""
        return " + ".join("·".join(map(_factor, one)) for one in self.products).format(f=activation)


class Arithmetic(NamedTuple):
    """The lines of a timestep, and the states that are made of them."""

    terms: tuple[TermName, ...]
    ending: tuple[State, ...] = ()


ARITHMETIC: dict[str, Arithmetic] = {
    "SimpleRNN": Arithmetic((TermName("hidden", "h"),)),
    "LSTM": Arithmetic(
        (
            TermName("input", "i", gate=True),
            TermName("forget", "f", gate=True),
            TermName("cell", "g"),
            TermName("output", "o", gate=True),
        ),
        (State("c", (("f", "c"), ("i", "g"))), State("h", (("o", "{f}(c)"),))),
    ),
    "GRU": Arithmetic(
        (
            TermName("update", "z", gate=True),
            TermName("reset", "r", gate=True),
            TermName("candidate", "g", through="r"),
        ),
        (State("h", (("z", "h"), ("1 - z", "g"))),),
    ),
}


def _factor(text: str) -> str:
    return f"({text})" if " " in text else text
