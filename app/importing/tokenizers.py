"""The forms that people keep a vocabulary in -> words, ids, and what is known of how text was cut.

A Keras Tokenizer, pickled or as `to_json()` once or twice encoded, alone or kept together with
something else; a TextVectorization's configuration and weights; a dictionary or a list of words,
`kept.py`, as JSON, pickle, `.npy` or text.
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.errors import TokenizerError
from app.folder.files import GZIP_BEGIN, HDF5_BEGIN, packed_by, read_file
from app.folder.keras.container import WEIGHTS
from app.importing.arrays import MAGIC, read_npy
from app.importing.kept import Kept, decoded, of_a_dictionary, of_a_list
from app.importing.unpickling import Instance, read_pickle
from app.importing.vectorization import of_a_layer
from app.text.keras_words import KERAS_FILTERS

_LARGEST = 64 << 20  # bytes
_DEEPEST, _MOST_BESIDE = 3, 20  # how a tokenizer may be kept together with other things
_NAMES_ITSELF = re.compile(r'\s*"?\{\s*\\?"class_name\\?"\s*:\s*\\?"Tokenizer')
_MOST_ENCODINGS = 3  # JSON inside a JSON string inside a JSON string
_PICKLES = (".pickle", ".pkl", ".pck", ".pcl", ".p", ".joblib")
_OLD_OBJECT = b"ccopy_reg\n"  # begins a pickle of protocol 0, whatever the file is called
# A word and its id, with [\t ,:]+ between. A comma may be of the word too: that only one of the two
# can have it keeps a line of commas from being tried in every division.
_WORD_ID = re.compile(r"(\S+)(?:[\t ][\t ,:]*+|[,:])(\d{1,9})")
_ID_WORD = re.compile(r"(\d{1,9})[\t ,:]+([^\s,:]\S*|[,:])")
_NOT_SERVED = {
    "char_level": "its ids are of single characters, and a network that goes on character by "
    "character is not served",
    "analyzer": "a function of its own divides its texts, which is not run",
}


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
    packed = packed_by(content)
    if content.startswith(HDF5_BEGIN) or (packed == "zip" and WEIGHTS.encode() in content):
        raise TokenizerError("it is a model, not a tokenizer")
    if packed:
        raise TokenizerError(f"it is packed by {packed}: unpack it first")
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
    if not content.startswith((GZIP_BEGIN, b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")):
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
            value = decoded(value)
    inside = list(_tokenizers_in(value))
    if len(inside) > 1:
        raise TokenizerError("it holds several tokenizers; keep the one of the words alone")
    match inside[0] if inside else _opened(value):
        case Instance(state=dict() as state):
            return _of_a_tokenizer(state)
        case {"class_name": "Tokenizer", "config": dict() as config}:
            return _of_a_tokenizer(config)
        case {"config": dict() as options, "weights": list() as weights}:
            return of_a_layer(options, weights)
        case dict() as found if _is_plain_tokenizer(found):
            return _of_a_tokenizer(found)
        case dict() as found:
            return of_a_dictionary(found)
        case list() as found:
            return of_a_list(found)
    raise TokenizerError(f"it holds {type(value).__name__}, which is no tokenizer or vocabulary")


def _tokenizers_in(value: Any, deep: int = 0) -> Iterator[Any]:
    """What says of itself that it is a tokenizer: the value, or what it is kept together with."""
    match value:
        case Instance():
            yield value
        case {"class_name": "Tokenizer", "config": dict()}:
            yield value
        case {"config": {"standardize": _}, "weights": list()}:
            yield value
        case dict() if _is_plain_tokenizer(value):
            yield value
        case str() if deep and _NAMES_ITSELF.match(value):
            yield from _tokenizers_in(decoded(value), deep)
        case dict() | list() | tuple() if deep < _DEEPEST and len(value) <= _MOST_BESIDE:
            for part in value.values() if isinstance(value, dict) else value:
                yield from _tokenizers_in(part, deep + 1)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not any("\ud800" <= one <= "\udfff" for one in value)


def _is_plain_tokenizer(value: Mapping[Any, Any]) -> bool:
    return "filters" in value and ("word_index" in value or "index_word" in value)


def _opened(value: Any) -> Any:
    """A vocabulary that is kept together with something else: {"tokenizer": …}, or
    (word_to_id, id_to_word), an array that holds one object.
    """
    if isinstance(value, dict):
        inner = value.get("tokenizer")
        return inner if isinstance(inner, dict) else value
    beside = isinstance(value, list | tuple) and value and isinstance(value[0], dict)
    return value[0] if beside else value


def _of_a_tokenizer(config: Mapping[str, Any]) -> Kept:
    """Keras's Tokenizer: its options are those of `text_to_word_sequence`."""
    for option, why in _NOT_SERVED.items():
        if config.get(option):
            raise TokenizerError(f"the Tokenizer has {option}: {why}")
    words = of_a_dictionary(config).words
    filters, split = config.get("filters", KERAS_FILTERS), config.get("split", " ")
    oov, few = config.get("oov_token"), config.get("num_words")
    if isinstance(filters, list):
        filters = "".join(filters) if all(isinstance(one, str) for one in filters) else filters
    if not (_is_text(filters or "") and _is_text(split) and split):
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
