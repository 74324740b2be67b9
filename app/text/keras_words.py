"""How Keras itself cuts a text, to the letter: `text_to_word_sequence` and `TextVectorization`.

Both yield (word, start, end), [start, end) being offsets into the text as it came. Written after
keras/src/legacy/preprocessing/text.py and keras/src/layers/preprocessing/text_vectorization.py.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

KERAS_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'  # Tokenizer's default
VECTORIZATION_FILTERS = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"  # "strip_punctuation"

_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_ASCII_WORD = re.compile(r"[^ \t\n\r\f\v]+")  # TensorFlow splits at ASCII's white space alone

Cut = tuple[str, int, int]


def text_to_word_sequence(text: str, filters: str, split: str, *, lower: bool) -> Iterator[Cut]:
    """Lower, replace every filtered character by `split`, split there.

    Only `split` separates: with Keras's defaults a no-break space or a carriage return is a part of
    a word.
    """
    lowered = text.lower() if lower else text
    table = _replacing(filters, split)
    translated = lowered.translate(table)
    origins = None
    if len(translated) != len(text):  # "İ" becomes two characters, and a split may be long
        origins = list(_origins(text, table, lower=lower))
    at = 0
    for word in translated.split(split):
        if word:
            end = at + len(word)
            span = (origins[at], origins[end - 1] + 1) if origins else (at, end)
            yield word, *span
        at += len(word) + len(split)


def _origins(text: str, table: dict[int, str], *, lower: bool) -> Iterator[int]:
    """For each character after lowering and translating, where its own stood."""
    for at, character in enumerate(text):
        became = character.lower() if lower else character
        for _ in became.translate(table):
            yield at


@lru_cache(maxsize=256)
def _replacing(filters: str, split: str) -> dict[int, str]:
    return str.maketrans(dict.fromkeys(filters, split))


def vectorized(text: str, filters: str, *, lower: bool) -> Iterator[Cut]:
    """TextVectorization: lower ASCII's letters, take the filtered characters out, split.

    What is taken out separates nothing: "don't" is "dont", and "a,b" is "ab".
    """
    removed = frozenset(filters)
    for match in _ASCII_WORD.finditer(text):
        word = "".join(one for one in match.group() if one not in removed)
        if word:
            yield word.translate(_ASCII_LOWER) if lower else word, match.start(), match.end()
