"""The forms that people keep a vocabulary in -> words, ids, and what is known of how text was cut.

A Keras Tokenizer, pickled or as `to_json()` once or twice encoded; a dictionary word -> id, or
id -> word, alone or under a name of its own; a list of words, as JSON, pickle, `.npy` or text.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.errors import TokenizerError
from app.folder.files import read_file
from app.importing.unpickling import Instance, read_pickle
from app.text.keras_words import KERAS_FILTERS

_LARGEST = 64 << 20  # bytes
_MOST_WORDS = 4_000_000
_MOST_ENCODINGS = 3  # JSON inside a JSON string inside a JSON string
_PICKLES = (".pickle", ".pkl", ".pck", ".pcl", ".p", ".joblib")
_PADDINGS = ("", "<pad>", "[pad]", "pad", "_pad_", "<padding>", "<blank>", "<null>")
# As `_plain` writes them.
_WORD_TO_ID = (
    *("wordindex", "wordtoindex", "wordtoid", "wordtoint", "wordtoidx", "word2idx", "word2index"),
    *("word2id", "tokentoid", "stoi", "vocab", "vocabulary", "words"),
)
_ID_TO_WORD = ("indexword", "indextoword", "idtoword", "inttoword", "idxtoword", "idx2word",
               "index2word", "id2word", "itos")  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """A vocabulary as it was kept: `words` by id, without the padding.

    `is_list`: the ids are places in a list, which may have begun with 0 or with 1. `card` has the
    fields of `model.json` that the file itself speaks of.
    """

    words: dict[str, int]
    card: dict[str, Any] = field(default_factory=dict)
    is_list: bool = False
    said: tuple[str, ...] = ()


def read_tokenizer(path: Path) -> Kept:
    """Read a tokenizer or a vocabulary, whatever form it has.

    Raises TokenizerError where it cannot be read, or was one that is not served.
    """
    try:
        content = read_file(path, _LARGEST)
    except OSError as error:
        raise TokenizerError(f"{path.name} cannot be read: {error.strerror}") from error
    try:
        return kept(_parsed(path, content))
    except TokenizerError as error:
        raise TokenizerError(f"{path.name}: {error}") from error


def _parsed(path: Path, content: bytes) -> Any:
    ending = path.suffix.lower()
    if content.startswith(b"\x93NUMPY"):
        return _array(content)
    if ending in _PICKLES or content.startswith(b"\x80"):
        return read_pickle(content)
    text = _text(content)
    if ending in (".txt", ".vocab"):
        return text.removesuffix("\n").split("\n")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise TokenizerError("it is none of a pickle, JSON, .npy and .txt") from None


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise TokenizerError("it is not UTF-8") from None


def _array(content: bytes) -> Any:
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, OSError, EOFError, MemoryError) as error:
        raise TokenizerError(
            "it is no array of texts: objects in it are pickled, and are not read; "
            "save it as np.array(words, dtype=str)"
        ) from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "US" or array.ndim != 1:
        raise TokenizerError("it is no array of texts in one dimension")
    return [word.decode() if isinstance(word, bytes) else word for word in array.tolist()]


def kept(value: Any) -> Kept:
    """A vocabulary out of plain data. Raises TokenizerError."""
    for _ in range(_MOST_ENCODINGS):
        if isinstance(value, str):
            value = _decoded(value)
    if isinstance(value, tuple) and value and isinstance(value[0], dict):
        value = value[0]  # (word_to_id, id_to_word)
    match value:
        case Instance(state=dict() as state):
            return _of_a_tokenizer(state)
        case {"class_name": "Tokenizer", "config": dict() as config}:
            return _of_a_tokenizer(config)
        case dict() if "filters" in value and ("word_index" in value or "index_word" in value):
            return _of_a_tokenizer(value)
        case dict():
            return _of_a_dictionary(value)
        case list():
            return _of_a_list(value)
    raise TokenizerError(f"it holds {type(value).__name__}, which is no tokenizer or vocabulary")


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise TokenizerError("it holds a text that is not JSON") from None


def _of_a_tokenizer(config: Mapping[str, Any]) -> Kept:
    """Keras's Tokenizer: its options are those of `text_to_word_sequence`."""
    for option in ("char_level", "analyzer"):
        if config.get(option):
            raise TokenizerError(f"the Tokenizer has {option}, which is not served")
    words = _of_a_dictionary(config).words
    filters, split = config.get("filters", KERAS_FILTERS), config.get("split", " ")
    oov, few = config.get("oov_token"), config.get("num_words")
    if isinstance(filters, list):
        filters = "".join(map(str, filters))
    if not isinstance(filters or "", str) or not isinstance(split, str) or not split:
        raise TokenizerError("the Tokenizer's filters and split are no texts")
    said = []
    if isinstance(few, int) and not isinstance(few, bool) and few > 0:
        before = len(words)
        words = {word: number for word, number in words.items() if number < few}
        said.append(f"num_words = {few}: {before - len(words)} words are unknown words")
    card = {
        "tokenizer": "keras",
        "filters": filters or "",
        "split": split,
        "lowercase": bool(config.get("lower", True)),
        "unknown": oov if isinstance(oov, str) and oov in words else None,
    }
    card["drop_unknown"] = card["unknown"] is None
    return Kept(words, card, said=tuple(said))


