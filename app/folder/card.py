"""The two JSON files beside a network: the model card and the vocabulary, read with care.

The card, `model.json`, is what a folder says of itself; every field is optional.

A field that is left out is inferred from the network (`max_length`, whether there is padding) or
the vocabulary (`unknown`, `lowercase`), or has Keras's default (padding and truncating in front);
words are split at white space.
"""

import json
import math
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.errors import CardError, VocabularyError
from app.folder.files import read_file
from app.layers import Embedding
from app.network import Network
from app.text.keras_words import KERAS_FILTERS, VECTORIZATION_FILTERS
from app.text.tokens import AS_KERAS, Padding, Side, TextOptions, Tokenizer
from app.text.vocabulary import Vocabulary

_LARGEST_CARD = 1 << 20  # bytes
_LARGEST_VOCABULARY = 16 << 20  # bytes; about a million words, and 300 MB while it is parsed
LONGEST_INPUT = 4096  # timesteps; an input this long is a mistake, and each costs a step
_MOST_BARRED = 100_000  # pairs of a word and another: a card of 1 MB could have 5,000 million
DEFAULT_MAX_LENGTH = 32  # where neither the card nor the network names one
# What stands for unknown words in TextVectorization, and in what is written with Tokenizer.
_UNKNOWN = ("[UNK]", "<OOV>", "<oov>", "<UNK>", "<unk>")
_BRACKETS = (("<", ">"), ("[", "]"))  # around what is no word: "<START>", "[SEP]"
# Keras's names for what a card says otherwise: ignored, they would change every answer.
_KERAS_NAMES = {
    "lower": "lowercase",
    "oov_token": "unknown",
    "maxlen": "max_length",
    "input_length": "max_length",
    "output_sequence_length": "max_length",
    "standardize": "tokenizer, lowercase and filters",
    "num_words": "none: leave the words from that id on out of vocabulary.json",
    "char_level": "none: characters are not served",
}


class BlockedAfter(BaseModel):
    """Words that are not suggested in a sentence that has one of others."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    after: list[str]
    words: list[str]


class Card(BaseModel):
    """The fields of `model.json`. Unknown fields are kept: a card may say more than we read."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    title: str | None = None
    description: str | None = None
    max_length: int | None = Field(None, ge=1, le=LONGEST_INPUT)
    padding: Padding = "pre"
    truncating: Side = "pre"
    lowercase: bool = False
    tokenizer: Tokenizer = "whitespace"
    filters: str | None = None
    split: str = Field(" ", min_length=1)
    unknown: str | None = None
    drop_unknown: bool = False
    zero_is_a_word: bool = False
    start: str | None = None
    number: str | None = None
    blocked: list[str] = []  # words that are never suggested
    blocked_after: list[BlockedAfter] = []
    slips: list[str] = []  # blocked words that are misspelled
    usual: dict[str, list[str]] = {}  # "</s> happy": ["birthday", "new"]; the first named most
    shown_as: dict[str, str] = {}  # "monday": "Monday"; "in may": "in May"
    corpus: Any = None
    licence: str | None = None
    training: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    sha256: dict[str, str] = {}

    @field_validator("shown_as")
    @classmethod
    def _shows_the_same_letters(cls, shown_as: dict[str, str]) -> dict[str, str]:
        """Another case, and nothing else: what is shown is what the network means."""
        for word, shown in shown_as.items():
            if shown.lower() != word.lower():
                raise ValueError(f"{word!r:.60} cannot be shown as {shown!r:.60}")
        return shown_as

    @field_validator("blocked_after")
    @classmethod
    def _are_not_too_many(cls, rules: list[BlockedAfter]) -> list[BlockedAfter]:
        if sum(len(rule.after) * len(rule.words) for rule in rules) > _MOST_BARRED:
            raise ValueError(f"there are more than {_MOST_BARRED} pairs of words")
        return rules

    def vocabulary(self, word_to_id: Mapping[str, int], network: Network) -> Vocabulary:
        """The words of this network. Raises VocabularyError, or CardError."""
        if self.zero_is_a_word and network.mask_zero:
            raise CardError("model.json: zero_is_a_word, but the network masks id 0 as padding")
        first = network.layers[0]
        exact = self.tokenizer in AS_KERAS
        return Vocabulary(
            word_to_id,
            classes=network.classes,
            rows=first.embeddings.shape[0] if isinstance(first, Embedding) else None,
            lowercase=self._lowercase_of(word_to_id) and not exact,
            normalize=not exact,
            zero_is_a_word=self.zero_is_a_word,
            blocked=self.blocked,
            blocked_after=self._barred(),
            shown_as=self.shown_as,
        )

    def _barred(self) -> dict[str, set[str]]:
        """By each word, in lower case, what `blocked_after` has for it."""
        barred: dict[str, set[str]] = {}
        for rule in self.blocked_after:
            words = set(map(str.lower, rule.words))
            for word in rule.after:
                barred.setdefault(word.lower(), set()).update(words)
        return barred

    def text_options(self, network: Network, vocabulary: Vocabulary) -> TextOptions:
        """How to read text for this network.

        Raises CardError where the card contradicts the network or the vocabulary.
        """
        for field in ("unknown", "start", "number"):
            word = getattr(self, field)
            if word is not None and word not in vocabulary.word_to_id:
                raise CardError(f"model.json: {field} is {word!r:.60}, which is not a known word")
        unknown = self._unknown_of(vocabulary)
        if self.drop_unknown and unknown is not None:
            raise CardError(f"model.json: drop_unknown, but {unknown!r:.60} stands for such words")
        padding = self._padding_of(network)
        return TextOptions(
            max_length=self._length_of(network, padding),
            tokenizer=self.tokenizer,
            lowercase=self._lowercase_of(vocabulary.word_to_id),
            unknown=unknown,
            start=self.start,
            number=self.number,
            padding=padding,
            truncating=self.truncating,
            filters=self._filters(),
            split=self.split,
            drop_unknown=self.drop_unknown,
        )

    def _filters(self) -> str:
        if self.filters is not None:
            return self.filters
        return KERAS_FILTERS if self.tokenizer == "keras" else VECTORIZATION_FILTERS

    def _lowercase_of(self, words: Collection[str]) -> bool:
        """A vocabulary without capitals was made of lower-cased text; its marks say nothing."""
        if "lowercase" in self.model_fields_set:
            return self.lowercase
        marks = {self.unknown, self.start, self.number, *_UNKNOWN}
        return all(
            word == word.lower() or word in marks or (word[0], word[-1]) in _BRACKETS
            for word in words
            if word
        )

    def _padding_of(self, network: Network) -> Padding:
        """A network of no given length that does not mask was trained on phrases as they are."""
        given = self.model_fields_set & {"padding", "max_length"}
        if given or network.max_length is not None or network.mask_zero:
            if self.padding == "none" and network.max_length is not None:
                raise CardError(
                    "model.json: padding is 'none', but the network's input has "
                    f"{network.max_length} timesteps"
                )
            return self.padding
        return "none"

    def _unknown_of(self, vocabulary: Vocabulary) -> str | None:
        if "unknown" in self.model_fields_set:
            return self.unknown
        return next((word for word in _UNKNOWN if word in vocabulary.word_to_id), None)

    def _length_of(self, network: Network, padding: Padding) -> int:
        if network.max_length is None:
            return self.max_length or (LONGEST_INPUT if padding == "none" else DEFAULT_MAX_LENGTH)
        if self.max_length not in (None, network.max_length):
            raise CardError(
                f"model.json: max_length is {self.max_length}, "
                f"but the network's input has {network.max_length} timesteps"
            )
        if network.max_length > LONGEST_INPUT:
            raise CardError(
                f"the network's input has {network.max_length} timesteps; "
                f"at most {LONGEST_INPUT} are served"
            )
        return network.max_length


