"""A loss curve: epochs to the right, loss upwards, its ends written out."""

from collections.abc import Sequence

from app.pictures.svg import Picture, document, number, words

_WIDTH, _HEIGHT, _LEFT, _TOP = 320, 150, 44, 14


def loss_curve(
    epochs: Sequence[int], losses: Sequence[float], *, name: str | None = None
) -> Picture:
    """A line through (epoch, loss); both run in parallel, epochs ascending."""
    width, height = _WIDTH - _LEFT - 14, _HEIGHT - _TOP - 30
    most, last = max([*losses, 1e-9]), max(epochs[-1], 1)
    points = [
        f"{_LEFT + width * epoch / last:.1f} {_TOP + height * (1 - loss / most):.1f}"
        for epoch, loss in zip(epochs, losses, strict=True)
    ]
    bottom = _TOP + height
    body = (
        f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{_LEFT + width}"/>'
        f'<path class="line" d="M{"L".join(points)}"/>'
        f'<circle class="bar now" r="4" cx="{_LEFT + width}" cy="{points[-1].split()[1]}"/>'
        + words(_LEFT - 6, _TOP + 8, number(most, 2), "soft", "end")
        + words(_LEFT - 6, bottom, "0", "soft", "end")
        + words(_LEFT, bottom + 18, str(epochs[0]), "soft", "start")
        + words(_LEFT + width, bottom + 18, f"epoch {epochs[-1]}", "soft", "end")
    )
    said = f"From {number(losses[0])} to {number(losses[-1])} in {epochs[-1]} epochs"
    return document(_WIDTH, _HEIGHT, "The loss while training", said, body, name=name)
