"""A model's words as a typist meets them: by their first letters, without their apostrophes, or
typed in full, each with what the model gives it. Shapes: V words, N candidates.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Literal, NamedTuple

import numpy as np

from app.arrays import Floats, Indices, Mask
from app.engines.topk import top_k
from app.model import Model
from app.suggesting.recent import RecentWords
from app.suggesting.usual import Usual, UsualWords
from app.text.abbreviations import NO_SLIPS, READ_AS, SEVERAL, SHORT_FORMS
from app.text.contractions import AS_TYPED
from app.text.misspelled import Misspellings
from app.text.mistakes import LONGEST, SHORTEST
from app.text.tokens import without_accents

_NO_NAME = 0.01  # how much less probable a word is that has no capital, where one is typed
_LIKELY = 0.001  # of a word: fewer than a thousand are
FREQUENT = 300  # words, which stand first in a vocabulary
_NOT_RARE = 1_000  # words, which stand first too
_SHORTEST_DROPPED = 4  # letters of a word that may lack its last g
_SHORTEST_ONE = 3  # of what may have a plural
_OF_ONE = (("ies", "y"), ("es", ""), ("s", ""))  # a plural's end, and what it is of one
_BEGINNINGS = 4096  # remembered with where their words stand, and misspellings
_LETTERS = re.compile(r"[^\W\d_]+")

Kind = Literal["next", "completion", "correction"]


class Candidate(NamedTuple):
    """A word, as it is shown inside a sentence; weights are probabilities before they are shared
    out.
    """

    word: str
    weight: float
    kind: Kind
    more: tuple[str, ...] = ()  # words behind it, where one was typed for two

    @property
    def text(self) -> str:
        """Its words as they are shown inside a sentence."""
        return " ".join([self.word, *self.more]) if self.more else self.word


class Begun(NamedTuple):
    """The ids [N] of words that begin alike, what the model gives each [N], and all of them."""

    ids: Indices
    weights: Floats
    mass: float


class Found(NamedTuple):
    """The best candidates, best first, and what all there were have together."""

    best: list[Candidate]
    mass: float


class Words:
    """An index of one model's words."""

    def __init__(self, model: Model) -> None:
        self.model = model
        known = model.vocabulary.word_to_id
        spelled = {number: self.spelling(key) for key, number in known.items()}
        self.spelled = [spelled.get(number, "") for number in range(len(model.vocabulary.words))]
        self._slips = frozenset(model.card.get("slips", ()))
        sound = (word for word in self.spelled if word and word not in self._slips)
        self._misspellings = Misspellings(sound)
        allowed = [(number, self.spelled[number]) for number in np.flatnonzero(model.suggestible)]
        pairs = [(word.replace("'", ""), int(number)) for number, word in allowed]
        pairs.sort(key=itemgetter(0))  # half the time of pairs, which nobody else can use
        self._bare = [bare for bare, _ in pairs]  # "dont"
        self._bare_ids = np.array([number for _, number in pairs], np.intp)
        self._beginning = lru_cache(_BEGINNINGS)(self._ids_beginning_with)
        self.meant = lru_cache(_BEGINNINGS)(self._find_meant)
        self._beginning("'")  # the model's index is built here, not when it is first asked for
        shown = [str(word or "") for word in model.vocabulary.words]
        self.is_name = np.array([word != word.lower() for word in shown])  # [V]
        self._as_name = np.where(self.is_name, 1, _NO_NAME).astype(np.float32)  # [V]
        self._barred_after: dict[str, list[int]] = {}
        for rule in model.card.get("blocked_after", ()):
            ids = self.ids_of(rule["words"])
            for word in rule["after"]:
                self._barred_after.setdefault(word.lower(), []).extend(ids)
        usual = model.card.get("usual", {})
        self.usual_after = UsualWords(usual, self.ids_of, model.options.start).after

    def spelling(self, word: str) -> str:
        """A word as the model knows it, whatever its case, and the apostrophe that was typed."""
        word = word.lower() if self.model.options.lowercase else word
        known = word in self.model.vocabulary.spellings
        return word if known else word.translate(AS_TYPED)

    def knows(self, word: str) -> bool:
        """Whether the model knows a word, blocked or not."""
        return self.id_of(word) is not None

    def is_sound(self, word: str) -> bool:
        """Whether this is no misspelling: a word that the model knows, or what is "Mary's" or
        "the boys'", or a plural, or it is known without its accents, or it is an abbreviation.
        """
        typed = self.spelling(word)
        if self.knows(typed):
            return typed not in self._slips
        bare = typed.removesuffix("'s").removesuffix("'")
        if bare in NO_SLIPS or (bare != typed and self.is_sound(bare)):
            return True
        if not typed.isascii():
            return self.knows(without_accents(typed))
        ends = (typed.removesuffix(end) + of_one for end, of_one in _OF_ONE if typed.endswith(end))
        ones = (one for one in ends if len(one) >= _SHORTEST_ONE and one[-1] != "s")
        return any(self._may_have_a_plural(one) for one in ones)

    def _may_have_a_plural(self, one: str) -> bool:
        """Whether this is a word, and no short one as frequent as "the" or "had"."""
        number = self.model.vocabulary.id_of(one)
        if number is None or one in self._slips:
            return False
        return len(one) > _SHORTEST_ONE or number >= FREQUENT

    def shown(self, word: str) -> str | None:
        """A word as it is shown inside a sentence, None where the model does not know it."""
        number = self.id_of(word)
        return None if number is None else self.model.vocabulary.words[number]

    def are_frequent(self, *words: str) -> bool:
        """Whether these are words that people write all the time."""
        ids = map(self.model.vocabulary.id_of, words)
        return all(number is not None and number < FREQUENT for number in ids)

    def understood(self, word: str, *, short: bool = True) -> str | None:
        """A word that the model knows by this spelling, or with an apostrophe where there is
        none, or without accents: "dont", "café"; or what it is short for: "thx", "lookin"; or the
        several that it is: "alot". None where there is no such word.
        """
        if self.knows(word):
            return word
        typed = self.spelling(word)
        bare = self._bare_id(typed)
        if bare is not None:
            return self.spelled[bare]
        if short and self._short_id(typed) is not None:
            return SHORT_FORMS[typed]
        if short and typed in SEVERAL and all(map(self.knows, SEVERAL[typed].split())):
            return SEVERAL[typed]
        if short and self.knows(READ_AS.get(typed, "")):
            return READ_AS[typed]
        if len(typed) >= _SHORTEST_DROPPED and typed.endswith("in") and self.knows(typed + "g"):
            return typed + "g"
        plain = typed if typed.isascii() else without_accents(typed)
        return self.understood(plain, short=False) if plain != typed else None

    def _find_meant(self, word: str) -> str | None:
        """The word that this is a misspelling of: that has two of its letters the other way round:
        "waht"; or is like it where people misspell: "definately"; or that is drawn out: "yesssss".
        Of several the most frequent; None where that is rare, for it may be a word of its own.
        """
        typed = self.spelling(word)
        if not SHORTEST <= len(typed) <= LONGEST:
            return None
        places = range(1, len(typed))
        made = {typed[: i - 1] + typed[i] + typed[i - 1] + typed[i + 1 :] for i in places}
        known = self.model.vocabulary.spellings
        meant = {*filter(known.__contains__, made), *self._misspellings.meant(typed)}
        first = min(meant, key=known.__getitem__, default=None)
        return first if len(meant) == 1 or (first and known[first] < _NOT_RARE) else None

    def _bare_id(self, typed: str) -> int | None:
        """The id of a word that is spelled so without its apostrophes."""
        at = bisect_left(self._bare, typed)
        return int(self._bare_ids[at]) if self._bare[at : at + 1] == [typed] else None

    def _short_id(self, typed: str) -> int | None:
        """The id of the word that this is short for."""
        return self.model.vocabulary.id_of(SHORT_FORMS.get(typed))

    def id_of(self, word: str) -> int | None:
        """The id of a word, None where the model does not know it."""
        return self.model.vocabulary.id_of(self.spelling(word))

    def ids_of(self, words: Iterable[str]) -> list[int]:
        """The ids of those words that the model knows."""
        return [number for number in map(self.id_of, words) if number is not None]

    def barred_after(self, sentence: str) -> tuple[int, ...]:
        """Ids that are not suggested in a sentence that has begun so."""
        if not self._barred_after:
            return ()
        seen = self._barred_after.keys() & _LETTERS.findall(sentence.lower())
        return tuple(number for word in seen for number in self._barred_after[word])

    def mixed(self, said: Floats, recent: RecentWords, share: float, last: str) -> Floats:
        """Probabilities [V], `share` of them going by what was written before, but for the `last`
        word of it, which stands there.
        """
        mixed: Floats = said * np.float32(1 - share)
        for word, part in recent.shares.items():
            number = self.model.vocabulary.id_of(word)
            if number is not None and word != last:
                mixed[number] += np.float32(share * part)
        return mixed

    def as_name(self, said: Floats, usual: Usual | None) -> Floats:
        """Weights [V] of words behind a capital that begins no sentence: names come first, and what
        is usual there: "Happy New Year".
        """
        named: Floats = said * self._as_name
        if usual is not None:
            named[usual.ids] = said[usual.ids]
        return named

    def best(self, said: Floats, allowed: Mask, count: int) -> Found:
        """The most probable words, ties by id. Among the few that are likely there are nearly
        always enough: they are found several times faster than all of them are ranked.
        """
        ids = (said > _LIKELY).nonzero()[0]
        ids = ids[allowed[ids]]
        if len(ids) < count:
            ids = top_k(said, count, np.flatnonzero(~allowed))
        ids = ids[(-said[ids]).argsort(kind="stable")[:count]]
        return Found(self.candidates(ids, said[ids], "next"), 1.0)

    def begun(self, typed: str, said: Floats, allowed: Mask) -> Begun:
        """The words that begin so, whether or not their apostrophes are typed."""
        ids = self._beginning(typed)
        if allowed is not self.model.suggestible:
            ids = ids[allowed[ids]]
        weights = said[ids]  # [N]
        return Begun(ids, weights, float(np.add.reduce(weights)))

    def _ids_beginning_with(self, typed: str) -> Indices:
        typed = self.spelling(typed)
        if "'" in typed:
            return self.model.ids_beginning_with(typed)
        first = bisect_left(self._bare, typed)
        return self._bare_ids[first : bisect_left(self._bare, typed + "\U0010ffff")]

    def completing(self, begun: Begun, count: int) -> Found:
        """The most probable of words that begin so."""
        order = largest(begun.weights, count)
        return Found(
            self.candidates(begun.ids[order], begun.weights[order], "completion"), begun.mass
        )

    def whole_id(self, typed: str) -> int | None:
        """The id of a word that is typed whole, with or without its apostrophes."""
        number = self.model.vocabulary.id_of(typed)
        return self._bare_id(typed) if number is None else number

    def undrawn_id(self, typed: str) -> int | None:
        """The id of the word that this is drawn out from: "yesssss"."""
        return self.model.vocabulary.id_of(self._misspellings.undrawn(typed))

    def candidate(self, ids: Sequence[int], weight: float, kind: Kind) -> Candidate:
        """A word, or several in the place of one."""
        first, *more = (str(self.model.vocabulary.words[number]) for number in ids)
        return Candidate(first, weight, kind, tuple(more))

    def candidates(self, ids: Indices, weights: Floats, kind: Kind) -> list[Candidate]:
        """Words [N] with what the model gives them [N]."""
        words = self.model.vocabulary.words
        return [
            Candidate(str(words[number]), weight, kind)
            for number, weight in zip(ids.tolist(), weights.tolist(), strict=True)
        ]


def largest(weights: Floats, count: int) -> Indices:
    """Where the largest of [N] stand, largest first."""
    falling = -weights
    if len(weights) <= 4 * count:
        return falling.argsort(kind="stable")[:count]
    places = falling.argpartition(count)[:count]
    return places[falling[places].argsort(kind="stable")]
