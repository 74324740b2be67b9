"""What people mostly write next, where a model's text has something else: its card says it.

Behind a comma stands no one who is greeted there, and nothing that only goes on without one:
"Hello, how", and not "Hello, there". Knows spellings and ids; no model. Shapes: V words, N of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from app.arrays import Floats, Indices
from app.text.asides import OTHER_HALVES, left_half
from app.text.tokens import AS_TYPEWRITTEN, TYPEWRITTEN_WORD

_SHARE = 0.5  # of the probability goes by what people mostly write next
_CHARACTERS = 80  # before the cursor, which tell what is usual there
_NOT_BEHIND_A_COMMA = frozenset((
    "there", "everyone", "all", "guys", "sir", "mr", "mrs", "madam", "friends", "to", "and", "of",
    "for", "from", "about", "on", "problem", "one",
))  # fmt: skip


class Usual(NamedTuple):
    """The ids [N] of words that people mostly write next, and their shares [N]."""

    ids: Indices
    shares: Floats

    def mixed_with(self, said: Floats) -> Floats:
        """Probabilities [V], a share of them going by these words."""
        mixed: Floats = said * np.float32(1 - _SHARE)
        mixed[self.ids] += self.shares
        return mixed


class UsualWords:
    """A card's `usual`; `ids_of` gives the ids of those words that the model knows, and `start` is
    its word before a sentence.
    """

    def __init__(
        self,
        usual: Mapping[str, Sequence[str]],
        ids_of: Callable[[Iterable[str]], list[int]],
        start: str | None,
    ) -> None:
        self._start = start or ""
        self._after = {after.lower(): _shares(ids_of(words)) for after, words in usual.items()}
        apart = {
            after.lower(): [word for word in words if word not in _NOT_BEHIND_A_COMMA]
            for after, words in usual.items()
        }
        self._apart = {after: _shares(ids_of(words)) for after, words in apart.items()}
        self._halves = {left: _shares(ids_of(words)) for left, words in OTHER_HALVES.items()}
        self._ends = {after.rpartition(" ")[2] for after in self._after}
        self._longest = max((after.count(" ") + 1 for after in self._after), default=0)  # words

    def after(self, sentence: str) -> Usual | None:
        """What people mostly write in a sentence that has begun so, where the card says it; and
        "or" behind "and/", "mail" behind "e-".
        """
        left = left_half(sentence)
        if left in self._halves:
            return self._halves[left]
        if not self._after:
            return None
        end = sentence[-_CHARACTERS:]
        words = TYPEWRITTEN_WORD.findall(end.translate(AS_TYPEWRITTEN).lower())
        if not words or words[-1] not in self._ends:  # nearly always
            return None
        if len(end) == len(sentence):
            words.insert(0, self._start)
        else:
            del words[0]  # a piece of one
        known = self._apart if end.rstrip().endswith(",") else self._after
        words = words[-self._longest :]
        found = (known.get(" ".join(words[at:])) for at in range(len(words)))
        return next((one for one in found if one is not None), None)


def _shares(ids: list[int]) -> Usual | None:
    """The first named is the most frequent: the second has half of its share."""
    if not ids:
        return None
    falling = 1 / np.arange(1, len(ids) + 1)  # [N]
    shares = (_SHARE * (falling / falling.sum())).astype(np.float32)
    return Usual(np.array(ids, np.intp), shares)
