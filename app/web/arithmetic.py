"""One unit at one timestep, term by term, as one does it by hand: h = f(x·W + h·U + b)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.answers import Explained, GatedStep, LayerStep
from app.engines.topk import most_active
from app.network import Floats, Network, Recurrent
from app.terms import ARITHMETIC

_MOST_PRODUCTS = 6  # shown of each sum: the largest ones
_MOST_UNITS = 12  # to step through


@dataclass(frozen=True, slots=True)
class Product:
    """Entry `index` of a vector times its weight."""

    index: int
    value: float
    weight: float


@dataclass(frozen=True, slots=True)
class Sum:
    """The largest products of a sum, what the others add, and the whole as the network has it."""

    products: tuple[Product, ...]
    others: int
    rest: float
    total: float


@dataclass(frozen=True, slots=True)
class Line:
    """One gate, or the only equation: symbol = f(x·W + h·U + b)."""

    symbol: str
    activation: str
    entering: Sum
    recurrent: Sum
    bias: float
    pre_activation: float
    value: float


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How one unit's state came about. Without lines the network skipped the timestep.

    `ending` says how gates make the state. `previous` and `following` are timesteps that were
    computed, `above` and `below` units.
    """

    layer: str
    level: int
    t: int
    unit: int
    token: str
    lines: tuple[Line, ...]
    ending: tuple[str, ...]
    hidden_state: float
    previous: int | None
    following: int | None
    above: int | None
    below: int | None


def arithmetic(
    explained: Explained, network: Network, t: int | None, unit: int | None
) -> Arithmetic:
    """The last recurrent layer's unit at a timestep; what is out of range is brought into it."""
    level = len(network.recurrent) - 1
    layer = network.recurrent[level]
    steps = [step for step in explained.timesteps if not step.masked] or [explained.timesteps[-1]]
    positions = [step.position for step in steps]
    at = positions.index(t) if t in positions else len(positions) - 1
    states = np.stack([step.layers[level].hidden_state for step in steps])  # [T, H]
    units = most_active(states, _MOST_UNITS)
    last = states.shape[1] - 1
    u = int(units[0]) if unit is None else min(max(unit, 0), last)
    step = steps[at].layers[level]
    before = states[at - 1] if at else np.zeros(last + 1, np.float32)
    known = ARITHMETIC.get(layer.class_name)
    order = sorted({*units.tolist(), u})
    where = order.index(u)
    return Arithmetic(
        layer.name,
        level,
        positions[at],
        u,
        steps[at].token or "padding",
        tuple(_lines(layer, step, before, u)) if known else (),
        tuple(one.format(f=layer.activation) for one in known.ending) if known else (),
        float(step.hidden_state[u]),
        positions[at - 1] if at else None,
        positions[at + 1] if at + 1 < len(positions) else None,
        order[where - 1] if where else None,
        order[where + 1] if where + 1 < len(order) else None,
    )


def _lines(
    layer: Recurrent, step: LayerStep | GatedStep, before: Floats, unit: int
) -> Iterator[Line]:
    """One line a gate; a gate's columns stand side by side in the kernels, in Keras's order."""
    if step.input is None:
        return
    names = ARITHMETIC[layer.class_name].terms
    kernels = [np.asarray(one) for one in (layer.kernel, layer.recurrent_kernel)]
    for gate, name in enumerate(names):
        term = step if isinstance(step, LayerStep) else (step.terms or {})[name.name]
        column = gate * len(step.hidden_state) + unit
        if term.input_term is None or term.recurrent_term is None or term.pre_activation is None:
            return
        value = term.hidden_state if isinstance(term, LayerStep) else term.value
        yield Line(
            name.symbol,
            str(layer.recurrent_activation if name.gate else layer.activation),
            _sum(step.input, kernels[0][:, column], float(term.input_term[unit])),
            _sum(before, kernels[1][:, column], float(term.recurrent_term[unit])),
            float(term.bias[unit]),
            float(term.pre_activation[unit]),
            float(value[unit]),
        )


def _sum(vector: Floats, weights: Floats, total: float) -> Sum:
    """vector [N] · weights [N], its largest products in the order of the entries.

    Without products where they do not make the total: a GRU's reset gate acts on h·U as a whole.
    """
    products = vector * weights  # [N]
    if not np.isclose(products.sum(), total, rtol=1e-3, atol=1e-4):
        return Sum((), 0, 0.0, total)
    shown = np.sort(np.argsort(-np.abs(products), kind="stable")[:_MOST_PRODUCTS])
    rest = total - float(products[shown].sum())
    listed = tuple(Product(int(i), float(vector[i]), float(weights[i])) for i in shown)
    return Sum(listed, len(vector) - len(shown), rest, total)
