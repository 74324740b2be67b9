"""Known words that a mistyped beginning may have meant: "recie" -> "receive", "teh" -> "the".

The distance is that of Damerau and Levenshtein (a letter missing, too many, another one, or two
exchanged, which is the commonest slip and counts as half of one), between what is typed and the
beginning of the word that is most like it. It is computed for all likely words at once, a typed
letter at a time. Knows words alone; how probable each is must be weighed by others. Shapes: N
words, K of them compared, m typed letters, L letters of a word.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.arrays import Indices

SHORTEST = 3  # letters that can be mistyped
_LONGEST = 24  # letters: a longer beginning is none of a word
_TWO_MISTAKES = 6  # letters that have room for two
MISTAKE, _EXCHANGE = 2, 1  # distances
_LETTERS = 32  # a letter's code modulo 32, as in `spelling.py`
_FAR = 60  # two of them are still an int8

Int8s = NDArray[np.int8]


class Near(NamedTuple):
    """Places [K] in the words, and distances [K] from what was typed, a mistake being 2."""

    places: Indices
    distances: Int8s


class Mistakes:
    """An index of words. Matches are found in some tenths of a millisecond for 14,000 words."""

    def __init__(self, words: Sequence[str]) -> None:
        self._lengths = np.array([min(len(word), _LONGEST) for word in words], np.int32)  # [N]
        self._letters = np.zeros((len(words), _LONGEST + 2), np.uint32)  # [N, L]
        for row, word in zip(self._letters, words, strict=True):
            codes = [ord(letter) for letter in word[:_LONGEST]]
            row[: len(codes)] = codes
        self._has = np.zeros((len(words), _LETTERS), np.bool_)  # [N, 32] whether it has a letter
        rows, columns = np.nonzero(self._letters)
        self._has[rows, self._letters[rows, columns] % _LETTERS] = True

    def near(self, typed: str) -> Near:
        """Words some beginning of which has at most one mistake, two for a longer one."""
        m = len(typed)
        most = 1 if m < _TWO_MISTAKES else 2
        if not SHORTEST <= m <= _LONGEST:
            return Near(np.zeros(0, np.intp), np.zeros(0, np.int8))
        codes = np.array([ord(letter) for letter in typed], np.uint32)
        likely = self._likely(codes, most)
        distances = _distances(self._letters[likely, : m + most], codes)
        close = distances <= most * MISTAKE
        return Near(likely[close], distances[close])

    def _likely(self, codes: NDArray[np.uint32], most: int) -> Indices:
        """Words that lack few of the letters, and begin as is typed or with its second letter."""
        different = np.unique(codes % _LETTERS)
        lacking = len(different) - self._has[:, different].sum(axis=1)  # [N]
        first = self._letters[:, 0]
        begin = (first == codes[0]) | (first == codes[1])
        # The first letter is seldom wrong; where it is, nothing else may be.
        begin |= self._letters[:, 1] == codes[1]
        return np.flatnonzero(begin & (lacking <= most) & (self._lengths >= len(codes) - most))


def _distances(letters: NDArray[np.uint32], codes: NDArray[np.uint32]) -> Int8s:
    """The least distance [K] of `codes` [m] to a beginning of each row of `letters` [K, L]."""
    K, L = letters.shape
    columns = MISTAKE * np.arange(L + 1, dtype=np.int8)
    before = np.full((K, L + 1), _FAR, np.int8)  # the row before the last
    last = np.broadcast_to(columns, (K, L + 1)).copy()  # [K, L + 1] nothing typed yet
    for at, code in enumerate(codes):
        same = letters == code  # [K, L]
        now = last + np.int8(MISTAKE)  # a letter too many
        np.minimum(now[:, 1:], last[:, :-1] + np.int8(MISTAKE) * ~same, out=now[:, 1:])
        if at:  # two letters exchanged
            swapped = same[:, :-1] & (letters[:, 1:] == codes[at - 1])
            exchanged = before[:, :-2] + np.where(swapped, _EXCHANGE, _FAR).astype(np.int8)
            np.minimum(now[:, 2:], exchanged, out=now[:, 2:])
        now -= columns  # a letter missing costs a mistake for each column to the right
        np.minimum.accumulate(now, axis=1, out=now)
        now += columns
        before, last = last, now
    least: Int8s = last.min(axis=1)
    return least
