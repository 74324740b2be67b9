"""The unrolled network with one phrase's numbers, as an SVG that reads well without colour.

A pure function of an explanation. A column is a timestep: its word, what enters, and one box for
each recurrent layer with the hidden state; arrows carry the state to the right, and the last state
goes on to the bars of the distribution. No script, no font or picture from elsewhere.
"""

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from app.answers import Explained, ExplainedStep, LayerStep, Prediction
from app.network import Floats

_COLUMN, _GAP, _BOX = 132, 44, 96  # width of a column, space between, height of a layer's box
_TOP, _LEFT, _ROW = 96, 24, 40  # where boxes begin, margin, space between layers
_BARS = 300  # width of the distribution
_MOST_COLUMNS = 12  # the last timesteps of a long input
_CELLS = 24  # units drawn of a wide layer, evenly spread

_STYLE = """
svg{color-scheme:light dark;--ink:#1f2328;--soft:#59636e;--line:#8c959f;--box:#f6f8fa;--bar:#0969da;
--back:#fff}
@media(prefers-color-scheme:dark){svg{--ink:#f0f6fc;--soft:#9198a1;--line:#656c76;--box:#151b23;
--bar:#4493f8;--back:#0d1117}}
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:var(--ink)}
.word{font-size:17px;font-weight:600}.soft{fill:var(--soft);font-size:11px}
.back{fill:var(--back)}.box{fill:var(--box);stroke:var(--line)}
.skipped{stroke-dasharray:4 4;opacity:.6}.arrow{stroke:var(--line);stroke-width:1.5;fill:none;
marker-end:url(#tip)}.tip{fill:var(--line)}.bar{fill:var(--bar)}.rail{fill:var(--box)}
""".replace("\n", "")


def diagram(explained: Explained) -> str:
    """SVG of an explained phrase. Timesteps of padding are drawn only where they move the state."""
    steps = [step for step in explained.timesteps if not step.masked][-_MOST_COLUMNS:]
    layers = len(steps[-1].layers)
    height = _TOP + layers * (_BOX + _ROW) + 28
    bars = len(explained.predictions)
    height = max(height, _TOP + 26 * bars + 48)
    middle = _LEFT + len(steps) * (_COLUMN + _GAP)
    width = middle + _BARS + _LEFT
    parts = [
        f'<rect class="back" width="{width}" height="{height}"/>',
        *(_column(step, number, at_end=step is steps[-1]) for number, step in enumerate(steps)),
        *_exit(middle, layers),
        *_distribution(explained.predictions, middle),
    ]
    title = f"The network unrolled over “{explained.phrase[:80]}”"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-labelledby="title desc">'
        f'<title id="title">{_text(title)}</title>'
        f'<desc id="desc">{_text(_description(explained, steps))}</desc>'
        f"<style>{_STYLE}</style>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
        f"{''.join(parts)}</svg>\n"
    )


def _description(explained: Explained, steps: Sequence[ExplainedStep]) -> str:
    words = ", ".join(f"{step.token or 'padding'} (id {step.id})" for step in steps)
    best = ", ".join(f"{p.word} {100 * p.probability:.1f} %" for p in explained.predictions)
    return f"Timesteps: {words}. Most probable next words: {best}."


def _column(step: ExplainedStep, number: int, *, at_end: bool) -> str:
    x = _LEFT + number * (_COLUMN + _GAP)
    center = x + _COLUMN / 2
    word = step.token if step.token is not None else "padding"
    parts = [
        f'<text x="{center}" y="30" text-anchor="middle" class="word">{_text(_short(word))}</text>',
        f'<text x="{center}" y="50" text-anchor="middle" class="soft">id {step.id}</text>',
    ]
    for level, layer in enumerate(step.layers):
        y = _TOP + level * (_BOX + _ROW)
        parts.append(f'<path class="arrow" d="M{center} {y - 34}V{y - 2}"/>')
        parts.append(_layer(layer, x, y))
        if not at_end:
            across = y + _BOX / 2
            parts.append(
                f'<path class="arrow" d="M{x + _COLUMN} {across}H{x + _COLUMN + _GAP - 2}"/>'
            )
    if step.predictions and not at_end:
        y = _TOP + len(step.layers) * (_BOX + _ROW) - 12
        best = step.predictions[0]
        says = f"→ {_short(best.word, 10)} {100 * best.probability:.0f} %"
        parts.append(
            f'<text x="{center}" y="{y}" text-anchor="middle" class="soft">{_text(says)}</text>'
        )
    return f"<g>{''.join(parts)}</g>"


