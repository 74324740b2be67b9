"""The network unrolled over one phrase: a column a timestep, wrapped as text is where it is long.

A column is what happens at that step: the word, its id, what the embedding makes of it, and one
cell for each recurrent layer with its state. Arrows carry the state to the right; the last one goes
on to the dense layer and the bars of the softmax. Timesteps that the network skips are drawn
together, dashed, because the state passes them unchanged.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from app.answers import Explained, ExplainedStep
from app.layers import Embedding
from app.network import Network
from app.pictures import states
from app.pictures.svg import Picture, arrow, bar, document, short, words

COLUMN, GAP, LEFT, EDGE = 112, 32, 36, 14  # column, arrow between, room for h₋₁, margin
_BARS, _BAR_ROW = 252, 24  # the distribution's width, a bar's row
_WORD, _EMBEDDING, _ARROW = 42, 40, 26  # word and id; the embedding with its arrow; an arrow
_CELL, _SMALL_CELL = 96, 40  # height of a layer's cell, and in a long phrase
_LONG = 12  # columns from which on cells are small
COLUMNS = 6  # timesteps on a line

Steps = tuple[ExplainedStep, ...]  # one timestep, or several on end that the network skips


class _Frame(NamedTuple):
    """What all columns have in common: lengths are in the picture's units, y from a line's top."""

    network: Network
    columns: int
    small: bool

    @property
    def embedding(self) -> int | None:
        first = self.network.layers[0]
        return first.units if isinstance(first, Embedding) else None

    @property
    def cell(self) -> int:
        return _SMALL_CELL if self.small else _CELL

    def cell_top(self, level: int) -> float:
        first = _WORD + (_EMBEDDING if self.embedding else 0) + _ARROW
        return first + level * (self.cell + _ARROW)

    @property
    def line(self) -> float:
        """Height of a line of timesteps, with what is said below."""
        return self.cell_top(len(self.network.states)) - _ARROW + (14 if self.small else 38)

    def x_of(self, column: int) -> float:
        return LEFT + column * (COLUMN + GAP)


def unrolled(
    explained: Explained, network: Network, *, columns: int = COLUMNS, name: str | None = None
) -> Picture:
    """The picture of an explained phrase; at most `columns` timesteps stand side by side.

    With a `name` it belongs in a page that has the pictures' style.
    """
    drawn = together(explained.timesteps)
    frame = _Frame(network, columns, len(drawn) > _LONG)
    lines = [drawn[at : at + columns] for at in range(0, len(drawn), columns)]
    parts: list[str] = []
    for row, line in enumerate(lines):
        for column, steps in enumerate(line):
            goes_on = column == columns - 1 and row < len(lines) - 1
            parts += _column(frame, steps, column, EDGE + row * frame.line, goes_on=goes_on)
    widest = frame.x_of(len(lines[0])) - GAP + 20
    room = frame.x_of(max(columns, 2))
    end, right, bottom = _end(explained, frame, len(lines), len(lines[-1]), room)
    title = f"The network unrolled over “{short(explained.phrase, 80)}”"
    size = max(widest, right) + EDGE, max(EDGE + len(lines) * frame.line, bottom)
    return document(*size, title, description(explained), "".join([*parts, end]), name=name)


def together(steps: Sequence[ExplainedStep]) -> list[Steps]:
    """Timesteps one by one, those on end that are masked in one piece."""
    drawn: list[Steps] = []
    for masked, group in groupby(steps, key=lambda step: step.masked):
        run = tuple(group)
        drawn += [run] if masked else [(step,) for step in run]
    return drawn


def description(explained: Explained) -> str:
    """The picture in words: each timestep, and the answer."""
    said = [
        f"{len(steps)} masked padding"
        if steps[0].masked
        else f"{steps[0].token or 'padding'} (id {steps[0].id})"
        for steps in together(explained.timesteps)
    ]
    best = ", ".join(f"{p.word} {100 * p.probability:.1f} %" for p in explained.predictions)
    return f"Timesteps: {', '.join(said)}. Most probable next words: {best or 'none'}."


def _column(frame: _Frame, steps: Steps, column: int, y: float, *, goes_on: bool) -> Iterator[str]:
    x = frame.x_of(column)
    cells = {layer.name: layer for layer in frame.network.recurrent}
    for level, state in enumerate(frame.network.states):
        if state not in cells:  # it merges two others, and carries nothing on
            continue
        across = y + frame.cell_top(level) + frame.cell / 2
        begin = x - GAP if column else x - 26
        if cells[state].go_backwards:
            if column:
                yield arrow(f"M{x:g} {across:g}H{begin + 2:g}")
            continue
        term = f'data-term="recurrent" data-t="{steps[0].position}" data-layer="{level}"'
        yield arrow(f"M{begin:g} {across:g}H{x - 2:g}", term)
        if not column:
            carried = "0" if steps[0].position == 0 else "h"
            yield words(x - 24, across - 7, carried, "soft", "start")
        if goes_on:
            yield arrow(f"M{x + COLUMN:g} {across:g}h20")
            yield words(x + COLUMN + 5, across - 7, "h", "soft", "start")
    yield from (_skipped if steps[0].masked else _timestep)(frame, steps, x, y)


def _skipped(frame: _Frame, steps: Steps, x: float, y: float) -> Iterator[str]:
    center, top = x + COLUMN / 2, y + frame.cell_top(0)
    height = frame.cell_top(len(frame.network.states) - 1) + frame.cell - frame.cell_top(0)
    count = f"{len(steps)} × padding" if len(steps) > 1 else "padding"
    yield words(center, y + 16, count, "soft")
    yield words(center, y + 34, "id 0", "soft")
    yield (
        f'<rect class="box dashed" x="{x:g}" y="{top:g}" width="{COLUMN}" height="{height:g}" '
        'rx="8"/>'
    )
    yield words(center, top + frame.cell / 2 - 3, "masked:", "soft")
    yield words(center, top + frame.cell / 2 + 13, "h stays", "soft")


def _timestep(frame: _Frame, steps: Steps, x: float, y: float) -> Iterator[str]:
    step = steps[0]
    center, top = x + COLUMN / 2, y + _WORD
    word = "padding" if step.token is None else short(step.token, 12)
    yield words(center, y + 16, word, "soft" if step.token is None else "word")
    yield words(center, y + 34, f"id {step.id}", "soft")
    if frame.embedding:
        yield arrow(f"M{center:g} {top:g}v12")
        yield _named_box(center, top + 14, COLUMN - 16, f"embedding {frame.embedding}")
        top += _EMBEDDING
    for level, layer in enumerate(step.layers):
        at = y + frame.cell_top(level)
        begin = at - _ARROW if level else top
        term = f'data-term="input" data-t="{step.position}" data-layer="{level}"'
        yield arrow(f"M{center:g} {begin:g}V{at - 2:g}", term)
        yield states.cell(layer, step.position, level, (x, at, COLUMN, frame.cell))
    if step.predictions and not frame.small:
        best = step.predictions[0]
        says = f"→ {short(best.word, 9)} {100 * best.probability:.0f} %"
        yield words(center, at + frame.cell + 17, says, "soft")


def _named_box(center: float, y: float, width: float, name: str) -> str:
    return (
        f'<rect class="box" x="{center - width / 2:g}" y="{y:g}" width="{width:g}" height="24" '
        f'rx="4"/>{words(center, y + 16, name, "soft")}'
    )


def _end(
    explained: Explained, frame: _Frame, lines: int, last: int, room: float
) -> tuple[str, float, float]:
    """Dense and softmax, beside the last timestep or below it: the drawing, right and bottom."""
    y = EDGE + (lines - 1) * frame.line
    across = y + frame.cell_top(len(frame.network.states) - 1) + frame.cell / 2
    x = frame.x_of(last)  # where the arrow out of the last cell ends
    dense = f"{_head(frame.network)} → {frame.network.classes}"
    wide = 7 * len(dense) + 16
    height = _BAR_ROW * len(explained.predictions) + 30
    if x + wide + 34 + _BARS <= room:
        path = arrow(f"M{x - GAP:g} {across:g}H{x - 2:g}", 'data-term="dense"')
        box = _named_box(x + wide / 2, across - 12, wide, dense)
        on = arrow(f"M{x + wide:g} {across:g}h26")
        top = max(EDGE, min(across - height / 2, y + frame.line - height))
        bars = "".join(_distribution(explained, x + wide + 34, top))
        return path + box + on + bars, x + wide + 34 + _BARS, top + height
    center = x - GAP - COLUMN / 2
    below = y + frame.line
    begin = across + frame.cell / 2 + (2 if frame.small else 24)
    path = arrow(f"M{center:g} {begin:g}V{below - 2:g}", 'data-term="dense"')
    box = _named_box(center, below, wide, dense)
    left = max(0, min(center - _BARS / 2, room - _BARS - EDGE))
    on = arrow(f"M{center:g} {below + 24:g}v14")
    bars = "".join(_distribution(explained, left, below + 42))
    return path + box + on + bars, left + _BARS, below + 42 + height


def _head(network: Network) -> str:
    """The name of what turns the state into classes, shortly."""
    return short(next(layer.name for layer in reversed(network.layers) if layer.weights), 12)


def _distribution(explained: Explained, x: float, y: float) -> Iterator[str]:
    yield words(x + 84, y + 12, "softmax: the next word, %", "soft", "start")
    for row, prediction in enumerate(explained.predictions):
        top = y + 20 + _BAR_ROW * row
        share = float(prediction.probability)
        yield words(x + 78, top + 13, short(prediction.word, 10), "strong", "end")
        yield bar(x + 84, top, 118, 17, share)
        yield words(x + 208, top + 13, f"{100 * share:.1f}", "", "start")
