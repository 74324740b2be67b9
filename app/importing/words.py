"""A network and a vocabulary that was kept for it -> the words by their ids, and what is assumed.

What no file says is taken as Keras's applications mostly have it: `assumed_fields`.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from app.errors import TokenizerError, VocabularyError
from app.importing.kept import Kept
from app.importing.one_hot import is_one_hot, with_padding
from app.network import Network
from app.text.keras_words import KERAS_FILTERS
from app.text.tokens import Padding
from app.text.vocabulary import has_control_characters

_ALPHABET = 20  # characters: no language has so many words of one letter
_CHARACTERS = 256  # classes: with so few, one-hot vectors mostly are of characters
_UNKNOWN_NAMES = ("oov", "unk", "unknown", "out of vocabulary")
# Between words to a regular expression such as \w+, and parts of words to Keras's Tokenizer.
_WITHIN_WORDS = "'\u2018\u2019\u201c\u201d\u2013\u2014\u2026"
_CUT_OFF = {"s", "t"}  # of "it's" and "don't"
_MARKS = ".,!?;:"
_APART = (
    "punctuation marks are words of their own, and white space alone divides words here: a phrase "
    "needs a space before each mark"
)


@dataclass(frozen=True, eq=False)
class Fitting:
    """A network, its words by the ids that it has them by, and what was found out about these.

    `padding` is the side that no file says.
    """

    network: Network
    words: dict[str, int]
    said: list[str]
    padding: Padding


def fitting(network: Network, known: Kept) -> Fitting:
    """Bring the two together. Raises TokenizerError or VocabularyError."""
    side: Padding = "none" if network.max_length is None else "pre"
    if not is_one_hot(network) or not _is_from_zero(network, known):
        return Fitting(network, *_words_for(network, known), side)
    network = with_padding(network)
    shifted = {word: number + 1 for word, number in known.words.items()}
    words, said = _words_for(network, replace(known, words=shifted, is_list=False))
    said.append("its first word has id 1 here: 0 is padding, a vector of zeros, and never answered")
    return Fitting(network, words, said, "none" if side == "none" else "post")


def _is_from_zero(network: Network, known: Kept) -> bool:
    if not known.words or min(known.words.values()) != 0:
        return False
    return not known.is_list or _begins_with_zero(network, len(known.words))


def no_words(network: Network) -> str:
    """What to say where nothing has a vocabulary for it."""
    said = (
        "the network has no vocabulary inside; name the --tokenizer, or the --text that a "
        "Tokenizer was fitted on"
    )
    if is_one_hot(network) and network.classes <= _CHARACTERS:
        said += (
            f". Vectors of {network.classes} numbers enter: if these are the characters of a text, "
            "it goes on character by character, and is not served"
        )
    return said


def _words_for(network: Network, known: Kept) -> tuple[dict[str, int], list[str]]:
    """Words with the ids that the network has them by, and what was found out about these."""
    _check_characters(known.words)
    words = {word: at for word, at in known.words.items() if not has_control_characters(word)}
    lost = len(known.words) - len(words)
    if lost:
        words, notes = _words_for(network, replace(known, words=words))
        return words, [f"{lost} words have control characters, and are unknown words", *notes]
    if not words:
        raise VocabularyError("the tokenizer has no words")
    if known.is_list and min(words.values()) == 0 and not _begins_with_zero(network, len(words)):
        return (
            {word: number + 1 for word, number in words.items()},
            ["the list's first word has id 1: 0 is the padding"],
        )
    first = next((word for word, number in words.items() if number == 0), None)
    needed = max(words.values()) + 1
    few = f"the network has {network.classes} classes, and the vocabulary words for {needed}"
    notes = [few] if needed < network.classes else []
    if words.keys() >= {*".,"} and not any(word[-1] in _MARKS for word in words if len(word) > 1):
        notes.append(_APART)
    if first is None:
        return words, notes
    if network.mask_zero:
        raise VocabularyError(f"{first!r:.60} has id 0, which the network masks as padding")
    return words, [*notes, f"id 0 is a word, {first!r:.60}: zero_is_a_word"]


def _check_characters(words: Collection[str]) -> None:
    """Raises TokenizerError where what is said to be words are the characters of a text."""
    single = [word for word in words if len(word) == 1]
    others = [word for word in words if len(word) > 1 and not _is_mark(word)]
    if not others and (len(single) >= _ALPHABET or any(map(str.isspace, single))):
        raise TokenizerError(
            "its words are single characters: a network that goes on character by character is "
            "not served"
        )


def _begins_with_zero(network: Network, words: int) -> bool:
    """A list without padding: its places are ids where the network has just so many classes."""
    return not network.mask_zero and words == network.classes


def assumed_fields(fit: Fitting, known: Kept) -> dict[str, Any]:
    """The fields of a card that no file says."""
    assumed: dict[str, Any] = {"padding": fit.padding}
    if "tokenizer" not in known.card or "lowercase" not in known.card:
        plain = [word for word in fit.words if not _is_mark(word)]
        letters = {one for word in plain for one in word}
        as_keras = letters.isdisjoint(KERAS_FILTERS + " ")
        assumed["tokenizer"] = "keras" if as_keras else "whitespace"
        assumed["lowercase"] = all(word == word.lower() for word in plain)
        if as_keras and fit.words.keys() >= _CUT_OFF:
            others = "".join(one for one in _WITHIN_WORDS if one not in letters)
            assumed["filters"] = KERAS_FILTERS + others
    unknown = known.card.get("unknown", _unknown(fit.words))
    assumed["unknown"] = unknown
    assumed["drop_unknown"] = unknown is None
    return assumed


def _is_mark(word: str) -> bool:
    return (word[:1], word[-1:]) in (("<", ">"), ("[", "]"))


def _unknown(words: dict[str, int]) -> str | None:
    """The word that stands for unknown ones, by its name."""
    marked = [word for word in words if _is_mark(word) or words[word] <= 1]
    return next((word for word in marked if word.strip("<>[]_").lower() in _UNKNOWN_NAMES), None)