def _layer(layer: LayerStep, x: float, y: float) -> str:
    state = layer.hidden_state
    center = x + _COLUMN / 2
    box = f'<rect class="box" x="{x}" y="{y}" width="{_COLUMN}" height="{_BOX}" rx="8"/>'
    name = (
        f'<text x="{center}" y="{y + 18}" text-anchor="middle" class="soft">'
        f"{_text(f'{_short(layer.name, 12)} · {len(state)}')}</text>"
    )
    if len(state) == 1 and layer.input_term is not None and layer.recurrent_term is not None:
        rows = (
            ("x·W", layer.input_term[0]),
            ("h·U", layer.recurrent_term[0]),
            ("b", layer.bias[0]),
            ("h", state[0]),
        )
        lines = "".join(
            f'<text x="{x + 12}" y="{y + 36 + 17 * row}" class="{_weight(key)}">{key}</text>'
            f'<text x="{x + _COLUMN - 12}" y="{y + 36 + 17 * row}" text-anchor="end" '
            f'class="{_weight(key)}">{_number(value)}</text>'
            for row, (key, value) in enumerate(rows)
        )
        return box + name + lines
    size = f"|h| {float(np.sqrt((state**2).sum())):.3f}"
    caption = f'<text x="{center}" y="{y + 84}" text-anchor="middle" class="soft">{size}</text>'
    return box + name + "".join(_strip(state, x + 10, y + 30, _COLUMN - 20)) + caption


def _weight(key: str) -> str:
    return "value" if key == "h" else "soft"


def _strip(state: Floats, x: float, y: float, width: float) -> Iterator[str]:
    """Units as columns that rise or fall from a middle line: sign and size without colour."""
    shown = state[np.linspace(0, len(state) - 1, min(len(state), _CELLS)).astype(int)]
    largest = max(1.0, float(np.abs(shown).max()))
    cell, half = width / len(shown), 18.0
    yield f'<rect class="rail" x="{x}" y="{y + half}" width="{width:.1f}" height="1"/>'
    for at, value in enumerate(shown):
        tall = max(0.5, abs(float(value)) / largest * half)
        top = y + half - (tall if value > 0 else 0)
        yield (
            f'<rect class="bar" x="{x + at * cell:.2f}" y="{top:.2f}" '
            f'width="{max(cell - 1, 0.8):.2f}" height="{tall:.2f}"/>'
        )


def _exit(middle: float, layers: int) -> Iterator[str]:
    across = _TOP + (layers - 1) * (_BOX + _ROW) + _BOX / 2
    yield f'<path class="arrow" d="M{middle - _GAP} {across}H{middle - 8}"/>'


def _distribution(predictions: Sequence[Prediction], x: float) -> Iterator[str]:
    yield f'<text x="{x}" y="50" class="soft">most probable next words, %</text>'
    rail = _BARS - 150
    for row, prediction in enumerate(predictions):
        y = _TOP + 26 * row
        share = float(prediction.probability)
        yield (
            f'<text x="{x + 92}" y="{y + 13}" text-anchor="end">'
            f"{_text(_short(prediction.word, 11))}</text>"
            f'<rect class="rail" x="{x + 100}" y="{y}" width="{rail}" height="17" rx="3"/>'
            f'<rect class="bar" x="{x + 100}" y="{y}" width="{max(1.0, rail * share):.1f}" '
            f'height="17" rx="3"/>'
            f'<text x="{x + 106 + rail}" y="{y + 13}">{100 * share:.1f}</text>'
        )


def _number(value: np.float32 | float) -> str:
    return f"{float(value):.4f}".replace("-", "−")


def _short(word: str, longest: int = 14) -> str:
    return word if len(word) <= longest else word[: longest - 1] + "…"


def _text(value: str) -> str:
    """Escaped, and without the characters that XML forbids."""
    allowed = (
        c if c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff" and c < "\ufffe") else "�"
        for c in value
    )
    return escape("".join(allowed))
