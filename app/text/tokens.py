"""Phrase -> tokens, as one model's card says.

Spans are [start, end) character offsets into the phrase as it was sent; tokens are in Unicode's
composed form (NFC), but for those that Keras itself would cut, which are left as they come.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, filterfalse, groupby
from typing import Literal, NamedTuple

from app.text.keras_words import KERAS_FILTERS, text_to_word_sequence, vectorized

Side = Literal["pre", "post"]
Padding = Literal["pre", "post", "none"]
Tokenizer = Literal["whitespace", "words", "keras", "text_vectorization"]
AS_KERAS: tuple[Tokenizer, ...] = ("keras", "text_vectorization")

# "words": a number, a word with inner apostrophes, or the end of a sentence. The end counts only
# when white space follows: "3.14" and a phrase whose last full stop was just typed go on.
# LETTER is a letter; beyond ASCII, one with the marks and joiners that follow it (UAX #29, WB4).
# FIRST: looked at once for a row of stops, not again behind each of them.
_WORDS = (
    r"(?P<number>\d+(?:[.,:]\d+)*)|(?P<word>LETTER+(?:INNERLETTER+)*)"
    r"|(?P<end>FIRST[.!?…]++(?=\s))"
)
_STOPS = ".!?…"
_LETTER = r"[^\W\d_]"
APOSTROPHES = "'’ʼ‘´`"  # and what is typed where a keyboard has none
AS_TYPEWRITTEN = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))
TYPEWRITTEN_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")  # in a text that is so
_INNER = f"[{APOSTROPHES}]"
_INNER_ANYWHERE = (
    f"[{APOSTROPHES}·‧״]"  # and the middle dots and the gershayim (UAX #29, MidLetter)
)
# "Mr. Smith". Where somebody types, `sentences.py` knows many more. Not here: the texts that models
# were trained on were cut by these, and a phrase is to be cut as they were.
_NOT_A_SENTENCE = frozenset({"mr", "mrs", "ms", "dr", "st", "vs", "etc"})
_WHITESPACE = re.compile(r"\S+")
_MARKS = frozenset({"Mn", "Mc", "Me"})  # Unicode's categories of marks
_JOINERS = frozenset({0xAD, 0x200C, 0x200D, 0x2060})
_SHORT = 64  # characters of a word whose marks are few
# Where letters' marks are: not among ideographs and Hangul's syllables, which are most of all.
_WITH_MARKS = ((0x300, 0x3400), (0xA000, 0xAC00), (0xFB00, 0x17000), (0x18C00, 0x1F000))


class Token(NamedTuple):
    """A token as the vocabulary sees it, and where the phrase had it."""

    text: str
    start: int
    end: int


class TextOptions(NamedTuple):
    """How one model reads text; every field stands in its `model.json`.

    `unknown` stands in for words outside the vocabulary, `start` before the first word of a
    sentence, `number` for digits; each is a word of the vocabulary, or None. `filters` and `split`
    are Keras's, for the tokenizers that are. `drop_unknown`: without an `unknown`, unknown words
    are left out, as Keras does. `padding` "none": a phrase enters the network as long as it is.
    """

    max_length: int
    tokenizer: Tokenizer = "whitespace"
    lowercase: bool = False
    unknown: str | None = None
    start: str | None = None
    number: str | None = None
    padding: Padding = "pre"
    truncating: Side = "pre"
    filters: str = KERAS_FILTERS
    split: str = " "
    drop_unknown: bool = False


def tokenize(phrase: str, options: TextOptions) -> list[Token]:
    """Cut a phrase into tokens, as the card's `tokenizer` says."""
    lower = options.lowercase
    match options.tokenizer:
        case "words":
            return list(_words(phrase, options))
        case "keras":
            cuts = text_to_word_sequence(phrase, options.filters, options.split, lower=lower)
            return [Token(*cut) for cut in cuts]
        case "text_vectorization":
            return [Token(*cut) for cut in vectorized(phrase, options.filters, lower=lower)]
    return list(_split(phrase, options))


def composed(word: str) -> str:
    """Unicode's composed form, NFC: one "é" however it was typed."""
    if word.isascii():
        return word
    return unicodedata.normalize("NFC", word if len(word) <= _SHORT else _decomposed(word))


def without_accents(word: str) -> str:
    """A word's letters without their marks: "café" as "cafe"."""
    letters = unicodedata.normalize("NFD", word) if len(word) <= _SHORT else _decomposed(word)
    return "".join(one for one in letters if unicodedata.category(one) not in _MARKS)


def _decomposed(word: str) -> str:
    """Unicode's decomposed form, NFD, in a time that grows with the word alone: `unicodedata`
    compares each mark with all others of its letter, 8 s for 64,000.
    """
    letters = (one for letter in word for one in unicodedata.normalize("NFD", letter))
    ordered: list[str] = []
    for _, run in groupby(letters, lambda one: unicodedata.combining(one) > 0):
        classes: dict[int, list[str]] = {}  # one call that sorts them would hold the interpreter
        for one in run:
            classes.setdefault(unicodedata.combining(one), []).append(one)
        for number in sorted(classes):  # what is no mark has the class 0, and stays where it is
            ordered += classes[number]
    return "".join(ordered)


def _split(phrase: str, options: TextOptions) -> Iterator[Token]:
    for match in _WHITESPACE.finditer(phrase):
        text = match.group().lower() if options.lowercase else match.group()
        yield Token(composed(text), match.start(), match.end())


def _words(phrase: str, options: TextOptions) -> Iterator[Token]:
    previous = ""
    marks = tuple(mark for mark in (options.unknown, options.start, options.number) if mark)
    for match in _words_pattern(marks, phrase.isascii()).finditer(phrase):
        text, kind = match.group(), match.lastgroup
        if kind == "end":
            if options.start is None or (text == "." and previous in _NOT_A_SENTENCE):
                continue
            text = options.start
        elif kind == "number":
            text = options.number or text
        elif kind == "word":
            text = text.translate(AS_TYPEWRITTEN)
            text = composed(text.lower() if options.lowercase else text)
        previous = text
        yield Token(text, match.start(), match.end())


@lru_cache(maxsize=256)
def _words_pattern(marks: tuple[str, ...], ascii_only: bool) -> re.Pattern[str]:
    """Cuts words; a model's own marks ("<num>") are tokens where they are written out."""
    letter = _LETTER if ascii_only else f"(?:{_LETTER}[{_combining()}]*)"
    inner = _INNER if ascii_only else _INNER_ANYWHERE
    behind = (f"|(?<={re.escape(mark)})" for mark in marks if mark.endswith(tuple(_STOPS)))
    first = f"(?:(?<![{_STOPS}]){''.join(behind)})"
    words = _WORDS.replace("LETTER", letter).replace("INNER", inner).replace("FIRST", first)
    written = "|".join(re.escape(mark) for mark in marks)
    return re.compile(f"(?P<mark>{written})|{words}" if written else words)


@lru_cache(maxsize=1)
def _combining() -> str:
    """Marks, joiners and soft hyphens as ranges of a regular expression's class."""
    every = map(chr, chain.from_iterable(range(*some) for some in _WITH_MARKS))
    others = filter(str.isprintable, filterfalse(str.isalnum, every))
    marks = (ord(one) for one in others if unicodedata.category(one) in _MARKS)
    found = sorted({*marks, *_JOINERS})
    ranges: list[list[int]] = []
    for code in found:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