def card_bytes(path: Path) -> bytes | None:
    """`model.json` as it is; None where a folder has none. Raises CardError."""
    try:
        return read_file(path, _LARGEST_CARD)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CardError(f"model.json cannot be read: {error.strerror}") from error


def parse_card(content: bytes | None) -> Card:
    """A card from its bytes, the defaults where there are none. Raises CardError."""
    if content is None:
        return Card()
    try:
        # Answers quote the card: what orjson cannot write, none of them could carry. It writes
        # figures that are not finite, as some training leaves behind, as null.
        given = json.loads(content, object_pairs_hook=_named_once)
        content = orjson.dumps(given)
    except _NamedTwice as error:
        raise CardError(f"model.json: {error}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise CardError(f"model.json is not valid JSON: {error}") from error
    _check_fields(given)
    try:
        return Card.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        said = first["msg"].removeprefix("Value error, ")
        raise CardError(f"model.json: {field}: {said}") from error


class _NamedTwice(ValueError):
    """One of two would be ignored without a word."""


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `json.loads`: an object that names nothing twice. Raises _NamedTwice."""
    given = dict(pairs)
    if len(given) != len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise _NamedTwice(f"{twice[:80]!r} is named twice")
    return given


def _check_fields(given: Any) -> None:
    """Refuse Keras's names, and numbers that are none, where they would be ignored."""
    if not isinstance(given, dict):
        return
    for name, value in given.items():
        if name in _KERAS_NAMES and value not in (None, False):
            raise CardError(f"model.json: {name} is Keras's name; here it is {_KERAS_NAMES[name]}")
        if isinstance(value, float) and not math.isfinite(value):
            raise CardError(f"model.json: {name} is not a finite number")


def vocabulary_bytes(path: Path) -> bytes:
    """`vocabulary.json` as it is. Raises VocabularyError."""
    try:
        return read_file(path, _LARGEST_VOCABULARY)
    except FileNotFoundError:
        raise VocabularyError("vocabulary.json is missing") from None
    except OSError as error:
        raise VocabularyError(f"vocabulary.json cannot be read: {error.strerror}") from error


def parse_word_to_id(content: bytes) -> dict[str, int]:
    """`vocabulary.json`'s bytes: the notebook's `word_to_int` or a Keras `word_index`.

    Raises VocabularyError where the file is not a JSON object or names a word twice; that its ids
    fit the network is checked by `Vocabulary`.
    """
    try:
        words = json.loads(content, object_pairs_hook=_named_once)
    except _NamedTwice as error:
        raise VocabularyError(f"vocabulary.json: {error}") from error
    except (ValueError, RecursionError) as error:
        raise VocabularyError("vocabulary.json is not valid JSON") from error
    if not isinstance(words, dict) or not words:
        raise VocabularyError("vocabulary.json is not an object of word: id")
    return words
