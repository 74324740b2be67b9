"""The two JSON files beside a network: the model card and the vocabulary, read with care.

The card, `model.json`, is what a folder says of itself; every field is optional.

A field that is left out is inferred from the network (`max_length`) or the vocabulary (`unknown`),
or has Keras's default (padding and truncating in front, words split at white space).
"""

import json
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.errors import CardError, VocabularyError
from app.folder.files import read_file
from app.network import Network
from app.text.tokens import Side, TextOptions, Tokenizer
from app.text.vocabulary import Vocabulary

_LARGEST_CARD = 1 << 20  # bytes
_LARGEST_VOCABULARY = 16 << 20  # bytes; about a million words, and 300 MB while it is parsed
LONGEST_INPUT = 4096  # timesteps; an input this long is a mistake, and each costs a step
DEFAULT_MAX_LENGTH = 32  # where neither the card nor the network names one
# What stands for unknown words in TextVectorization, and in what is written with Tokenizer.
_UNKNOWN = ("[UNK]", "<OOV>", "<oov>", "<UNK>", "<unk>")


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
    padding: Side = "pre"
    truncating: Side = "pre"
    lowercase: bool = False
    tokenizer: Tokenizer = "whitespace"
    unknown: str | None = None
    start: str | None = None
    number: str | None = None
    blocked: list[str] = []  # words that are never suggested
    blocked_after: list[BlockedAfter] = []
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

    def text_options(self, network: Network, vocabulary: Vocabulary) -> TextOptions:
        """How to read text for this network.

        Raises CardError where the card contradicts the network or the vocabulary.
        """
        for field in ("unknown", "start", "number"):
            word = getattr(self, field)
            if word is not None and word not in vocabulary.word_to_id:
                raise CardError(f"model.json: {field} is {word!r:.60}, which is not a known word")
        return TextOptions(
            max_length=self._length_of(network),
            tokenizer=self.tokenizer,
            lowercase=self.lowercase,
            unknown=self._unknown_of(vocabulary),
            start=self.start,
            number=self.number,
            padding=self.padding,
            truncating=self.truncating,
        )

    def _unknown_of(self, vocabulary: Vocabulary) -> str | None:
        if "unknown" in self.model_fields_set:
            return self.unknown
        return next((word for word in _UNKNOWN if word in vocabulary.word_to_id), None)

    def _length_of(self, network: Network) -> int:
        if network.max_length is None:
            return self.max_length or DEFAULT_MAX_LENGTH
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
        # Answers quote the card: what orjson cannot read and write, none of them could carry.
        content = orjson.dumps(orjson.loads(content))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        raise CardError(f"model.json is not valid JSON: {error}") from error
    try:
        return Card.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise CardError(f"model.json: {field}: {first['msg']}") from error


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

    def pairs_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        words = dict(pairs)
        if len(words) != len(pairs):
            raise VocabularyError("vocabulary.json names a word twice")
        return words

    try:
        words = json.loads(content, object_pairs_hook=pairs_without_repeats)
    except (ValueError, RecursionError) as error:
        raise VocabularyError("vocabulary.json is not valid JSON") from error
    if not isinstance(words, dict) or not words:
        raise VocabularyError("vocabulary.json is not an object of word: id")
    return words
