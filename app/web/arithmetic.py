"""One unit at one timestep, term by term, as one does it by hand: h = f(x·W + h·U + b)."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from app.answers import Explained, GatedStep, LayerStep
from app.arrays import Floats, Kernel
from app.engines.activations import ACTIVATIONS
from app.engines.topk import most_active
from app.layers import Recurrent
from app.network import Network
from app.terms import ARITHMETIC, TermName

_MOST_PRODUCTS = 6  # shown of each sum: the largest ones
_MOST_UNITS = 12  # to step through


class Product(NamedTuple):
    """An entry of a vector times its weight."""

    value: float
    weight: float


class Sum(NamedTuple):
    """The largest products of a sum, what the others add, and the whole as the network has it.

    A GRU's reset gate may multiply all of it, with a bias inside: total = scale · (sum + bias).
    """

    label: str
    products: tuple[Product, ...]
    others: int
    rest: float
    total: float
    scale: float | None = None
    bias: float = 0.0


class Line(NamedTuple):
    """One gate, or the only equation: symbol = f(x·W + h·U + b)."""

    name: str
    symbol: str
    gate: bool
    activation: str
    entering: Sum
    recurrent: Sum
    bias: float
    pre_activation: float
    value: float


class Ending(NamedTuple):
    """How gates make a state: symbol = equation, which is a sum of products."""

    symbol: str
    sum: Sum


class Arithmetic(NamedTuple):
    """How one unit's state came about. Without lines the network skipped the timestep, or the layer
    merges the states of two others.

    `level` is the layer's place among `layers`, which have states. `previous` and `following` are
    timesteps that were computed, `above` and `below` units.
    """

    layer: str
    layers: tuple[str, ...]
    level: int
    t: int
    unit: int
    token: str
    lines: tuple[Line, ...]
    ending: tuple[Ending, ...]
    hidden_state: float
    previous: int | None
    following: int | None
    above: int | None
    below: int | None


class _Step(NamedTuple):
    """A layer's arithmetic at a timestep, and the states that it went on from, [H] each."""

    layer: Recurrent
    now: LayerStep | GatedStep
    h: Floats
    c: Floats


def arithmetic(
    explained: Explained, network: Network, t: int | None, unit: int | None, layer: str | None
) -> Arithmetic:
    """A layer's unit at a timestep; what is not there becomes the last layer, timestep or unit."""
    names = network.states
    level = names.index(layer) if layer in names else len(names) - 1
    steps = [step for step in explained.timesteps if not step.masked] or [explained.timesteps[-1]]
    positions = [step.position for step in steps]
    at = positions.index(t) if t in positions else len(positions) - 1
    one_layer = [step.layers[level] for step in steps]
    units = most_active(np.stack([one.hidden_state for one in one_layer]), _MOST_UNITS)
    last = len(one_layer[at].hidden_state) - 1
    u = int(units[0]) if unit is None else min(max(unit, 0), last)
    order = sorted({*units.tolist(), u})
    where = order.index(u)
    cell = next((one for one in network.recurrent if one.name == names[level]), None)
    step = cell and _step(cell, one_layer, at)
    return Arithmetic(
        names[level],
        names,
        level,
        positions[at],
        u,
        steps[at].token or "padding",
        tuple(_lines(step, u)) if step else (),
        tuple(_ending(step, u)) if step else (),
        float(one_layer[at].hidden_state[u]),
        positions[at - 1] if at else None,
        positions[at + 1] if at + 1 < len(positions) else None,
        order[where - 1] if where else None,
        order[where + 1] if where + 1 < len(order) else None,
    )


def _step(layer: Recurrent, steps: Sequence[LayerStep | GatedStep], at: int) -> _Step:
    """What one layer did at the `at`-th of its timesteps, which it may read backwards."""
    now = steps[at]
    from_ = at + 1 if layer.go_backwards else at - 1
    zeros = np.zeros(layer.units, np.float32)
    if not 0 <= from_ < len(steps):
        return _Step(layer, now, zeros, zeros)
    before = steps[from_]
    cell = before.cell_state if isinstance(before, GatedStep) else None
    return _Step(layer, now, before.hidden_state, zeros if cell is None else cell)


