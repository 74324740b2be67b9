"""Known words that a mistyped beginning may have meant: "recie" -> "receive", "teh" -> "the".

The distance is that of Damerau and Levenshtein (a letter missing, too many, another one, or two
exchanged, which is the commonest slip and counts as half of one), between what is typed and the
beginning of the word that is most like it. It is computed for all likely words at once, a typed
letter at a time. Knows words alone; how probable each is must be weighed by others. Shapes: N
words, K of them compared, m typed letters, L letters of a word, W lengths of its beginnings.
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
_MOST = 2  # mistakes
_ABOVE = _MOST + 1  # empty rows above the first letters
MISTAKE, EXCHANGE = 2, 1  # distances
_UNREACHABLE = 64  # a distance further than any, with room for what is added to it
_LETTERS = 32  # a letter's code modulo 32, as in `spelling.py`

Int8s = NDArray[np.int8]


class Near(NamedTuple):
    """Places [K] in the words, distances [K] from what was typed, a mistake being 2, and whether
    the whole word [K] is as near as that.
    """

    places: Indices
    distances: Int8s
    whole: Mask


NOTHING_NEAR = Near(np.zeros(0, np.intp), np.zeros(0, np.int8), np.zeros(0, np.bool_))


class Mistakes:
    """An index of words. Matches are found in a tenth of a millisecond for 14,000 words."""

    def __init__(self, words: Sequence[str]) -> None:
        self._lengths = np.array([len(word) for word in words], np.int32).clip(max=LONGEST)  # [N]
        # The letters in rows, a word being a column: what is computed is computed for all words.
        self._letters = np.zeros((_ABOVE + LONGEST + _MOST, len(words)), np.uint32)  # [L, N]
        cut = np.array([word[:LONGEST] for word in words], f"U{LONGEST}")
        self._letters[_ABOVE:-_MOST] = cut.view(np.uint32).reshape(-1, LONGEST).T
        bits = np.uint32(1) << (self._letters % _LETTERS)
        bits[self._letters == 0] = 0
        self._has = np.bitwise_or.reduce(bits, axis=0)  # [N] a bit for each letter that it has

    def near(self, typed: str) -> Near:
        """Words some beginning of which has at most one mistake, two for a longer one."""
        m = len(typed)
        most = 1 if m < _TWO_MISTAKES else _MOST
        if not SHORTEST <= m <= LONGEST:
            return NOTHING_NEAR
        codes = [ord(letter) for letter in typed]
        likely = self._likely(codes, most)
        letters = self._letters[_MOST - most : _ABOVE + m + most, likely]
        distances = _distances(letters, codes, most)  # [2 most + 1, K]
        least = distances.min(axis=0)
        close = np.flatnonzero(least <= most * MISTAKE)
        places, least = likely[close], least[close]
        lengths = self._lengths[places]
        whole = distances[lengths.clip(max=m + most) - (m - most), close] == least
        return Near(places, least, whole & (lengths <= m + most))

    def _likely(self, codes: Sequence[int], most: int) -> Indices:
        """Words that lack few of the letters, and begin as is typed or with its second letter."""
        wanted = reduce(or_, (1 << code % _LETTERS for code in codes))
        lacking = np.bitwise_count(np.uint32(wanted) & ~self._has)  # [N]
        first, second = self._letters[_ABOVE : _ABOVE + 2]
        begin = (first == codes[0]) | (first == codes[1])
        # The first letter is seldom wrong; where it is, nothing else may be.
        begin |= second == codes[1]
        return np.flatnonzero(begin & (lacking <= most) & (self._lengths >= len(codes) - most))


def _distances(letters: NDArray[np.uint32], codes: Sequence[int], most: int) -> Int8s:
    """The distances [W, K] of `codes` [m] to those beginnings of each word that are m - most to
    m + most letters long: to all others it is more than `most` mistakes. The words are columns of
    `letters` [m + 2 most + 1, K], most + 1 rows above the first letter being empty.

    Row by row as in Wagner and Fischer 1974, of each row what is at most `most` columns from the
    diagonal (Ukkonen 1985). What is kept of a beginning is how much less than its every letter
    missing it is: then one more missing changes nothing.
    """
    W, K = 2 * most + 1, letters.shape[1]
    last = np.zeros((W, K), np.int8)  # nothing typed yet
    last[:most] = _UNREACHABLE  # no beginning is shorter than none
    before = last
    is_same, is_swapped = np.empty((W + 1, K), np.bool_), np.empty((W, K), np.bool_)
    same, swapped = is_same.view(np.int8), is_swapped.view(np.int8)  # 1 for True
    for at, code in enumerate(codes):
        np.equal(letters[at : at + W + 1], code, out=is_same)  # from the letter before on
        now = last - same[1:] - same[1:]  # the same, or another
        np.minimum(now[:-1], last[1:] + np.int8(MISTAKE), out=now[:-1])  # a letter too many
        if at:  # two letters exchanged, or both others
            np.equal(letters[at + 1 : at + W + 1], codes[at - 1], out=is_swapped)
            np.logical_and(is_swapped, is_same[:-1], out=is_swapped)
            np.minimum(now, before - swapped * np.int8(2 * MISTAKE - EXCHANGE), out=now)
        for row in range(1, W):  # a letter missing
            np.minimum(now[row], now[row - 1], out=now[row])
        before, last = last, now
    lengths = np.arange(len(codes) - most, len(codes) + most + 1, dtype=np.int8)
    distances: Int8s = last + MISTAKE * lengths[:, np.newaxis]
    return distances
