"""One unit at one timestep, term by term, as one does it by hand: h = f(x·W + h·U + b)."""

from dataclasses import dataclass

import numpy as np

from app.answers import Explained, LayerStep
from app.engines.topk import most_active
from app.network import Floats, Network, Recurrent

_MOST_PRODUCTS = 6  # shown of each sum: the largest ones


@dataclass(frozen=True, slots=True)
class Product:
    """Entry `index` of a vector times its weight."""

    index: int
    value: float
    weight: float

    @property
    def product(self) -> float:
        """In float32, as the network computes."""
        return float(np.float32(self.value) * np.float32(self.weight))


@dataclass(frozen=True, slots=True)
class Sum:
    """The largest products of a sum, what the others add, and the whole as the network has it."""

    products: tuple[Product, ...]
    others: int
    rest: float
    total: float


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How one unit's state came about. Without sums the network skipped the timestep.

    `previous` and `following` are timesteps that were computed, `above` and `below` units.
    """

    layer: str
    level: int
    activation: str
    t: int
    unit: int
    token: str
    entering: Sum | None
    recurrent: Sum | None
    bias: float
    pre_activation: float
    hidden_state: float
    previous: int | None
    following: int | None
    above: int | None
    below: int | None
    units: tuple[int, ...]  # to choose from


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
    units = most_active(states, 12)
    u = int(units[0]) if unit is None else min(max(unit, 0), layer.units - 1)
    step = steps[at].layers[level]
    before = states[at - 1] if at else np.zeros(layer.units, np.float32)
    entering, recurrent = _sums(layer, step, before, u)
    order = sorted({*units.tolist(), u})
    where = order.index(u)
    return Arithmetic(
        layer.name,
        level,
        layer.activation,
        positions[at],
        u,
        steps[at].token or "padding",
        entering,
        recurrent,
        float(step.bias[u]),
        0.0 if step.pre_activation is None else float(step.pre_activation[u]),
        float(step.hidden_state[u]),
        positions[at - 1] if at else None,
        positions[at + 1] if at + 1 < len(positions) else None,
        order[where - 1] if where else None,
        order[where + 1] if where + 1 < len(order) else None,
        tuple(order),
    )


def _sums(
    layer: Recurrent, step: LayerStep, before: Floats, unit: int
) -> tuple[Sum | None, Sum | None]:
    if step.input is None or step.input_term is None or step.recurrent_term is None:
        return None, None
    kernel, recurrent_kernel = (
        np.asarray(matrix)[:, unit] for matrix in (layer.kernel, layer.recurrent_kernel)
    )
    return (
        _sum(step.input, kernel, float(step.input_term[unit])),
        _sum(before, recurrent_kernel, float(step.recurrent_term[unit])),
    )


def _sum(vector: Floats, weights: Floats, total: float) -> Sum:
    """vector [N] · weights [N], its largest products in the order of the entries."""
    products = vector * weights  # [N]
    shown = np.sort(np.argsort(-np.abs(products), kind="stable")[:_MOST_PRODUCTS])
    rest = total - float(products[shown].sum())
    listed = tuple(Product(int(i), float(vector[i]), float(weights[i])) for i in shown)
    return Sum(listed, len(vector) - len(shown), rest, total)
