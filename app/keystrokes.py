"""How many keys a typist saves who takes a suggestion as soon as the word is shown.

A text is typed letter by letter through the very code of `/v1/suggest`. A word typed out costs its
letters and a space; a suggestion that is taken is one key and brings the space. Saved is 1 - keys
used / keys without any suggestions. Case does not count; a number is typed out as "10".
"""

from collections.abc import Iterable
from dataclasses import dataclass

from app.model import Model
from app.network import Context, Floats
from app.suggesting.suggester import Asked, Suggester, run

_A_NUMBER = "10"


@dataclass(frozen=True, slots=True)
class Keystrokes:
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
        typed = [_A_NUMBER if word == model.options.number else word for word in line.split()]
        words, without = words + len(typed), without + sum(len(word) + 1 for word in typed)
        keys += typist.keys([word.lower() for word in typed])
    return Keystrokes(slots, fresh, words, keys, without)


class _Typist:
    def __init__(self, model: Model, slots: int, *, fresh: bool) -> None:
        self._model = model
        self._slots = slots
        self._fresh = fresh
        self._suggester = Suggester(model)
        self._said: dict[Context, Floats] = {}  # after the last few words

    def keys(self, words: list[str]) -> int:
        """How many keys a sentence takes."""
        keys, text, at = 0, "", 0
        while at < len(words):
            self._said.clear()
            used, done = self._word(text, words[at : at + 2])
            keys += used
            text += "".join(f"{word} " for word in words[at : at + done])
            at += done
        return keys

    def _word(self, text: str, words: list[str]) -> tuple[int, int]:
        """Keys for the first of these words, or for both where the next is offered before its
        space is typed; and how many words these are.
        """
        word, later = words[0], words[1:]
        for typed in range(len(word) + 1):
            offered = self._offered(text + word[:typed])
            if f"{text}{word} " in offered:
                return typed + 1, 1
            if later and typed == len(word) and f"{text}{word} {later[0]} " in offered:
                return typed + 1, 2
        return len(word) + 1, 1

    def _offered(self, text: str) -> set[str]:
        """What the text becomes with each of the suggestions."""
        asked = Asked(text, self._slots, fresh=self._fresh)
        shown = run(self._suggester.suggest(asked), self._distribution)
        return {(text[: shown.replace[0]] + one.text).lower() for one in shown.suggestions}

    def _distribution(self, context: Context) -> Floats:
        said = self._said.get(context)
        if said is None:
            said = self._said[context] = self._model.probabilities(context)
        return said
