"""How a word is written: names as they are, a sentence's first word, and the typist's own case.

A model reads and remembers lower-case words; what people see has capitals. `shown_as` says which
("monday" -> "Monday"); an entry of two words says it of the second, or both, where they follow each
other ("in may" -> "in May"). Knows strings alone.
"""

import re
from collections.abc import Mapping

from app.text.tokens import APOSTROPHES

_NAME = re.compile(rf"[^\W\d_I][{APOSTROPHES}][^\W\d_]\Z")  # begins so: "O'B", and not "I'M"

SHOUTED = 4  # letters, of which all are capitals: no acronym
SHOUTED_WORDS = 2  # letters of words that are no acronyms
# What may be an acronym where nothing else stands: "US", "7 PM", "LOL".
_MAY_BE_ACRONYMS = frozenset((
    "act", "ad", "aka", "am", "app", "apps", "apt", "bio", "brb", "cad", "cal", "cam", "cap",
    "chem", "co", "com", "diy", "econ", "edu", "ep", "eta", "etc", "ex", "fps", "gf", "gov", "hp",
    "hrs", "hw", "ice", "id", "idk", "ii", "iii", "inc", "it", "iv", "jk", "kc", "la", "lax",
    "lb", "lbs", "lol", "ma", "mil", "min", "mma", "mo", "mph", "ms", "nas", "omg", "op", "oz",
    "pa", "pin", "pm", "ppl", "pre", "qb", "ram", "rip", "sat", "sec", "sox", "tbh", "tds", "tel",
    "tm", "uni", "us", "vi", "vol", "vs", "who",
))  # fmt: skip


class Casing:
    """Writes words as a card's `shown_as` has them."""

    def __init__(self, shown_as: Mapping[str, str]) -> None:
        self._words = {key: shown for key, shown in shown_as.items() if " " not in key}
        self._pairs: dict[str, dict[str, str]] = {}  # by the first word, and by the second
        for key, shown in shown_as.items():
            first, pair, second = key.partition(" ")
            if pair:
                self._pairs.setdefault(first, {})[second] = shown

    def written(self, words: list[str], before: str = "") -> list[str]:
        """Words in a row, `before` being the one in front of them, as the vocabulary has it."""
        if len(words) == 1 and before.lower() not in self._pairs:  # nearly always
            return [self._words.get(words[0], words[0])]
        written = [self._words.get(word, word) for word in words]
        previous = before.lower()
        for at, word in enumerate(map(str.lower, words)):
            following = self._pairs.get(previous)
            pair = following and (following.get(word) or _possessive(following, word))
            if pair:
                first, written[at] = pair.split(" ")
                if at:
                    written[at - 1] = first
            previous = word
        return written


def _possessive(following: Mapping[str, str], word: str) -> str | None:
    """The pair of a name of which this is the possessive: "in China's"."""
    base = word.removesuffix("'s")
    pair = following.get(base) if base != word else None
    return None if pair is None else pair + word[len(base) :]


def in_capitals(typed: str) -> bool:
    """Whether all letters are capitals, of which one alone says nothing: "STO", "I'M"; neither
    "I'" nor "O'B".
    """
    if not typed.isupper() or _NAME.match(typed):
        return False
    return sum(map(str.isalpha, typed)) > 1


def may_shout(word: str) -> bool:
    """Whether this word alone, in capitals, says that all is in capitals."""
    return word.lower() not in _MAY_BE_ACRONYMS


def may_be_acronym(typed: str) -> bool:
    """Whether this is short, and in capitals: "IBM"."""
    return len(typed) < SHOUTED and in_capitals(typed)


def as_typed(word: str, typed: str, *, begins: bool) -> str:
    """A word in the typist's case: "Sto" -> "Store", "STO" -> "STORE"; the first of a sentence
    has a capital, but for one that has its own: "iPhone".
    """
    if not begins and (not typed or typed.islower()):  # nearly always
        return word
    if in_capitals(typed):
        return word.upper()
    first = next(filter(str.isalpha, typed), "")
    if word.islower() and (begins or first.isupper()):
        return word[:1].upper() + word[1:]
    return word
