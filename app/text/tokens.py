"""Phrase -> tokens, as one model's card says.

Spans are [start, end) character offsets into the phrase as it was sent.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

Side = Literal["pre", "post"]
Tokenizer = Literal["whitespace", "words"]

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
