"""Known words that a mistyped beginning may have meant: "recie" -> "receive", "teh" -> "the".

The distance is that of Damerau and Levenshtein (a letter missing, too many, another one, or two
exchanged, which is the commonest slip and counts as half of one), between what is typed and the
beginning of the word that is most like it. It is computed for all likely words at once, a typed
letter at a time. Knows words alone; how probable each is must be weighed by others. Shapes: N
words, K of them compared, m typed letters, L letters of a word.
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.arrays import Indices, Mask

SHORTEST = 3  # letters that can be mistyped
LONGEST = 24  # letters: a longer beginning is none of a word
_TWO_MISTAKES = 6  # letters that have room for two
MISTAKE, _EXCHANGE = 2, 1  # distances
_LETTERS = 32  # a letter's code modulo 32, as in `spelling.py`

Int8s = NDArray[np.int8]


class Near(NamedTuple):
    """Places [K] in the words, distances [K] from what was typed, a mistake being 2, and whether
    the whole word [K] is as near as that.
    """

    places: Indices
    distances: Int8s
    whole: Mask


class Mistakes:
    """An index of words. Matches are found in a tenth of a millisecond for 14,000 words."""

    def __init__(self, words: Sequence[str]) -> None:
        self._lengths = np.array([len(word) for word in words], np.int32).clip(max=LONGEST)  # [N]
        # The letters in rows, a word being a column: what is computed is computed for all words.
        self._letters = np.zeros((LONGEST + 2, len(words)), np.uint32)  # [L, N]
        cut = np.array([word[:LONGEST] for word in words], f"U{LONGEST}")
        self._letters[:LONGEST] = cut.view(np.uint32).reshape(-1, LONGEST).T
        bits = np.uint32(1) << (self._letters % _LETTERS)
        bits[self._letters == 0] = 0
        self._has = np.bitwise_or.reduce(bits, axis=0)  # [N] a bit for each letter that it has

    def near(self, typed: str) -> Near:
        """Words some beginning of which has at most one mistake, two for a longer one."""
        m = len(typed)
        most = 1 if m < _TWO_MISTAKES else 2
        if not SHORTEST <= m <= LONGEST:
            return Near(np.zeros(0, np.intp), np.zeros(0, np.int8), np.zeros(0, np.bool_))
        codes = [ord(letter) for letter in typed]
        likely = self._likely(codes, most)
        distances = _distances(self._letters[: m + most, likely], codes)  # [m + most + 1, K]
        least = distances.min(axis=0)
        close = np.flatnonzero(least <= most * MISTAKE)
        places, least = likely[close], least[close]
        lengths = self._lengths[places]
        whole = distances[lengths.clip(max=m + most), close] == least
        return Near(places, least, whole & (lengths <= m + most))

    def _likely(self, codes: Sequence[int], most: int) -> Indices:
        """Words that lack few of the letters, and begin as is typed or with its second letter."""
        wanted = reduce(or_, (1 << code % _LETTERS for code in codes))
        lacking = np.bitwise_count(np.uint32(wanted) & ~self._has)  # [N]
        first, second, *_ = self._letters
        begin = (first == codes[0]) | (first == codes[1])
        # The first letter is seldom wrong; where it is, nothing else may be.
        begin |= second == codes[1]
        return np.flatnonzero(begin & (lacking <= most) & (self._lengths >= len(codes) - most))


def _distances(letters: NDArray[np.uint32], codes: Sequence[int]) -> Int8s:
    """The distances [L + 1, K] of `codes` [m] to the beginnings of each column of `letters` [L, K].

    What is kept of a beginning is how much less than its every letter missing it is: then one more
    missing changes nothing.
    """
    L, K = letters.shape
    before = last = np.zeros((L + 1, K), np.int8)  # nothing typed yet
    swapped = np.zeros((L - 1, K), np.bool_)
    for at, code in enumerate(codes):
        same = letters == code  # [L, K]
        now = last + np.int8(MISTAKE)  # a letter too many
        np.minimum(now[1:], last[:-1] - same * np.int8(MISTAKE), out=now[1:])  # the same, another
        if at:  # two letters exchanged
            np.logical_and(same[:-1], letters[1:] == codes[at - 1], out=swapped)
            exchanged = before[:-2] + np.int8(_EXCHANGE - 2 * MISTAKE)
            np.minimum(now[2:], exchanged, out=now[2:], where=swapped)
        np.minimum.accumulate(now, axis=0, out=now)  # a letter missing
        before, last = last, now
    missing = MISTAKE * np.arange(L + 1, dtype=np.int8)[:, np.newaxis]  # [L + 1, 1]
    distances: Int8s = last + missing
    return distances
