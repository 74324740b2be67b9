"""A text up to the cursor -> the sentence that is being written, and the word that is half typed.

Where a tokenizer reads phrases as they are sent, this reads what somebody is still typing: a full
stop ends a sentence whether or not a space follows it, and letters up to the cursor are the
beginning of a word. Knows no vocabulary and no model.
"""

import re
from typing import NamedTuple

from app.text.tokens import Tokenizer

LONGEST_WORD = 64  # letters of a half-typed word
_NO_SPACE = re.compile(r"\S+\Z")
# The end of a line is one too: what stands under a greeting starts anew.
# What was read is not given back, nor looked at again behind each of its stops.
_END = re.compile(r"(?<![.!?…])(?P<mark>[.!?…]++)[\"'”’)\]]*+(?=\s|[^\W\d_]|\Z)|\n")
_MARK = re.compile(r"[.!?…\n]")
_INSIDE = re.compile(r"[.!?…]+(?!\d)")
_APOSTROPHES = "'’ʼ"
_LAST_WORD = re.compile(r"[^\W\d_]+\Z")
_LONGEST_ABBREVIATION = 4
_LONGEST_ADDRESS = 256  # characters
_GLUED = (*"0123456789_@/\\#&+=",)  # letters behind these are no word: 3rd, a@b, and/or
_QUOTES = "\"'"
_OPENS = "([{<“‘«-–—/\\#@ \n\t"  # or a quote that stands behind one of these
_ABBREVIATIONS = frozenset((
    "mr", "mrs", "ms", "dr", "st", "mt", "vs", "etc", "prof", "e", "g", "jr", "sr", "rev", "capt",
    "sgt", "lt", "gov", "dept", "jan", "feb", "aug", "sept", "oct", "nov", "dec",
))  # fmt: skip
_MOST_READ = 4096  # characters before the cursor; no sentence that a model reads is longer


class Typed(NamedTuple):
    """Where somebody stands. `replace` are character offsets into the whole text.

    `sentence` is what stands before the half-typed word, of this sentence alone and without full
    stops; `word` is "" after a space. `space`: an inserted word needs one in front.
    """

    sentence: str
    word: str
    replace: tuple[int, int]
    begins: bool  # whether the next, or half-typed, word is the sentence's first
    space: bool
    unguessable: bool = False  # an address, or half a number: nobody knows how it goes on

    @property
    def named(self) -> bool:
        """Whether the typist began the word with a capital that only a name has there."""
        word = self.word
        return word[:1].isupper() and not self.begins and (len(word) < 2 or not word.isupper())

    def finished(self) -> "Typed":
        """The same text, where the half-typed word is a whole one."""
        end = self.replace[1]
        return Typed(self.sentence + self.word, "", (end, end), begins=False, space=True)


def read_typed(text: str, tokenizer: Tokenizer) -> Typed:
    """Split a text at its cursor, which is its end."""
    words = tokenizer == "words"
    end = len(text)
    start = _start_of_word(text) if words else _start_of_token(text)
    unguessable = words and (_is_address(text) or _is_half_a_number(text[-2:]))
    glued = words and text[max(0, start - 1) : start] in _GLUED
    if unguessable or glued or end - start > LONGEST_WORD:
        start = end  # nothing that could be completed
    word = text[start:]
    before = text[max(0, start - _MOST_READ) : start]
    sentence = _last_sentence(before) if words else before
    begins = not any(map(str.isalnum, sentence))
    space = _needs_space(before, word, begins=begins)
    return Typed(sentence, word, (start, end), begins, space, unguessable)


def _is_address(text: str) -> bool:
    """Whether what stands at the cursor is one of e-mail, of a page, or somebody's @name."""
    token = text[-_LONGEST_ADDRESS:].rpartition(" ")[2]
    token = token.rpartition("\n")[2]
    return "@" in token or "://" in token or token.startswith("www.")


def _is_half_a_number(last: str) -> bool:
    """Whether these two characters are of "7:", "555-", "5p" or "3r"."""
    return last[:1].isdigit() and (last[1:].isalpha() or last[1:] in (":", "-"))


def _start_of_word(text: str) -> int:
    """Where the letters at the end begin, apostrophes among them but not in front."""
    start = end = len(text)
    bound = max(0, end - LONGEST_WORD - 1)
    while start > bound and (text[start - 1].isalpha() or text[start - 1] in _APOSTROPHES):
        start -= 1
    while start < end and text[start] in _APOSTROPHES:
        start += 1
    return start


def _start_of_token(text: str) -> int:
    match = _NO_SPACE.search(text, max(0, len(text) - LONGEST_WORD - 1))
    return match.start() if match else len(text)


def _last_sentence(before: str) -> str:
    """What follows the last end of a sentence, ends that are none blotted out."""
    if not _MARK.search(before):  # nearly always
        return before
    begin = 0
    for match in _END.finditer(before):
        if match["mark"] != "." or not _abbreviates(before, begin, match):
            begin = match.end()
    return _INSIDE.sub(" ", before[begin:])


def _abbreviates(before: str, begin: int, match: re.Match[str]) -> bool:
    """Whether a full stop belongs to its word: "Mr.", "e.g.", the stops of "p.m." and "U.S."."""
    stop = match.start()
    last = _LAST_WORD.search(before[max(begin, stop - _LONGEST_ABBREVIATION - 1) : stop])
    if last is None:
        return False
    word = last.group()
    if word.lower() in _ABBREVIATIONS:
        return True
    initial = len(word) == 1 and word not in ("I", "i")
    dotted = before[max(begin, stop - 2) : stop - 1] == "."
    return initial and (dotted or before[match.end() : match.end() + 1].isalpha())


def _needs_space(before: str, word: str, *, begins: bool) -> bool:
    last = before[-1:]
    if not last or last.isspace():
        return False
    if word:  # typed right behind a comma, or the end of a sentence
        return last in ",;" or (begins and not _opens(before))
    return not _opens(before)


def _opens(before: str) -> bool:
    """Whether nothing stands between the last character and the next word: a bracket, a quote."""
    last = before.rstrip(_QUOTES)[-1:]
    return not last or last in _OPENS
