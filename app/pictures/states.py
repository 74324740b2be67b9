"""Hidden states as pictures: what stands in a cell of the unrolled network, and the heat strip.

Every value shows its sign without colour: as a signed number, or as a bar above or below a line.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from app.answers import Explained, GatedStep, LayerStep
from app.arrays import Floats, Indices
from app.engines.topk import most_active
from app.pictures.svg import Picture, document, number, short, words
from app.pictures.svg import cell as coloured

Box = tuple[float, float, float, float]  # x, y, width, height
_BARS = 24  # units drawn of a wide layer, evenly spread
_NUMBERS = 9  # units that fit into a cell as numbers
MOST_UNITS = 12  # rows of a heat strip: the most active units
_CELL, _ROW, _LABEL = 58, 24, 74  # of a heat strip: a timestep, a unit, the units' names


def cell(layer: LayerStep | GatedStep, t: int, level: int, box: Box) -> str:
    """One layer at one timestep: the arithmetic of a single unit, or the states of all."""
    x, y, width, height = box
    state = layer.hidden_state
    inner = (x + 8, y + 26, width - 16, height - 34)
    if height < 60:
        inner = (x + 6, y + 6, width - 12, height - 12)
    if len(state) == 1 and height >= 60:
        content = "".join(_arithmetic(layer, x, y, width))
    elif len(state) <= _NUMBERS:
        content = "".join(_numbers(state, inner))
    else:
        content = "".join(_rising_and_falling(state, inner))
    name = f"{short(layer.name, 15 - len(str(len(state))))} {len(state)}"
    title = words(x + width / 2, y + 17, name, "soft") if height >= 60 else ""
    return (
        f'<g data-t="{t}" data-layer="{level}"><rect class="box" x="{x:g}" y="{y:g}" '
        f'width="{width:g}" height="{height:g}" rx="8"/>{title}{content}</g>'
    )


def _arithmetic(layer: LayerStep | GatedStep, x: float, y: float, width: float) -> Iterator[str]:
    terms = _terms(layer)
    apart = 15 if len(terms) <= 3 else 11
    for row, (name, value) in enumerate(terms):
        yield words(x + 10, y + 33 + apart * row, name, "soft", "start")
        yield words(x + width - 10, y + 33 + apart * row, number(value), "soft", "end")
    h = float(layer.hidden_state[0])
    yield coloured((x + 6, y + 70, width - 12, 20), h, 'data-unit="0"', digits=4, name="h ")


def _terms(layer: LayerStep | GatedStep) -> list[tuple[str, float]]:
    """What the one unit's state is made of: three terms, or what each gate came to."""
    if isinstance(layer, GatedStep):
        return [(name, float(term.value[0])) for name, term in (layer.terms or {}).items()]
    if layer.input_term is None or layer.recurrent_term is None:
        return []
    terms = (layer.input_term, layer.recurrent_term, layer.bias)
    return [(name, float(term[0])) for name, term in zip(("x·W", "h·U", "b"), terms, strict=True)]


def _numbers(state: Floats, box: Box) -> Iterator[str]:
    x, y, width, height = box
    columns = min(3, len(state))
    rows = -(-len(state) // columns)
    w, h = width / columns, height / rows
    for unit, value in enumerate(state):
        at = (x + unit % columns * w, y + unit // columns * h, w, h)
        yield coloured(at, float(value), f'data-unit="{unit}"', digits=1 if w < 34 else 2)


def _rising_and_falling(state: Floats, box: Box) -> Iterator[str]:
    x, y, width, height = box
    shown = state[np.linspace(0, len(state) - 1, min(len(state), _BARS)).astype(int)]
    scale = height / 2 / max(1.0, float(np.abs(shown).max()))
    w, middle = width / len(shown), y + height / 2
    for sign, kind in ((1, "positive"), (-1, "negative")):
        drawn = "".join(
            f"M{x + at * w:.1f} {middle:g}v{-value * scale:.1f}h{w - 1:.1f}v{value * scale:.1f}z"
            for at, value in enumerate(shown.tolist())
            if value * sign > 0
        )
        yield f'<path class="cell {kind}" d="{drawn}"/>'
    yield f'<path class="axis" d="M{x:g} {middle:g}h{width:g}"/>'


def heat_strip(
    explained: Explained, *, level: int = -1, columns: int = 12, name: str | None = None
) -> Picture:
    """One recurrent layer's units × timesteps, a coloured cell with a signed number for each.

    Skipped timesteps are left out: they repeat the state before them.
    """
    steps = [step for step in explained.timesteps if not step.masked]
    layers = [step.layers[level] for step in steps]
    if not steps:
        return document(_LABEL, _ROW, "No timestep was computed", "", "", name=name)
    states = np.stack([layer.hidden_state for layer in layers])  # [T, H]
    units = most_active(states, MOST_UNITS)
    tokens = [step.token or "padding" for step in steps]
    positions = [step.position for step in steps]
    blocks = range(0, len(steps), columns)
    height = 26 + _ROW * len(units) + 14
    parts = [
        part
        for row, begin in enumerate(blocks)
        for part in _block(
            states[begin : begin + columns, units],
            units,
            tokens[begin : begin + columns],
            positions[begin : begin + columns],
            row * height,
        )
    ]
    width = _LABEL + _CELL * min(columns, len(steps)) + 4
    title = f"Hidden states of {layers[0].name}, units × timesteps"
    said = f"{len(units)} of {states.shape[1]} units over {len(steps)} timesteps"
    return document(width, len(blocks) * height, title, said, "".join(parts), name=name)


def _block(
    states: Floats, units: Indices, tokens: Sequence[str], positions: Sequence[int], top: float
) -> Iterator[str]:
    for column, token in enumerate(tokens):
        x = _LABEL + column * _CELL
        yield words(x + _CELL / 2, top + 18, short(token, 7), "soft")
        for row, unit in enumerate(units):
            box = (x, top + 26 + row * _ROW, _CELL, _ROW)
            label = f'data-t="{positions[column]}" data-unit="{unit}"'
            yield coloured(box, float(states[column, row]), label)
    for row, unit in enumerate(units):
        yield words(_LABEL - 8, top + 42 + row * _ROW, f"unit {unit}", "soft", "end")
