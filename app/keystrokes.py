"""How many keys a typist saves who takes a suggestion as soon as the word is shown.

A text is typed letter by letter through the very code of `/v1/suggest`. A word typed out costs its
letters and a space; a suggestion that is taken is one key and brings the space. Saved is 1 - keys
used / keys without any suggestions. Case does not count; a number is typed out as "10".
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from app.arrays import Context, Floats
from app.model import Model
from app.suggesting.place import Asked
from app.suggesting.running import run
from app.suggesting.suggester import Suggester

_A_NUMBER = "10"
_REMEMBERED = 8  # distributions


class Keystrokes(NamedTuple):
    """Keys with `slots` suggestions shown, and without any; `saved` is a share."""

    slots: int
    fresh: bool
    words: int
    keys: int
    without: int

    @property
    def saved(self) -> float:
        """The share of keys that are not needed."""
        return 1 - self.keys / max(1, self.without)


def keystrokes(
    model: Model, lines: Iterable[str], slots: int = 3, *, fresh: bool = False
) -> Keystrokes:
    """Type the lines, each a sentence whose words stand apart."""
    typist = _Typist(model, slots, fresh=fresh)
    words = keys = without = 0
    for line in lines:
        typed = words_typed(line, model.options.number)
        words, without = words + len(typed), without + sum(len(word) + 1 for word in typed)
        keys += keys_for(typed, typist.offered)
    return Keystrokes(slots, fresh, words, keys, without)


def words_typed(line: str, number: str | None) -> list[str]:
    """A line's words in lower case; where `number` stands for one, what is typed instead."""
    return [_A_NUMBER if word == number else word.lower() for word in line.split()]


def keys_for(words: Sequence[str], offered: Callable[[str], set[str]]) -> int:
    """How many keys a sentence takes; `offered` says what a text up to the cursor would become, in
    lower case, with each of the suggestions that are shown behind it.
    """
    keys, text, at = 0, "", 0
    while at < len(words):
        used, done = _keys_for_word(text, words[at : at + 2], offered)
        keys += used
        text += "".join(f"{word} " for word in words[at : at + done])
        at += done
    return keys


def _keys_for_word(
    text: str, words: Sequence[str], offered: Callable[[str], set[str]]
) -> tuple[int, int]:
    """Keys for the first of these words, or for both where the next is offered before its space
    is typed; and how many words these are.
    """
    word, later = words[0], words[1:]
    for typed in range(len(word) + 1):
        shown = offered(text + word[:typed])
        if f"{text}{word} " in shown:
            return typed + 1, 1
        if later and typed == len(word) and f"{text}{word} {later[0]} " in shown:
            return typed + 1, 2
    return len(word) + 1, 1


class _Typist:
    """What a model's suggester shows, each distribution computed once for a word."""

    def __init__(self, model: Model, slots: int, *, fresh: bool) -> None:
        self._model = model
        self._slots = slots
        self._fresh = fresh
        self._suggester = Suggester(model)
        self._said: dict[Context, Floats] = {}  # after the last few words

    def offered(self, text: str) -> set[str]:
        """What the text becomes with each of the suggestions."""
        asked = Asked(text, self._slots, fresh=self._fresh)
        shown = run(self._suggester.suggest(asked), self._distribution)
        return {(text[: shown.replace[0]] + one.text).lower() for one in shown.suggestions}

    def _distribution(self, context: Context) -> Floats:
        said = self._said.get(context)
        if said is None:
            if len(self._said) >= _REMEMBERED:
                self._said.clear()
            said = self._said[context] = self._model.probabilities(context)
        return said