def _of_a_dictionary(value: Mapping[Any, Any]) -> Kept:
    """word -> id, id -> word, or one of these under a name."""
    lower = {_plain(key): inner for key, inner in value.items() if isinstance(key, str)}
    for names, reversed_ in ((_WORD_TO_ID, False), (_ID_TO_WORD, True)):
        for name in names:
            inner = lower.get(name)
            if isinstance(inner, str) and inner[:1] in "{[":
                inner = _decoded(inner)
            if isinstance(inner, list):
                return _of_a_list(inner)
            if isinstance(inner, dict):
                return Kept(_turned(inner) if reversed_ else _numbered(inner))
    if value and all(isinstance(word, str) and not _is_id(word) for word in value.values()):
        return Kept(_turned(value))
    return Kept(_numbered(value))


def _plain(name: str) -> str:
    """ "wordIndex" and "word_index" are one name."""
    return name.replace("_", "").lower()


def _turned(value: Mapping[Any, Any]) -> dict[str, int]:
    pairs: dict[Any, Any] = {}
    for number, word in value.items():
        if not isinstance(word, str):
            raise TokenizerError(f"the word of {number!r:.40} is no text")
        if word in pairs:
            raise TokenizerError(f"it names {word!r:.60} twice")
        pairs[word] = number
    return _numbered(pairs)


def _numbered(value: Mapping[Any, Any]) -> dict[str, int]:
    if not value or len(value) > _MOST_WORDS:
        raise TokenizerError("it has no words" if not value else "it has too many words")
    words: dict[str, int] = {}
    for word, number in value.items():
        if isinstance(number, str) and _is_id(number):
            number = int(number)
        if not isinstance(word, str) or not isinstance(number, int) or isinstance(number, bool):
            raise TokenizerError(f"{word!r:.60}: {number!r:.40} is no word with its id")
        words[word] = number
    return _without_padding(words)


def _is_id(text: str) -> bool:
    return len(text) < 10 and text.isascii() and text.isdigit()


def _of_a_list(value: list[Any]) -> Kept:
    """Words in order; pairs [word, id] are a dictionary."""
    if value and all(isinstance(one, list | tuple) and len(one) == 2 for one in value):
        pairs = {one[0]: one[1] for one in value if isinstance(one[0], str)}
        if len(pairs) < len(value):
            raise TokenizerError("it is a list of pairs, but not of a word and its id each")
        return Kept(_numbered(pairs))
    words: dict[str, int] = {}
    for number, word in enumerate(value):
        if not isinstance(word, str):
            raise TokenizerError(f"number {number} of the list is no text")
        if word in words:
            raise TokenizerError(f"it names {word!r:.60} twice")
        words[word] = number
    if not words or len(words) > _MOST_WORDS:
        raise TokenizerError("it has no words, or too many")
    return Kept(_without_padding(words), is_list=True)


def _without_padding(words: dict[str, int]) -> dict[str, int]:
    """Id 0 is no word where it is called padding."""
    return {
        word: number
        for word, number in words.items()
        if number != 0 or word.lower() not in _PADDINGS
    }
