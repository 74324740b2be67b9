"""The learning curve as SVG: validation perplexity over the run."""

import math
from collections.abc import Mapping, Sequence

_W, _H, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 320, 64, 16, 24, 44


def learning_curve(points: Sequence[Mapping[str, float]]) -> str:
    """SVG of points {"step", "position", "perplexity"}; the perplexity axis is logarithmic."""
    values = [point["perplexity"] for point in points] or [1.0]
    low, high = math.log(min(values)) - 0.05, math.log(max(values)) + 0.05
    last = max((point["step"] for point in points), default=1)

    def x(step: float) -> float:
        return _LEFT + (_W - _LEFT - _RIGHT) * step / max(last, 1)

    def y(perplexity: float) -> float:
        return _TOP + (_H - _TOP - _BOTTOM) * (high - math.log(perplexity)) / (high - low)

    line = " ".join(f"{x(p['step']):.1f},{y(p['perplexity']):.1f}" for p in points)
    ticks = [math.exp(low + 0.05 + (high - low - 0.1) * n / 4) for n in range(5)]
    rows = "".join(
        f'<line x1="{_LEFT}" x2="{_W - _RIGHT}" y1="{y(t):.1f}" y2="{y(t):.1f}" class="grid"/>'
        f'<text x="{_LEFT - 8}" y="{y(t) + 4:.1f}" text-anchor="end">{t:.1f}</text>'
        for t in ticks
    )
    steps = "".join(
        f'<text x="{x(step):.1f}" y="{_H - 22}" text-anchor="middle">{step:,.0f}</text>'
        for step in (last * n / 4 for n in range(5))
    )
    best = min(values)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_W} {_H}" role="img">'
        f"<title>Validation perplexity over training steps; best {best:.2f}</title>"
        "<style>text{font:12px system-ui,sans-serif;fill:#57606a}.grid{stroke:#d0d7de}"
        "polyline{fill:none;stroke:#0969da;stroke-width:2}</style>"
        f'<rect width="{_W}" height="{_H}" fill="#fff"/>{rows}{steps}'
        f'<polyline points="{line}"/>'
        f'<text x="{_W / 2}" y="{_H - 6}" text-anchor="middle">step</text>'
        f'<text x="{_LEFT}" y="14">validation perplexity (best {best:.2f})</text></svg>\n'
    )
