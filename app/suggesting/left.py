"""What was shown for the first letters of a word, and left: remembered for when another follows.

It holds as long as the model says the very same of the sentence, and saves to find out again what
was shown for each letter before. Knows strings alone.
"""

import weakref
from typing import NamedTuple

from app.arrays import Floats

_MOST = 256  # sentences


class Left(NamedTuple):
    """What was `shown` for a word, in lower case, up to these letters."""

    word: str
    shown: frozenset[str]
    said: weakref.ReferenceType[Floats]


class LeftBefore:
    """The last of every sentence, by how many are shown at a time. Safe to use from any thread."""

    def __init__(self) -> None:
        self._left: dict[tuple[str, int], Left] = {}

    def of(self, sentence: str, count: int, word: str, said: Floats) -> Left | None:
        """What was shown for fewer letters of this word, where the model said that."""
        left = self._left.get((sentence, count))
        if left is None or left.said() is not said or left.word == word:
            return None
        return left if word.startswith(left.word) else None

    def keep(
        self, sentence: str, count: int, word: str, said: Floats, shown: frozenset[str]
    ) -> None:
        """Remember it instead of an earlier one."""
        if len(self._left) >= _MOST:
            self._left.clear()
        self._left[sentence, count] = Left(word, shown, weakref.ref(said))
