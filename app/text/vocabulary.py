"""Words and their ids. Id 0 is the padding and no word, unless the card says that it is one."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

from app.errors import VocabularyError
from app.text.spelling import Spelling
from app.text.tokens import composed

PADDING_ID = 0
_POSSESSIVE = ("'s", "’s")


class Vocabulary:
    """Words and their ids, both ways.

    `words[i]` is the word of id i, None for the padding and for classes without a word; words with
    ids beyond the `classes` are no words, and those beyond `rows` are shown but cannot be read.
    With `lowercase`, typed words are found whatever the case the vocabulary shows them in ("i" ->
    "I"); with `normalize`, in whichever of Unicode's forms it has them. `blocked` words are known,
    and never offered, those that `blocked_after` has for another not where that one came before;
    `shown_as` says how words are shown that are known by another spelling ("monday" -> "Monday"),
    and with a name it says how its possessive is ("monday's").
    """

    def __init__(
        self,
        word_to_id: Mapping[str, int],
        *,
        classes: int | None = None,
        rows: int | None = None,
        lowercase: bool = False,
        normalize: bool = True,
        zero_is_a_word: bool = False,
        blocked: Collection[str] = (),
        blocked_after: Mapping[str, Collection[str]] = MappingProxyType({}),
        shown_as: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        classes = max(word_to_id.values(), default=0) + 1 if classes is None else classes
        words: list[str | None] = [None] * classes
        for word, number in word_to_id.items():
            _check_entry(word, number, words, lowest=0 if zero_is_a_word else 1)
            if number < classes:
                words[number] = word
        self.words = _shown(words, shown_as)
        self.word_to_id = {word: at for word, at in word_to_id.items() if at < classes}
        if not self.word_to_id:
            raise VocabularyError(f"vocabulary.json: no id is among the network's {classes}")
        self.without_class = len(word_to_id) - len(self.word_to_id)
        readable = classes if rows is None else rows
        self._ids = {word: at for word, at in self.word_to_id.items() if at < readable}
        self._add_spellings(lowercase=lowercase, normalize=normalize)
        self._blocked = {self._ids.get(word) for word in blocked}
        self._blocked_after = blocked_after

    def _add_spellings(self, *, lowercase: bool, normalize: bool) -> None:
        for word, number in list(self._ids.items()):
            compose = normalize and not word.isascii()  # few are: what is done for all takes time
            if compose:
                self._ids.setdefault(composed(word), number)
            if lowercase and not word.islower():
                lowered = word.lower()
                self._ids.setdefault(composed(lowered) if compose else lowered, number)

    def __len__(self) -> int:
        return len(self.word_to_id)

    @property
    def spellings(self) -> Mapping[str, int]:
        """Every way to write a known word, as `tokenize` gives it, and its id."""
        return self._ids

    def id_of(self, word: str | None) -> int | None:
        """The id of a word as `tokenize` gives it, None where it is unknown, or None itself."""
        return None if word is None else self._ids.get(word)

    def closest(self, word: str, count: int = 3, before: Iterable[str] = ()) -> tuple[str, ...]:
        """Known words spelled most like this one, best first, that may stand where these words
        came `before`.
        """
        matches = self._spelling.closest(word.lower(), count)
        barred = {one for came in before for one in self._blocked_after.get(came.lower(), ())}
        kept = (match for match in matches if match.lower() not in barred)
        return tuple(dict.fromkeys(str(self.words[self._ids[match]]) for match in kept))

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling([word for word, at in self._ids.items() if at not in self._blocked])


def _shown(words: list[str | None], shown_as: Mapping[str, str]) -> tuple[str | None, ...]:
    """The words as they are shown, a name's possessive as the name is."""
    possessives = {
        word: shown_as[word[:-2]] + word[-2:]
        for word in words
        if word and word.endswith(_POSSESSIVE) and word[:-2] in shown_as
    }
    shown = {**possessives, **shown_as}
    return tuple(word and shown.get(word, word) for word in words)


def _check_entry(word: object, number: object, words: Sequence[str | None], lowest: int) -> None:
    if not isinstance(word, str) or not word or has_control_characters(word):
        raise VocabularyError(f"vocabulary.json: {word!r:.60} is not a printable word")
    if not isinstance(number, int) or isinstance(number, bool):
        raise VocabularyError(f"vocabulary.json: the id of {word!r:.60} is not an integer")
    if number == PADDING_ID and lowest:
        raise VocabularyError(
            f"vocabulary.json: {word!r:.60} has id 0, which is the padding's "
            "(or say in model.json: zero_is_a_word)"
        )
    if number < lowest:
        raise VocabularyError(f"vocabulary.json: {word!r:.60} has the negative id {number}")
    if number < len(words) and words[number] is not None:
        raise VocabularyError(
            f"vocabulary.json: {word!r:.60} and {words[number]!r:.60} share id {number}"
        )


def has_control_characters(word: str) -> bool:
    """Surrogates too. Soft hyphens, joiners and the like are not printable, but texts have them."""
    return not word.isprintable() and any(unicodedata.category(c) in ("Cc", "Cs") for c in word)
