"""The same network folded up: each layer once, and the state's arrow from the cell to itself."""

from collections.abc import Iterator

from app.answers import Explained
from app.layers import Embedding
from app.network import Network
from app.pictures.svg import Picture, arrow, document, short, words

_WIDTH, _BOX, _STEP = 320, 46, 74  # of the picture, of a layer's height, from layer to layer


def rolled(explained: Explained, network: Network, *, name: str | None = None) -> Picture:
    """The folded picture: what unrolling copies once for every timestep."""
    steps = [step for step in explained.timesteps if not step.masked]
    recurrent = set(network.states)
    boxes = [
        (layer.name, layer.class_name, layer.units)
        for layer in network.layers
        if layer.weights or layer.name in recurrent or isinstance(layer, Embedding)
    ]
    parts = [words(_WIDTH / 2, 20, "x: one word's id at a time", "soft")]
    for at, (layer_name, class_name, units) in enumerate(boxes):
        y = 52 + at * _STEP
        parts.append(arrow(f"M{_WIDTH / 2:g} {y - 26}V{y - 2}"))
        parts += _layer(layer_name, class_name, units, y)
        if layer_name in recurrent:
            parts += _loop(y, len(steps))
    bottom = 52 + len(boxes) * _STEP
    parts.append(arrow(f"M{_WIDTH / 2:g} {bottom - 26}V{bottom - 2}"))
    parts.append(words(_WIDTH / 2, bottom + 16, _answer(explained), "strong"))
    said = ", ".join(f"{layer_name} with {units} units" for layer_name, _, units in boxes)
    title = f"The network rolled up; it turns {len(steps)} times"
    return document(_WIDTH, bottom + 30, title, f"{said}.", "".join(parts), name=name)


def _layer(name: str, class_name: str, units: int, y: float) -> Iterator[str]:
    yield (f'<rect class="box" x="70" y="{y:g}" width="{_WIDTH - 140}" height="{_BOX}" rx="8"/>')
    yield words(_WIDTH / 2, y + 20, short(name, 22), "strong")
    yield words(_WIDTH / 2, y + 36, f"{short(class_name, 16)} · {units}", "soft")


def _loop(y: float, times: int) -> Iterator[str]:
    right, middle = _WIDTH - 70, y + _BOX / 2
    curve = f"M{right} {middle - 10:g}c46 -26 46 46 4 22"
    yield arrow(curve, 'data-term="recurrent"')
    yield words(right + 6, y - 8, f"h, {times} ×", "soft", "start")


def _answer(explained: Explained) -> str:
    if not explained.predictions:
        return "softmax"
    best = explained.predictions[0]
    return f"softmax → {short(best.word, 14)} {100 * best.probability:.1f} %"
