"""Whether a word is surely a misspelling of another, told by the two alone.

An unknown word is mostly a rare one ("captive"), and what stands nearest to it ("active") says less
of how its sentence goes on than that it is unknown. What follows is said better where a letter is
doubled or is not ("tommorow"), or where in a longer word one is missing ("remeber") or a vowel is
wrong ("definately"); in a short one, where one is missing of a word that people write all the time
("wich"); and where letters are drawn out ("yesssss", "hahahaha"): measured on 17,300 unknown words
of chat and the web.
"""

import re
from collections.abc import Iterable, Iterator
from string import ascii_lowercase

_ONE_DOUBLED = 5  # letters of a word that may have one doubled
_DOUBLED = 2  # letters, one way or the other
_ONE_MISSING = 6
_SHORTEST_FREQUENT = 4  # letters that may lack one of a frequent word
_MOST_FREQUENT = 500  # words, which stand first in a vocabulary
_ONE_VOWEL_WRONG = 8
_RUN = re.compile(r"(.)\1+")
_DRAWN = re.compile(r"(..??)\1\1+")
_VOWELS = str.maketrans("", "", "aeiouy")

Cut = Iterable[tuple[str, str]]  # what is left of words, and the words


class Misspellings:
    """An index of words. What one is a misspelling of is found in some ten microseconds."""

    def __init__(self, words: Iterable[str], frequent: int = _MOST_FREQUENT) -> None:
        ordered = list(words)
        self._words = frozenset(ordered)
        self._frequent = frozenset(ordered[:frequent])
        text = "\n".join(self._words)  # what is done for all at once takes a third of the time
        undoubled: Cut = zip(_undoubled(text).split("\n"), self._words, strict=True)
        self._undoubled = _by_first((once, word) for once, word in undoubled if once != word)
        consonants: Cut = zip(text.translate(_VOWELS).split("\n"), self._words, strict=True)
        shortest = _ONE_VOWEL_WRONG - 1
        self._consonants = _by_first(cut for cut in consonants if len(cut[1]) >= shortest)

    def meant(self, typed: str) -> set[str]:
        """The words that this is so like."""
        drawn_out = self.undrawn(typed)
        if drawn_out is not None:
            return {drawn_out}
        if _SHORTEST_FREQUENT <= len(typed) < _ONE_MISSING:
            frequent = self._frequent.intersection(_with_one_more(typed))
            if frequent:
                return {*frequent}
        if len(typed) < _ONE_DOUBLED:
            return set()
        once = _undoubled(typed)
        near = [once, *self._undoubled.get(once, ())]
        if len(typed) >= _ONE_MISSING:
            near += _with_one_more(typed)
            near += self._consonants.get(typed.translate(_VOWELS), ())
        found = {word for word in self._words.intersection(near) if is_misspelling(typed, word)}
        if len(found) < 2:
            return found
        return {word for word in found if _lacks_one(typed, word)} or found  # than has one more

    def undrawn(self, typed: str) -> str | None:
        """The word that this is without what is said three times or more in it."""
        if not _DRAWN.search(typed):  # nearly always
            return None
        once = (_DRAWN.sub(as_often, typed) for as_often in (r"\1\1", r"\1"))
        return next((one for one in once if len(one) > 1 and one in self._words), None)


def _with_one_more(typed: str) -> Iterator[str]:
    """All that has one letter more inside."""
    for at in range(1, len(typed)):
        for letter in ascii_lowercase:
            yield typed[:at] + letter + typed[at:]


def _by_first(pairs: Cut) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for first, second in pairs:
        found.setdefault(first, []).append(second)
    return found


def is_misspelling(typed: str, word: str) -> bool:
    """Whether `typed` is so like `word`."""
    if len(typed) < _ONE_DOUBLED or typed[0] != word[:1]:
        return False
    if abs(len(typed) - len(word)) <= _DOUBLED and _undoubled(typed) == _undoubled(word):
        return True
    if typed[-1] != word[-1]:
        return False
    if len(typed) >= _ONE_MISSING and _lacks_one(typed, word):
        return True
    apart = abs(len(typed) - len(word)) <= 1 and _differ(typed, word) <= 1
    return len(typed) >= _ONE_VOWEL_WRONG and apart and _consonants(typed) == _consonants(word)


def _undoubled(word: str) -> str:
    return _RUN.sub(r"\1", word)


def _lacks_one(typed: str, word: str) -> bool:
    return len(word) == len(typed) + 1 and _differ(typed, word) == 1


def _differ(one: str, other: str) -> int:
    """How many letters of the longer are left between what both begin and end with."""
    longest = min(len(one), len(other))
    first = next((at for at in range(longest) if one[at] != other[at]), longest)
    left = longest - first
    last = next((at for at in range(left) if one[-1 - at] != other[-1 - at]), left)
    return max(len(one), len(other)) - first - last


def _consonants(word: str) -> str:
    """A word without its vowels, but for its first and last letter."""
    return word[0] + word[1:-1].translate(_VOWELS) + word[-1]
