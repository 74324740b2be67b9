"""Contractions whose apostrophe slipped to the key beside it: "don;t". Knows no vocabulary."""

import re

from app.text.tokens import AS_TYPEWRITTEN

AS_TYPED = AS_TYPEWRITTEN | {ord(";"): "'"}
SLIPPED = ";"
_CONTRACTION = (
    r"(?<![^\W_])(?:(?:do|ca|wo|is|are|does|did|was|were|has|have|had|could|would|should|ai)n;t"
    r"|i;(?:m|ll?|ve?|d)|(?:it|that|what|he|she|let|there|who|where|how|here);s"
    r"|(?:you|we|they);(?:re?|ve?|ll?|d))"
)
_AT_END = re.compile(_CONTRACTION + r"\Z", re.IGNORECASE)
_INSIDE = re.compile(_CONTRACTION + r"(?![^\W\d_])", re.IGNORECASE)
_LONGEST = 12  # characters


def start_of_slipped(text: str) -> int | None:
    """Where the contraction begins that a text ends with, or the first letters of its end."""
    end = text[-_LONGEST:]
    match = _AT_END.search(end) if SLIPPED in end else None
    return None if match is None else len(text) - len(end) + match.start()


def unslipped(text: str) -> str:
    """A text whose contractions have their apostrophes."""
    if SLIPPED not in text:
        return text
    return _INSIDE.sub(lambda match: match[0].replace(SLIPPED, "'"), text)
