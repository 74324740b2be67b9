"""Known words spelled most like a word that is not known. Knows words alone, no ids.

Comparing letter by letter is slow, and a mistyped word is compared with all of a vocabulary; so the
words that share too few letters with it are passed over first, all at once.
"""

import difflib
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

_LIKENESS = 0.6  # difflib's ratio, 1 for the same word
_LONGEST_WORD = 64
_MOST_LENGTHS_APART = 2
_MOST_COMPARED = 64  # letter by letter
_LETTERS = 32  # a letter's code modulo 32: a to z apart, others may fall together


class Spelling:
    """An index of words by how often each letter stands in them."""

    def __init__(self, words: Collection[str]) -> None:
        self._words = [word for word in words if len(word) <= _LONGEST_WORD]
        self._lengths = np.array([len(word) for word in self._words], np.int32)  # [N]
        self._counts = _letter_counts(self._words, self._lengths)  # [N, 32]

    def closest(self, word: str, count: int = 3) -> tuple[str, ...]:
        """Words spelled most like this one, best first; none for a very long one."""
        if not word or len(word) > _LONGEST_WORD or not self._words:
            return ()
        mine = _letter_counts([word], np.array([len(word)]))
        shared = np.minimum(self._counts, mine).sum(axis=1, dtype=np.int32)  # [N]
        bound = 2 * shared / (self._lengths + len(word))  # [N] no ratio is higher
        bound[np.abs(self._lengths - len(word)) > _MOST_LENGTHS_APART] = 0
        likely = np.argsort(-bound, kind="stable")[:_MOST_COMPARED]
        compared = [self._words[at] for at in likely if bound[at] >= _LIKENESS]
        return tuple(difflib.get_close_matches(word, compared, count, _LIKENESS))


def _letter_counts(words: list[str], lengths: NDArray[np.int32]) -> NDArray[np.uint8]:
    """[N, 32]: how often each letter stands in each word."""
    counts = np.zeros((len(words), _LETTERS), np.uint8)
    text = "".join(words).encode("utf-32-le", "surrogatepass")
    letters = np.frombuffer(text, np.uint32) % _LETTERS
    np.add.at(counts, (np.repeat(np.arange(len(words)), lengths), letters), 1)
    return counts
