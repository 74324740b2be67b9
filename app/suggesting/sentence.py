"""The sentence before the cursor as a model reads it, and what follows for its next word."""

import re
from functools import partial
from typing import NamedTuple

from app.arrays import Context
from app.errors import UnknownWords
from app.model import Model
from app.suggesting.usual import Usual
from app.suggesting.words import Words
from app.text.abbreviations import SIGNS, may_be_short
from app.text.asides import is_greeting, without_asides
from app.text.casing import may_shout
from app.text.contractions import unslipped
from app.text.tokens import APOSTROPHES, Token, tokenize

_HYPHENATED = re.compile(r"(?<![^\W_])([^\W\d_]{1,20})-([^\W\d_]{1,20})(?![^\W_])")
_COUNTRY = re.compile(r"(?<=\b[Tt]he )US(?![^\W_])")
# What is commoner before the same names: "Mt. Everest".
_LIKE_A_TITLE = {"Ms": "Mrs", "Prof": "Dr", "Mt": "Mount", "St": "Saint"}
_TITLE = re.compile(rf"(?<![^\W_])({'|'.join(_LIKE_A_TITLE)})(?=\s+(?:[A-Z]|\Z))")
# And behind a name, which is not the sentence's first word before a saint: "on Main St.".
_STREETS = {"St": "Street", "Ave": "Avenue", "Rd": "Road", "Blvd": "Boulevard"}
_STREET = re.compile(
    rf"((?<=\w )[A-Z][a-z]+ (?=St)|[A-Z][a-z]+ (?!St))({'|'.join(_STREETS)})(?![^\W_])"
)
_CUT_SHORT = (*_LIKE_A_TITLE, *_STREETS)
_SIGN = re.compile(rf"(?<![^\s(])(?:{'|'.join(SIGNS)})(?![^\s,;:.!?)])", re.IGNORECASE)
_MAY_BE_SIGN = re.compile(r"[&@/\d]")
_LETTERS_APART = re.compile(r"(?<![^\W_])(?:[^\W\d_]{1,2}&|[^\W\d_]/)[^\W\d_](?![^\W_])")  # "Q&A"
_OF_SEVERAL = re.compile(r"(?<![^\W_])([^\W\d_]+)s['’](?=\s)")
_QUOTED = re.compile(r"(?<![^\W_])['‘][^\W_]")
# A comma, a colon, a dash, a bracket, a quotation mark or an emoji, where the sentence stands.
_ANEW = re.compile(
    r"(?:[,;:()\[\]\"“”«»–—☀-➿\ufe0f\U0001f000-\U0001faff][\"'“”‘’]?|(?<!\S)-|--)\s*\Z"
)
_AROUND = ',;:()"“”'  # words in capitals
_LONGEST_MARK = 8  # characters, with white space
_MENDED = 8  # misspelled words of a sentence: it takes time to look for one


class Sentence(NamedTuple):
    """What is being written, as the model reads it."""

    context: Context
    text: str  # that the context was read from
    unknown: tuple[str, ...]
    last: str  # the word before the cursor, as it is spelled
    barred: tuple[int, ...]  # ids of words that are not suggested in it
    usual: Usual | None  # what people mostly write next in it
    shouted: int  # letters of its words that are no acronyms, where all of it is in capitals
    anew: bool = False  # whether something may begin behind its last mark


def read_sentence(model: Model, words: Words, text: str) -> Sentence:
    """What stands before the half-typed word. A word that the model does not know, and has no
    word to stand in for, is left out.
    """
    if model.options.tokenizer != "words" or model.start_id is None:
        return _read(model, words, text)
    text = _as_known(words, text)
    whole = _read(model, words, text)
    shorter = without_asides(text)
    if shorter != text:
        read = _read(model, words, shorter)
        usual = whole.usual if read.usual is None else read.usual
        whole = whole._replace(context=read.context, text=read.text, usual=usual)
    if not _ANEW.search(text[-_LONGEST_MARK:]):  # nearly always
        return whole
    if is_greeting(shorter):
        whole = whole._replace(context=model.context(""), text="")  # not "Hi, there"
    return whole._replace(anew=True)


def _read(model: Model, words: Words, text: str) -> Sentence:
    try:
        context = model.context(text)
    except UnknownWords:
        context = ()
    stand_in = model.vocabulary.id_of(model.options.unknown)
    whole = context and stand_in not in context and len(context) < model.options.max_length
    barred = words.barred_after(text)  # as it was written: the model may not know a group's name
    typed = text.split()
    last = typed[-1].lower() if typed else ""
    shouted = _shouted(words, typed) if text.isupper() else 0
    usual = words.usual_after(text)
    if whole:
        return Sentence(context, text, (), last, barred, usual, shouted)
    text = _HYPHENATED.sub(partial(_joined, words), text)
    tokens = tokenize(text, model.options)
    known = [
        words.understood(one.text, short=_may_be_short(text, tokens, at))
        for at, one in enumerate(tokens)
    ]
    missing = [one for one, word in zip(tokens, known, strict=True) if word is None]
    unknown = tuple(dict.fromkeys(one.text for one in missing if not _ends_a_number(text, one)))
    mended = {one: words.meant(one.text) for one in missing[:_MENDED] if not _is_name(text, one)}
    spaced = _spaced(words, text, tokens, known) if missing else known
    read = [
        mended.get(one) if word is None else word for one, word in zip(tokens, spaced, strict=True)
    ]
    standing = [model.options.unknown if word is None else word for word in read]
    text = " ".join(word for word in standing if word)
    meant = words.barred_after(text)  # and as it is understood: "klil"
    barred = (*barred, *meant)
    return Sentence(model.context(text), text, unknown, last, barred, usual, shouted)


