"""A sentence without what its next word does not hang on: who is greeted, and what stands for the
same as the word behind its stroke. Knows no vocabulary and no model.
"""

import re

_GREETS = (
    r"\s*+((?:hello|hi|hey|dear|good (?:morning|afternoon|evening)|happy birthday|thanks|thank you)"
    r"(?![^\W\d_]))"
)
_PAUSE = r"(?:[,;:]|\s[-–—]{1,2}(?=\s))"
_GREETING = re.compile(rf"{_GREETS}(,?)((?:(?!{_PAUSE}).){{0,60}}+){_PAUSE}", re.IGNORECASE)
_GREETINGS = re.compile(rf"(?:{_GREETS}\s*+,)++\s*+\Z", re.IGNORECASE)
_AMONG_NAMES = frozenset(("or", "and", "there", "all", "everyone", "both"))
# What follows a stroke, or a hyphen, whatever the sentence.
OTHER_HALVES = {
    "and/": ("or",), "either/": ("or",), "on/": ("off",), "yes/": ("no",), "true/": ("false",),
    "him/": ("her",), "his/": ("her", "hers"), "he/": ("she",), "she/": ("he", "her"),
    "e-": ("mail", "mails", "book", "books"), "wi-": ("fi",), "sci-": ("fi",), "hi-": ("fi",),
    "t-": ("shirt", "shirts"), "x-": ("ray", "rays"), "u-": ("turn",), "hip-": ("hop",),
    "k-": ("pop",), "so-": ("called",), "vice-": ("versa",),
}  # fmt: skip
_LEFT_HALF = re.compile(r"(?<![^\W_])[^\W\d_]+[/-]\Z")
_UNITS = "km|kb|mb|gb|ml|mg|kg|cm|mm|mi|ft|lbs?"
_CHOICE = re.compile(
    rf"(?<![^\s(\"'“])(?!and/\Z|(?:{_UNITS})/)(?:[^\W\d_]{{2,}}+/)++(?=[^\W\d_]|\Z)"
)
_CHOICE_BEFORE = re.compile(rf"(?:\A|[\s(\"'“])(?!(?:{_UNITS})/)(?:[^\W\d_]{{2,}}+/)++\Z")


def without_asides(sentence: str) -> str:
    """ "Hi Anna, how", "Hi Anna - how" and "Hi, Anna, how" as "Hi, how", "Dear Mr Smith, I" as
    ", I", "he/she is" as "she is".
    """
    sentence = _ungreeted(sentence)
    return _CHOICE.sub("", sentence) if "/" in sentence else sentence


def is_greeting(sentence: str) -> bool:
    """Whether all of it is a greeting and its comma, or several: "Hi, Thanks, "."""
    return bool(_GREETINGS.match(sentence))


def is_choice(before: str) -> bool:
    """Whether the word behind this stands for the same as the one in front of its stroke."""
    return bool(_CHOICE_BEFORE.search(before))


def left_half(sentence: str) -> str:
    """The word at its end, with a stroke or a hyphen behind it; nearly always none."""
    if sentence[-1:] not in ("/", "-"):
        return ""
    match = _LEFT_HALF.search(sentence, max(0, len(sentence) - 64))
    return match[0].lower() if match else ""


def _ungreeted(sentence: str) -> str:
    match = _GREETING.match(sentence)
    if match is None:
        return sentence
    greeting, apart, named = match[1], match[2], match[3].split()
    are_names = all(one[0].isupper() or one in _AMONG_NAMES for one in named)
    if (apart or len(named) > 1) and not are_names:
        return sentence  # "Thanks for the flowers, they"
    greeting = "" if greeting.lower() == "dear" else greeting  # is said to nobody else
    return f"{greeting},{sentence[match.end() :]}"
