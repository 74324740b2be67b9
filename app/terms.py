"""What the lines of each recurrent layer's arithmetic are called, in answers, text and drawings.

The equations themselves are computed in `engines/cells/`, a file each.
"""

from typing import NamedTuple


class TermName(NamedTuple):
    """One line: symbol = f(x·W + h·U + b), with a part of the kernels' columns of its own."""

    name: str  # in answers
    symbol: str  # in equations
    gate: bool = False  # whether f is the layer's `recurrent_activation`, else its `activation`


class Arithmetic(NamedTuple):
    """The lines of a timestep, and what is made of them; `{f}` stands for the activation."""

    terms: tuple[TermName, ...]
    ending: tuple[str, ...] = ()


ARITHMETIC: dict[str, Arithmetic] = {
    "SimpleRNN": Arithmetic((TermName("hidden", "h"),)),
    "LSTM": Arithmetic(
        (
            TermName("input", "i", gate=True),
            TermName("forget", "f", gate=True),
            TermName("cell", "g"),
            TermName("output", "o", gate=True),
        ),
        ("c = f·c + i·g", "h = o·{f}(c)"),
    ),
    "GRU": Arithmetic(
        (
            TermName("update", "z", gate=True),
            TermName("reset", "r", gate=True),
            TermName("candidate", "g"),
        ),
        ("h = z·h + (1 - z)·g",),
    ),
}
