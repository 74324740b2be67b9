"""What a vocabulary comes to, whatever it was kept in; and the plain forms: dictionaries and lists.

A dictionary word -> id, or id -> word, alone or under a name of its own; a list of words, or of
pairs.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.errors import TokenizerError

_MOST_WORDS = 4_000_000
_LONGEST_SHOWN = 60  # characters of a text in a sentence
_PADDINGS = ("", "<pad>", "[pad]", "pad", "_pad_", "<padding>", "<blank>", "<null>")
# As `_plain` writes them.
_WORD_TO_ID = (
    *("wordindex", "wordtoindex", "wordtoid", "wordtoint", "wordtoidx", "wordtoix", "word2idx"),
    *("word2index", "word2id", "word2ix", "tokentoid", "stoi", "vocab", "vocabulary", "words"),
)
_ID_TO_WORD = (
    *("indexword", "indextoword", "idtoword", "inttoword", "idxtoword", "ixtoword", "idx2word"),
    *("index2word", "id2word", "ix2word", "itos"),
)


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


def shown(value: object) -> str:
    """A value of a file in a sentence, cut off: a text or a number; of all else, what type it is.

    Lists that a pickle shares among themselves may be longer, written out, than any memory.
    """
    if isinstance(value, str):
        return repr(value[:_LONGEST_SHOWN])
    return f"{value!r:.40}" if isinstance(value, int | float | None) else type(value).__name__


def decoded(text: str) -> Any:
    """What a text that should be JSON says. Raises TokenizerError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise TokenizerError("it holds a text that is not JSON") from None


def of_a_dictionary(value: Mapping[Any, Any]) -> Kept:
    """word -> id, id -> word, or one of these under a name."""
    lower = {_plain(key): inner for key, inner in value.items() if isinstance(key, str)}
    for names, reversed_ in ((_WORD_TO_ID, False), (_ID_TO_WORD, True)):
        for name in names:
            inner = lower.get(name)
            if isinstance(inner, str) and inner[:1] in "{[":
                inner = decoded(inner)
            if isinstance(inner, list):
                return of_a_list(inner)
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
            raise TokenizerError(f"the word of {shown(number)} is no text")
        if word in pairs:
            raise TokenizerError(f"it names {shown(word)} twice")
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
            raise TokenizerError(f"{shown(word)}: {shown(number)} is no word with its id")
        words[word] = number
    return _without_padding(words)


def _is_id(text: str) -> bool:
    return len(text) < 10 and text.isascii() and text.isdigit()


def of_a_list(value: list[Any]) -> Kept:
    """Words in order; pairs [word, id] are a dictionary."""
    if value and all(isinstance(one, list | tuple) and len(one) == 2 for one in value):
        turned = all(isinstance(one[0], int) and isinstance(one[1], str) for one in value)
        pairs = [one[::-1] for one in value] if turned else value
        found = {one[0]: one[1] for one in pairs if isinstance(one[0], str)}
        if len(found) < len(value):
            raise TokenizerError("it is a list of pairs, but not of a word and its id each")
        return Kept(_numbered(found))
    words: dict[str, int] = {}
    for number, word in enumerate(value):
        if not isinstance(word, str):
            raise TokenizerError(f"number {number} of the list is no text")
        if word in words:
            raise TokenizerError(f"it names {shown(word)} twice")
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