def _as_known(words: Words, text: str) -> str:
    """ "the US" as "the USA", for it is no "us"; "my parents' house" as "my parent's house";
    "Ms Smith" as "Mrs Smith", "Main St" as "Main Street"; "you & me" as "you and me", "b4" as
    "before"; "Q&A" as an unknown word; "don;t" as "don't".
    """
    text = unslipped(text)
    if _MAY_BE_SIGN.search(text):
        text = _SIGN.sub(partial(_word_of, words), text)
        stand_in = words.model.options.unknown or ""
        text = _LETTERS_APART.sub(lambda _: stand_in, text)
    if "US" in text and not text.isupper() and words.knows("usa"):
        text = _COUNTRY.sub("USA", text)
    if any(map(text.__contains__, _CUT_SHORT)):
        text = _STREET.sub(partial(_street, words), text)
        text = _TITLE.sub(partial(_title, words), text)
    if "s'" in text or "s’" in text:
        quoted = _QUOTED.search(text)  # what may end with such an apostrophe
        end = quoted.start() if quoted else len(text)
        text = _OF_SEVERAL.sub(partial(_of_one, words), text[:end]) + text[end:]
    return text


def is_country(sentence: str, before: str, word: str) -> bool:
    """Whether this is "the US", in a sentence that is not all in capitals."""
    return word == "US" and before == "the" and not sentence.isupper()


def _word_of(words: Words, match: re.Match[str]) -> str:
    word = SIGNS[match[0].lower()]
    return word if words.knows(word) else match[0]


def _title(words: Words, match: re.Match[str]) -> str:
    other = _LIKE_A_TITLE[match[1]]
    return other if words.knows(other) else match[0]


def _street(words: Words, match: re.Match[str]) -> str:
    whole = _STREETS[match[2]]
    return match[1] + whole if words.knows(whole) else match[0]


def _of_one(words: Words, match: re.Match[str]) -> str:
    one = match[1] + "'s"
    return one if words.knows(one) else match[0]


def _joined(words: Words, match: re.Match[str]) -> str:
    """A word that the model knows without its hyphen alone: "e-mail"."""
    joined = match[1] + match[2]
    return joined if words.knows(joined) and not words.knows(match[1]) else match[0]


def _spaced(
    words: Words, text: str, tokens: list[Token], known: list[str | None]
) -> list[str | None]:
    """What is known, "on the" too where the space is typed a letter late or early: "ont he"."""
    spaced = [*known]
    for at in range(len(tokens) - 1):
        one, other = tokens[at : at + 2]
        if spaced[at] is not None and spaced[at + 1] is not None:
            continue
        short = min(len(one.text), len(other.text)) == 1  # "a sis"
        if short or _is_name(text, other) or text[one.end : other.start] != " ":
            continue
        letters, space = one.text + other.text, len(one.text)
        for place in (space - 1, space + 1):
            if words.are_frequent(letters[:place], letters[place:]):
                spaced[at : at + 2] = letters[:place], letters[place:]
                break
    return spaced


def _may_be_short(text: str, tokens: list[Token], at: int) -> bool:
    """Whether this may be text-speak, and is no initial: "R" in "J R R", and not in "R u"."""
    token = tokens[at]
    if len(token.text) == 1 and _is_name(text, token):
        return False
    before = tokens[at - 1].text if at else ""
    after = tokens[at + 1].text if at + 1 < len(tokens) else ""
    return may_be_short(token.text, before, after)


def _is_name(text: str, token: Token) -> bool:
    """Whether this has a capital inside its sentence."""
    return text[token.start].isupper() and bool(text[: token.start].strip())


def _ends_a_number(text: str, token: Token) -> bool:
    """Whether this ends a number: "3rd", "the 90's"."""
    return text[max(0, token.start - 2) : token.start].rstrip(APOSTROPHES)[-1:].isdigit()


def _shouted(words: Words, typed: list[str]) -> int:
    """The letters of words in capitals that are no acronyms: "HAPPY", not "NASA" nor "US"."""
    bare = (word.strip(_AROUND) for word in typed)
    shown = (words.shown(words.understood(word) or "") for word in bare)  # "IM" too
    known = [word for word in shown if word is not None]
    if len(known) == 1 and not may_shout(known[0]):
        return 0
    return sum(len(word) for word in known if not word.isupper())