def _lines(step: _Step, unit: int) -> Iterator[Line]:
    """One line a gate; a gate's columns stand side by side in the kernels, in Keras's order."""
    layer, now = step.layer, step.now
    if now.input is None:
        return
    for gate, name in enumerate(ARITHMETIC[layer.class_name].terms):
        term = now if isinstance(now, LayerStep) else (now.terms or {})[name.name]
        column = gate * layer.units + unit
        if term.input_term is None or term.recurrent_term is None or term.pre_activation is None:
            return
        value = term.hidden_state if isinstance(term, LayerStep) else term.value
        yield Line(
            name.name,
            name.symbol,
            name.gate,
            str(layer.recurrent_activation if name.gate else layer.activation),
            _sum("x·W", now.input, layer.kernel, column, float(term.input_term[unit])),
            _recurrent(step, name, column, float(term.recurrent_term[unit])),
            float(term.bias[unit]),
            float(term.pre_activation[unit]),
            float(value[unit]),
        )


def _recurrent(step: _Step, name: TermName, column: int, total: float) -> Sum:
    """What the state before adds; of a GRU's candidate, what its reset gate lets through."""
    layer, U = step.layer, step.layer.recurrent_kernel
    label = name.recurrent(reset_after=layer.reset_after)
    if not name.through:
        return _sum(label, step.h, U, column, total)
    r = _values(step)[name.through]  # [H]
    if not layer.reset_after:
        return _sum(label, r * step.h, U, column, total)
    inside = _sum(label, step.h, U, column)
    bias = 0.0 if layer.bias is None else float(layer.bias[1, column])
    return inside._replace(total=total, scale=float(r[column % layer.units]), bias=bias)


def _ending(step: _Step, unit: int) -> Iterator[Ending]:
    """The states of a layer with gates, its equations from `app.terms` with their numbers."""
    layer, now = step.layer, step.now
    if not isinstance(now, GatedStep) or now.terms is None:
        return
    factors = {"h": float(step.h[unit]), "c": float(step.c[unit])}
    for symbol, values in _values(step).items():
        factors |= {symbol: float(values[unit]), f"1 - {symbol}": 1 - float(values[unit])}
    made = {"h": now.hidden_state}
    if now.cell_state is not None:
        made["c"] = now.cell_state
    for state in ARITHMETIC[layer.class_name].ending:
        vector = made[state.symbol]
        products = tuple(Product(factors[one], factors[other]) for one, other in state.products)
        total = float(vector[unit])
        written = state.written(layer.activation)
        yield Ending(state.symbol, Sum(written, products, 0, 0.0, total))
        shown = ACTIVATIONS[layer.activation](vector[np.newaxis].copy())  # [1, H]
        factors |= {state.symbol: total, f"{{f}}({state.symbol})": float(shown[0, unit])}


def _values(step: _Step) -> dict[str, Floats]:
    """What each gate came to, by its symbol: [H] each."""
    terms = step.now.terms if isinstance(step.now, GatedStep) else None
    names = ARITHMETIC[step.layer.class_name].terms
    return {name.symbol: (terms or {})[name.name].value for name in names}


def _sum(
    label: str, vector: Floats, kernel: Kernel, column: int, total: float | None = None
) -> Sum:
    """vector [N] · a kernel's column [N], its largest products in the order of the entries."""
    weights = np.asarray(kernel)[:, column]
    products = vector * weights  # [N]
    shown = np.sort(np.argsort(-np.abs(products), kind="stable")[:_MOST_PRODUCTS])
    whole = float(products.sum()) if total is None else total
    rest = whole - float(products[shown].sum())
    listed = tuple(Product(float(vector[i]), float(weights[i])) for i in shown)
    return Sum(label, listed, len(vector) - len(shown), rest, whole)
