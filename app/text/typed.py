"""A text up to the cursor -> the sentence that is being written, and the word that is half typed.

Where a tokenizer reads phrases as they are sent, this reads what somebody is still typing: letters
up to the cursor are the beginning of a word. Knows no vocabulary and no model.
"""

import re
from typing import NamedTuple

from app.text.asides import is_choice
from app.text.casing import in_capitals
from app.text.contractions import SLIPPED, start_of_slipped
from app.text.sentences import is_address, last_sentence, last_token
from app.text.tokens import APOSTROPHES, Tokenizer

LONGEST_WORD = 64  # letters of a half-typed word
_NO_SPACE = re.compile(r"\S+\Z")
_GLUED = (*"0123456789@/\\#&+=°",)  # letters behind these are no word: 3rd, a@b, 20°C
_AMOUNTS = "$€£¥₹+"  # a number follows
_EYES, _MOUTHS = (":", ";", "=", ":-", ";-"), "DPpOoSsXx"
_QUOTES = "\"'*_~`"  # on both sides of what they stand around
_SAID = re.compile(r"[.!?…][\"”]\s+\Z")  # somebody says
_DASHES = "-–—"
# What a space follows: a comma, a smile, an emoji, a bracket around more than the "s" of "(s)he".
_CLOSED = re.compile(
    r"(?:[,;…]|[:;]-?[)(]|(?<!\S)\([^()]{3,}\)|[☀-➿\ufe0f\U0001f000-\U0001faff])\Z"
)
_OPENS = f"([{{<“‘«¿¡{_DASHES}/\\#@ \n\t"  # or a quote that stands behind one of these
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
        return self.word[:1].isupper() and not self.begins and not in_capitals(self.word)

    def finished(self) -> "Typed":
        """The same text, where the half-typed word is a whole one."""
        end = self.replace[1]
        return Typed(self.sentence + self.word, "", (end, end), begins=False, space=True)


def read_typed(text: str, tokenizer: Tokenizer, stand_in: str = "") -> Typed:
    """Split a text at its cursor, which is its end. `stand_in` is the word that an address is read
    as.
    """
    words = tokenizer == "words"
    end = len(text)
    start = _start_of_word(text) if words else _start_of_token(text)
    unguessable = False
    if words and not _stands_alone(text, start):
        unguessable = _is_unguessable(text, start)
        if unguessable or _is_glued(text, start):
            start = end  # nothing that could be completed
    if end - start > LONGEST_WORD:
        start = end
    word = text[start:]
    before = text[max(0, start - _MOST_READ) : start]
    if start > _MOST_READ and " " in before:
        before = before[before.index(" ") :]  # no half of a word
    sentence = last_sentence(before, word, stand_in) if words else before
    begins = not any(map(str.isalnum, sentence))
    if begins and word.islower() and _SAID.search(before, max(0, len(before) - 8)):
        begins = False  # '"Are you there?" he asked'
    space = _needs_space(before, word, begins=begins)
    return Typed(sentence, word, (start, end), begins, space, unguessable)


def _stands_alone(text: str, start: int) -> bool:
    """Whether letters have white space before them, or there are none behind it: nearly always."""
    return not start or text[start - 1].isspace()


def _is_unguessable(text: str, start: int) -> bool:
    """Whether an address stands at the cursor, half a number, a smile, or half of "p.m."."""
    last = text[-1:]
    if last in _AMOUNTS or _is_half_a_number(text[-2:]):
        return True
    letter = text[-2:-1] if last == "." else text[start:]
    if len(letter) == 1 and letter.isalpha():
        before = text[: -2 if last == "." else -1][-3:]
        if last != "." and letter in _MOUTHS and before.endswith(_EYES):
            return True
        if _is_half_dotted(before, letter, stop=last == "."):
            return True
    return is_address(last_token(text))


def _is_half_dotted(before: str, letter: str, *, stop: bool) -> bool:
    """Whether more letters and stops may belong to it: "p.", "p.m", "U.S"; not "p.m."."""
    if stop:
        return (
            letter not in "Ii"
            and not before[-1:].isalpha()
            and before[-1:] not in (".", *APOSTROPHES)
        )
    return before[-1:] == "." and before[-2:-1].isalpha() and not before[-3:-2].isalnum()


def _is_half_a_number(last: str) -> bool:
    """Whether these two characters are of "7:", "555-", "12/", "5p" or "3r"."""
    return last[:1].isdigit() and (last[1:].isalpha() or last[1:] in (":", "-", "/"))


def _is_glued(text: str, start: int) -> bool:
    """Whether letters from here on are the end of something else than a word."""
    if text[start - 1 : start] == "_":  # foo_bar, and not _really_
        return text[start - 2 : start - 1].isalnum()
    if text[start - 1 : start] == "/":  # a path, and not and/or
        return not is_choice(text[max(0, start - LONGEST_WORD) : start])
    before = text[max(0, start - 2) : start].rstrip(APOSTROPHES)  # the 80's
    return before[-1:] in _GLUED


def _start_of_word(text: str) -> int:
    """Where the letters at the end begin, apostrophes among them but not in front."""
    start = end = len(text)
    bound = max(0, end - LONGEST_WORD - 1)
    while start > bound and (text[start - 1].isalpha() or text[start - 1] in APOSTROPHES):
        start -= 1
    while start < end and text[start] in APOSTROPHES:
        start += 1
    if text[start - 1 : start] == SLIPPED and start < end:
        slipped = start_of_slipped(text)
        return start if slipped is None else slipped
    return start


def _start_of_token(text: str) -> int:
    match = _NO_SPACE.search(text, max(0, len(text) - LONGEST_WORD - 1))
    return match.start() if match else len(text)


def _needs_space(before: str, word: str, *, begins: bool) -> bool:
    last = before[-1:]
    if not last or last.isspace():
        return False
    if word:  # typed right behind a comma, a closed bracket, or the end of a sentence
        return bool(_CLOSED.search(before[-LONGEST_WORD:])) or (begins and not _opens(before))
    if last in _DASHES and (len(before) < 2 or before[-2].isspace()):
        return True  # "I know -", an item of a list: not "well-"
    return not _opens(before)


def _opens(before: str) -> bool:
    """Whether nothing stands between the last character and the next word: a bracket, a quote."""
    last = before.rstrip(_QUOTES)[-1:]
    return not last or last in _OPENS
