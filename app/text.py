"""Phrase -> tokens -> ids -> padded input. Training and serving call these same functions.

Knows words and ids; knows nothing about networks, files or HTTP. Spans are [start, end) character
offsets into the phrase as it was sent. Id 0 is the padding and never a word.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

import numpy as np

from app.errors import EmptyPhrase, UnknownWord, UnknownWords, VocabularyError
from app.network import Ids, Mask
from app.spelling import Spelling

Side = Literal["pre", "post"]
Tokenizer = Literal["whitespace", "words"]

PADDING_ID = 0
_SUGGESTED_WORDS = 8  # unknown words that get suggestions: looking them up costs a vocabulary scan
_LONGEST_WORD = 64

# "words": a number, a word with inner apostrophes, or the end of a sentence. The end counts only
# when white space follows: "3.14" and a phrase whose last full stop was just typed go on.
_WORDS = (
    r"(?P<number>\d+(?:[.,:]\d+)*)|(?P<word>[^\W\d_]+(?:['’ʼ][^\W\d_]+)*)|(?P<end>[.!?…]+(?=\s))"
)
_NOT_A_SENTENCE = frozenset({"mr", "mrs", "ms", "dr", "st", "vs", "etc"})  # "Mr. Smith"
_WHITESPACE = re.compile(r"\S+")


class Token(NamedTuple):
    """A token as the vocabulary sees it, and where the phrase had it."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How one model reads text; every field stands in its `model.json`.

    `unknown` stands in for words outside the vocabulary, `start` before the first word of a
    sentence, `number` for digits; each is a word of the vocabulary, or None.
    """

    max_length: int
    tokenizer: Tokenizer = "whitespace"
    lowercase: bool = False
    unknown: str | None = None
    start: str | None = None
    number: str | None = None
    padding: Side = "pre"
    truncating: Side = "pre"


def tokenize(phrase: str, options: TextOptions) -> list[Token]:
    """Cut a phrase into tokens: at white space, or into words, numbers and sentence ends."""
    return list(
        _words(phrase, options) if options.tokenizer == "words" else _split(phrase, options)
    )


def _split(phrase: str, options: TextOptions) -> Iterator[Token]:
    for match in _WHITESPACE.finditer(phrase):
        text = match.group().lower() if options.lowercase else match.group()
        yield Token(text, match.start(), match.end())


def _words(phrase: str, options: TextOptions) -> Iterator[Token]:
    previous = ""
    marks = tuple(mark for mark in (options.unknown, options.start, options.number) if mark)
    for match in _words_pattern(marks).finditer(phrase):
        text, kind = match.group(), match.lastgroup
        if kind == "end":
            if options.start is None or (text == "." and previous in _NOT_A_SENTENCE):
                continue
            text = options.start
        elif kind == "number":
            text = options.number or text
        elif kind == "word":
            text = text.replace("’", "'").replace("ʼ", "'")
            text = text.lower() if options.lowercase else text
        previous = text
        yield Token(text, match.start(), match.end())


@lru_cache(maxsize=256)
def _words_pattern(marks: tuple[str, ...]) -> re.Pattern[str]:
    """Cuts words; a model's own marks ("<num>") are tokens where they are written out."""
    written = "|".join(re.escape(mark) for mark in marks)
    return re.compile(f"(?P<mark>{written})|{_WORDS}" if written else _WORDS)


class Vocabulary:
    """Words and their ids, both ways.

    `words[i]` is the word of id i, None for the padding and for classes without a word. With
    `lowercase`, typed words are found whatever the case the vocabulary shows them in ("i" -> "I").
    """

    def __init__(
        self, word_to_id: Mapping[str, int], *, classes: int | None = None, lowercase: bool = False
    ) -> None:
        classes = max(word_to_id.values(), default=0) + 1 if classes is None else classes
        words: list[str | None] = [None] * classes
        for word, number in word_to_id.items():
            _check_entry(word, number, classes, words)
            words[number] = word
        self.words = tuple(words)
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


