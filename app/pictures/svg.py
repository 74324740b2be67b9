"""What every picture shares: escaping, numbers, colours that can be read on, the document around.

Knows nothing of networks. A picture stands alone (its style inside) or in a page that has
`pictures.css`, where a strict content security policy forbids styles inside.
"""

from functools import cache
from html import escape
from pathlib import Path

Colour = tuple[int, int, int]

POSITIVE: Colour = (0x08, 0x77, 0xBD)
ZERO: Colour = (0xE8, 0xEA, 0xEB)
NEGATIVE: Colour = (0xF5, 0x93, 0x22)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


class Picture(str):
    """An SVG document as text; Jupyter shows it as a picture."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


@cache
def style() -> str:
    """The rules of all pictures, as they stand in a picture or in a page's stylesheet."""
    return (Path(__file__).parent / "pictures.css").read_text()


def document(
    width: float, height: float, title: str, description: str, body: str, *, name: str | None = None
) -> Picture:
    """An SVG that scales to what is there, up to its own size; text alternatives come first.

    With a `name` it belongs in a page: its ids begin with it, and the page has the style.
    """
    own = name or "picture"
    rules = "" if name else f"<style>{style()}</style>"
    return Picture(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" viewBox="0 0 {width:g} '
        f'{height:g}" width="{width:g}" height="{height:g}" role="img" '
        f'aria-labelledby="{own}-title {own}-desc">'
        f'<title id="{own}-title">{text(title)}</title>'
        f'<desc id="{own}-desc">{text(description)}</desc>{rules}'
        f'<defs><marker id="{own}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
        f'<rect class="back" width="{width:g}" height="{height:g}"/>'
        f"{body.replace('#tip', f'#{own}-tip')}</svg>\n"
    )


def arrow(path: str, label: str = "") -> str:
    """An arrow along a path; `label` is further attributes that name it."""
    return f'<path class="arrow" {label} d="{path}" marker-end="url(#tip)"/>'


def words(x: float, y: float, content: str, kind: str = "", anchor: str = "middle") -> str:
    """A line of text."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" class="{kind}">{text(content)}</text>'


def bar(x: float, y: float, width: float, height: float, share: float) -> str:
    """A probability on its rail."""
    return (
        f'<rect class="rail" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="3"/>'
        f'<rect class="bar" x="{x:g}" y="{y:g}" width="{max(1.0, width * share):.1f}" '
        f'height="{height:g}" rx="3"/>'
    )


def cell(
    box: tuple[float, float, float, float],
    value: float,
    label: str = "",
    *,
    digits: int = 2,
    name: str = "",
) -> str:
    """A rectangle in the colour of a value in [-1, 1], with the signed number where it fits.

    `box` is x, y, width, height; `label` is further attributes that name it.
    """
    x, y, width, height = box
    back = colour(value)
    parts = [
        f'<rect class="cell" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        f'fill="{hexadecimal(back)}"/>'
    ]
    shown = name + signed(value, digits)
    if 6.2 * len(shown) <= width and height >= 12:
        parts.append(
            f'<text class="on" x="{x + width / 2:g}" y="{y + height / 2 + 4:g}" '
            f'text-anchor="middle" fill="{hexadecimal(ink_on(back))}">{shown}</text>'
        )
    return f"<g {label}>{''.join(parts)}</g>"


def colour(value: float) -> Colour:
    """The colour of a value: grey at 0, blue at 1 and beyond, orange at -1."""
    end = POSITIVE if value > 0 else NEGATIVE
    share = min(1.0, abs(value))
    mixed = [round(z + (e - z) * share) for z, e in zip(ZERO, end, strict=True)]
    return mixed[0], mixed[1], mixed[2]


def ink_on(back: Colour) -> Colour:
    """Black or white, whichever contrasts more: at least 4.58 : 1 on any colour."""
    return max(BLACK, WHITE, key=lambda ink: contrast(ink, back))


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio, 1 to 21 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    shares = [part / 255 for part in colour]
    r, g, b = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def hexadecimal(colour: Colour) -> str:
    """#rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def number(value: float, digits: int = 4) -> str:
    """A number with a real minus sign."""
    return f"{float(value):.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """A number that shows its sign, so that colour never has to."""
    return f"{float(value):+.{digits}f}".replace("-", "−")


def short(word: str, longest: int = 14) -> str:
    """A word cut to a length."""
    return word if len(word) <= longest else word[: longest - 1] + "…"


def text(value: str) -> str:
    """Escaped, and without the characters that XML forbids or that turn the reading direction."""
    return escape("".join(c if _is_shown(c) else "�" for c in value))


def _is_shown(c: str) -> bool:
    if c in "\t\n":
        return True
    if c < " " or "\ud800" <= c <= "\udfff" or (c >= "\ufffe" and ord(c) & 0xFFFE == 0xFFFE):
        return False
    return not ("\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069")
