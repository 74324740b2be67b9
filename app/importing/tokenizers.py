"""The forms that people keep a vocabulary in -> words, ids, and what is known of how text was cut.

A Keras Tokenizer, pickled or as `to_json()` once or twice encoded; a dictionary word -> id, or
id -> word, alone or under a name of its own; a list of words, as JSON, pickle, `.npy` or text.
"""

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.errors import TokenizerError
from app.folder.files import read_file
from app.importing.arrays import MAGIC, read_npy
from app.importing.unpickling import Instance, read_pickle
from app.text.keras_words import KERAS_FILTERS

_LARGEST = 64 << 20  # bytes
_MOST_WORDS = 4_000_000
_MOST_ENCODINGS = 3  # JSON inside a JSON string inside a JSON string
_PICKLES = (".pickle", ".pkl", ".pck", ".pcl", ".p", ".joblib")
_OLD_OBJECT = b"ccopy_reg\n"  # begins a pickle of protocol 0, whatever the file is called
_WORD_ID = re.compile(r"(\S+)[\t ,:]+(\d{1,9})")
_ID_WORD = re.compile(r"(\d{1,9})[\t ,:]+(\S+)")
_PADDINGS = ("", "<pad>", "[pad]", "pad", "_pad_", "<padding>", "<blank>", "<null>")
# As `_plain` writes them.
_WORD_TO_ID = (
    *("wordindex", "wordtoindex", "wordtoid", "wordtoint", "wordtoidx", "word2idx", "word2index"),
    *("word2id", "tokentoid", "stoi", "vocab", "vocabulary", "words"),
)
_ID_TO_WORD = ("indexword", "indextoword", "idtoword", "inttoword", "idxtoword", "idx2word",
               "index2word", "id2word", "itos")  # fmt: skip
_NOT_SERVED = {
    "char_level": "its ids are of single characters, and a network that goes on character by "
    "character is not served",
    "analyzer": "a function of its own divides its texts, which is not run",
}


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
    if ending in (*_PICKLES, ".gz"):
        content = _inflated(content)
    if content.startswith(MAGIC):
        return read_npy(content, read_pickle)
    if ending in _PICKLES or content.startswith((b"\x80", _OLD_OBJECT)):
        return read_pickle(content)
    text = _text(content)
    if ending in (".txt", ".vocab", ".tsv"):
        return _lines(text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise TokenizerError("it is none of a pickle, JSON, .npy and .txt") from None


def _inflated(content: bytes) -> bytes:
    """What gzip, or joblib with `compress`, has packed."""
    if not content.startswith((b"\x1f\x8b", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")):
        return content
    packed = zlib.decompressobj(wbits=47)  # either of the two
    try:
        inflated = packed.decompress(content, _LARGEST)
    except zlib.error as error:
        raise TokenizerError("it is compressed, and damaged") from error
    if packed.unconsumed_tail:
        raise TokenizerError(f"it inflates to more than {_LARGEST} bytes")
    if not packed.eof:
        raise TokenizerError("it is compressed, and cut off")
    return inflated


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise TokenizerError("it is not UTF-8") from None


def _lines(text: str) -> list[Any]:
    """A word a line; or a word and its id, in either order, with a tab, comma or space between."""
    lines = text.removesuffix("\n").split("\n")
    for pattern, word, number in ((_WORD_ID, 1, 2), (_ID_WORD, 2, 1)):
        found = [pattern.fullmatch(line) for line in lines]
        if all(found):
            return [[one[word], one[number]] for one in found if one]
    if 2 * sum(" " in line.strip() for line in lines) > len(lines):
        raise TokenizerError(
            "its lines are not single words; the text that a Tokenizer was fitted on is --text"
        )
    return lines


def kept(value: Any) -> Kept:
    """A vocabulary out of plain data. Raises TokenizerError."""
    for _ in range(_MOST_ENCODINGS):
        if isinstance(value, str):
            value = _decoded(value)
    value = _opened(value)
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


def _opened(value: Any) -> Any:
    """What is kept together with something else: (tokenizer, length), {"tokenizer": …},
    (word_to_id, id_to_word), an array that holds one object.
    """
    parts = [*value.values()] if isinstance(value, dict) else value
    if not isinstance(parts, list | tuple):
        return value
    tokenizers = [part for part in parts if isinstance(part, Instance)]
    if len(tokenizers) == 1:
        return tokenizers[0]
    if isinstance(value, dict):
        inner = value.get("tokenizer")
        return inner if isinstance(inner, dict) else value
    return parts[0] if parts and isinstance(parts[0], dict) else value


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise TokenizerError("it holds a text that is not JSON") from None


def _of_a_tokenizer(config: Mapping[str, Any]) -> Kept:
    """Keras's Tokenizer: its options are those of `text_to_word_sequence`."""
    for option, why in _NOT_SERVED.items():
        if config.get(option):
            raise TokenizerError(f"the Tokenizer has {option}: {why}")
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
    return Kept(_turned(value) if _is_turned(value) else _numbered(value))


def _is_turned(value: Mapping[Any, Any]) -> bool:
    """Whether it is id -> word. A word may look like an id ("1984"); all of them do not."""
    words = [*value.values()]
    return (
        all(isinstance(word, str) for word in words)
        and all(isinstance(key, int) or _is_id(key) for key in value)
        and not all(map(_is_id, words))
    )


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