@dataclass(frozen=True, slots=True)
class Encoded:
    """A phrase as ids. `tokens`, `ids` and `spans` run in parallel."""

    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    unknown: tuple[int, ...]  # positions of tokens that `options.unknown` stands in for


def encode(phrase: str, vocabulary: Vocabulary, options: TextOptions) -> Encoded:
    """Tokenize a phrase and look up every token.

    Raises UnknownWords where a token is unknown and the model has no unknown word.
    """
    tokens = tokenize(phrase, options)
    found = [vocabulary.id_of(token.text) for token in tokens]
    missing = tuple(position for position, number in enumerate(found) if number is None)
    stand_in = vocabulary.id_of(options.unknown)
    if missing and stand_in is None:
        unknown = describe_unknown(tokens, missing, vocabulary)
        listed = ", ".join(repr(word.word[:_LONGEST_WORD]) for word in unknown[:_SUGGESTED_WORDS])
        more = len(unknown) - _SUGGESTED_WORDS
        listed += f" and {more} more" if more > 0 else ""
        raise UnknownWords(f"not in the model's vocabulary: {listed}", unknown)
    return Encoded(
        tuple(token.text for token in tokens),
        tuple(stand_in if number is None else number for number in found),  # type: ignore[misc]
        tuple((token.start, token.end) for token in tokens),
        missing,
    )


def describe_unknown(
    tokens: Sequence[Token], positions: Sequence[int], vocabulary: Vocabulary
) -> list[UnknownWord]:
    """Unknown tokens with the closest known words; the first few only, a scan each."""
    return [
        UnknownWord(
            tokens[position].text,
            position,
            (tokens[position].start, tokens[position].end),
            vocabulary.closest(tokens[position].text) if count < _SUGGESTED_WORDS else (),
        )
        for count, position in enumerate(positions)
    ]


@dataclass(frozen=True, slots=True)
class Padded:
    """What enters the network: `ids` and `mask` of shape [max_length].

    `mask` is False where there is padding. `dropped` counts the tokens cut off. `positions[t]` is
    the token's position in the phrase, None for padding and for the start word.
    """

    ids: Ids
    mask: Mask
    dropped: int
    positions: tuple[int | None, ...]


def context(ids: Sequence[int], start_id: int | None, options: TextOptions) -> list[int]:
    """The ids the network will see, unpadded: the last sentence after its start word, truncated.

    A model with a start word was trained with a fresh state for every sentence, so what precedes
    the last sentence end is dropped.
    """
    return [number for number, _ in _context(ids, start_id, options)]


def _context(
    ids: Sequence[int], start_id: int | None, options: TextOptions
) -> list[tuple[int, int | None]]:
    kept: list[tuple[int, int | None]] = [(number, at) for at, number in enumerate(ids)]
    if start_id is not None:
        sentence = next((at for at in reversed(range(len(ids))) if ids[at] == start_id), None)
        kept = [(start_id, None), *kept] if sentence is None else kept[sentence:]
    if len(kept) > options.max_length:
        cut = len(kept) - options.max_length
        kept = kept[cut:] if options.truncating == "pre" else kept[:-cut]
    return kept


def pad(ids: Sequence[int], start_id: int | None, options: TextOptions) -> Padded:
    """Truncate and pad as Keras's `pad_sequences` does, after the start word was put in front.

    `[1], max_length 2, "pre"` -> `[0, 1]`. Raises EmptyPhrase where nothing is left to feed.
    """
    kept = _context(ids, start_id, options)
    if not kept:
        raise EmptyPhrase("the phrase has no words, and this model has no start word")
    padded = np.zeros(options.max_length, np.int32)
    mask = np.zeros(options.max_length, np.bool_)
    first = options.max_length - len(kept) if options.padding == "pre" else 0
    window = slice(first, first + len(kept))
    padded[window] = [number for number, _ in kept]
    mask[window] = True
    positions: list[int | None] = [None] * options.max_length
    positions[window] = [at for _, at in kept]
    dropped = len(ids) - sum(at is not None for _, at in kept)
    return Padded(padded, mask, dropped, tuple(positions))
