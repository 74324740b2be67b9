"""Words and their ids. Id 0 is the padding and never a word."""

import unicodedata
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

from app.errors import VocabularyError
from app.text.spelling import Spelling

PADDING_ID = 0


class Vocabulary:
    """Words and their ids, both ways.

    `words[i]` is the word of id i, None for the padding and for classes without a word. With
    `lowercase`, typed words are found whatever the case the vocabulary shows them in ("i" -> "I").
    `shown_as` says how words are shown that are known by another spelling ("monday" -> "Monday").
    """

    def __init__(
        self,
        word_to_id: Mapping[str, int],
        *,
        classes: int | None = None,
        lowercase: bool = False,
        shown_as: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        classes = max(word_to_id.values(), default=0) + 1 if classes is None else classes
        words: list[str | None] = [None] * classes
        for word, number in word_to_id.items():
            _check_entry(word, number, classes, words)
            words[number] = word
        self.words = tuple(None if word is None else shown_as.get(word, word) for word in words)
        self.word_to_id = dict(word_to_id)
        self._ids = dict(word_to_id)
        if lowercase:
            for word, number in word_to_id.items():
                self._ids.setdefault(word.lower(), number)

    def __len__(self) -> int:
        return len(self.word_to_id)

    @property
    def spellings(self) -> Mapping[str, int]:
        """Every way to write a known word, as `tokenize` gives it, and its id."""
        return self._ids

    def id_of(self, word: str | None) -> int | None:
        """The id of a word as `tokenize` gives it, None where it is unknown, or None itself."""
        return None if word is None else self._ids.get(word)

    def closest(self, word: str, count: int = 3) -> tuple[str, ...]:
        """Known words spelled most like this one, best first."""
        matches = self._spelling.closest(word.lower(), count)
        return tuple(dict.fromkeys(str(self.words[self._ids[match]]) for match in matches))

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling(self._ids)


def _check_entry(word: object, number: object, classes: int, words: Sequence[str | None]) -> None:
    if not isinstance(word, str) or not word or _has_control_characters(word):
        raise VocabularyError(f"vocabulary.json: {word!r:.60} is not a printable word")
    if not isinstance(number, int) or isinstance(number, bool):
        raise VocabularyError(f"vocabulary.json: the id of {word!r:.60} is not an integer")
    if number == PADDING_ID:
        raise VocabularyError(f"vocabulary.json: {word!r:.60} has id 0, which is the padding's")
    if not 0 < number < classes:
        raise VocabularyError(
            f"vocabulary.json: {word!r:.60} has id {number}, outside 1..{classes - 1}: "
            f"the network has {classes} classes"
        )
    if words[number] is not None:
        raise VocabularyError(
            f"vocabulary.json: {word!r:.60} and {words[number]!r:.60} share id {number}"
        )


def _has_control_characters(word: str) -> bool:
    """Surrogates too. Soft hyphens, joiners and the like are not printable, but texts have them."""
    return not word.isprintable() and any(unicodedata.category(c) in ("Cc", "Cs") for c in word)
