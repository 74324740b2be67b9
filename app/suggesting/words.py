"""A model's words as a typist meets them: by their first letters, without their apostrophes, or
mistyped, each with what the model gives it. Shapes: V words, N candidates.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Literal, NamedTuple

import numpy as np

from app.arrays import Floats, Indices, Mask
from app.engines.topk import top_k
from app.model import Model
from app.suggesting.recent import RecentWords
from app.suggesting.usual import Usual, UsualWords
from app.text.abbreviations import SEVERAL, SHORT_FORMS, may_be_short
from app.text.misspelled import Misspellings
from app.text.mistakes import EXCHANGE, LONGEST, MISTAKE, NOTHING_NEAR, SHORTEST, Mistakes, Near
from app.text.tokens import AS_TYPEWRITTEN, without_accents

MISTYPED = 0.01  # how much less probable a word is for every mistake in its typing
_UNFINISHED = 0.25  # how much less one is whose letters were not all typed, well or badly
_NO_NAME = 0.01  # how much less probable a word is that has no capital, where one is typed
_LIKELY = 0.001  # of a word: fewer than a thousand are
_FREQUENT = 300  # words, which stand first in a vocabulary
_NOT_RARE = 1_000  # words, which stand first too
_SHORTEST_DROPPED = 4  # letters of a word that may lack its last g
_APART = 3  # ways to part a word in two that are looked at
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
        self._model = model
        known = model.vocabulary.word_to_id
        spelled = {number: self._spelling(key) for key, number in known.items()}
        self._spelled = [spelled.get(number, "") for number in range(len(model.vocabulary.words))]
        self._mistakes = Mistakes(self._spelled)
        self._written_in = frozenset("".join(self._spelled))
        self._slips = frozenset(model.card.get("slips", ()))
        sound = (word for word in self._spelled if word and word not in self._slips)
        self._misspellings = Misspellings(sound)
        allowed = [(number, self._spelled[number]) for number in np.flatnonzero(model.suggestible)]
        pairs = [(word.replace("'", ""), int(number)) for number, word in allowed]
        pairs.sort(key=itemgetter(0))  # half the time of pairs, which nobody else can use
        self._bare = [bare for bare, _ in pairs]  # "dont"
        self._bare_ids = np.array([number for _, number in pairs], np.intp)
        self._beginning = lru_cache(_BEGINNINGS)(self._ids_beginning_with)
        self.meant = lru_cache(_BEGINNINGS)(self._find_meant)
        self._beginning("'")  # the model's index is built here, not when it is first asked for
        shown = [str(word or "") for word in model.vocabulary.words]
        cased = np.array([word != word.lower() for word in shown])
        self._as_name = np.where(cased, 1, _NO_NAME).astype(np.float32)  # [V]
        self._barred_after: dict[str, list[int]] = {}
        for rule in model.card.get("blocked_after", ()):
            ids = self.ids_of(rule["words"])
            for word in rule["after"]:
                self._barred_after.setdefault(word.lower(), []).extend(ids)
        usual = model.card.get("usual", {})
        self.usual_after = UsualWords(usual, self.ids_of, model.options.start).after

    def _spelling(self, word: str) -> str:
        """A word as the model knows it, whatever its case, and the apostrophe that was typed."""
        word = word.lower() if self._model.options.lowercase else word
        known = word in self._model.vocabulary.spellings
        return word if known else word.translate(AS_TYPEWRITTEN)

    def knows(self, word: str) -> bool:
        """Whether the model knows a word, blocked or not."""
        return self.id_of(word) is not None

    def is_sound(self, word: str) -> bool:
        """Whether the model knows a word that is no misspelling."""
        return self.knows(word) and self._spelling(word) not in self._slips

    def shown(self, word: str) -> str | None:
        """A word as it is shown inside a sentence, None where the model does not know it."""
        number = self.id_of(word)
        return None if number is None else self._model.vocabulary.words[number]

    def spelled(self, number: int) -> str:
        """The spelling of a word by its id."""
        return self._spelled[number]

    def are_frequent(self, *words: str) -> bool:
        """Whether these are words that people write all the time."""
        ids = map(self._model.vocabulary.id_of, words)
        return all(number is not None and number < _FREQUENT for number in ids)

    def understood(self, word: str, *, short: bool = True) -> str | None:
        """A word that the model knows by this spelling, or with an apostrophe where there is
        none, or without accents: "dont", "café"; or what it is short for: "thx", "lookin"; or the
        several that it is: "alot". None where there is no such word.
        """
        if self.knows(word):
            return word
        typed = self._spelling(word)
        bare = self._bare_id(typed)
        if bare is not None:
            return self._spelled[bare]
        if short and self._short_id(typed) is not None:
            return SHORT_FORMS[typed]
        if short and typed in SEVERAL and all(map(self.knows, SEVERAL[typed].split())):
            return SEVERAL[typed]
        if len(typed) >= _SHORTEST_DROPPED and typed.endswith("in") and self.knows(typed + "g"):
            return typed + "g"
        plain = typed if typed.isascii() else without_accents(typed)
        return self.understood(plain, short=False) if plain != typed else None

    def _find_meant(self, word: str) -> str | None:
        """The word that this is a misspelling of: that has two of its letters the other way round:
        "waht"; or is like it where people misspell: "definately"; or that is drawn out: "yesssss".
        Of several the most frequent; None where that is rare, for it may be a word of its own.
        """
        typed = self._spelling(word)
        if not SHORTEST <= len(typed) <= LONGEST:
            return None
        places = range(1, len(typed))
        made = {typed[: i - 1] + typed[i] + typed[i - 1] + typed[i + 1 :] for i in places}
        known = self._model.vocabulary.spellings
        meant = {*filter(known.__contains__, made), *self._misspellings.meant(typed)}
        first = min(meant, key=known.__getitem__, default=None)
        return first if len(meant) == 1 or (first and known[first] < _NOT_RARE) else None

    def _bare_id(self, typed: str) -> int | None:
        """The id of a word that is spelled so without its apostrophes."""
        at = bisect_left(self._bare, typed)
        return int(self._bare_ids[at]) if self._bare[at : at + 1] == [typed] else None

    def _short_id(self, typed: str) -> int | None:
        """The id of the word that this is short for."""
        return self._model.vocabulary.id_of(SHORT_FORMS.get(typed))

    def id_of(self, word: str) -> int | None:
        """The id of a word, None where the model does not know it."""
        return self._model.vocabulary.id_of(self._spelling(word))

    def ids_of(self, words: Iterable[str]) -> list[int]:
        """The ids of those words that the model knows."""
        return [number for number in map(self.id_of, words) if number is not None]

    def barred_after(self, sentence: str) -> tuple[int, ...]:
        """Ids that are not suggested in a sentence that has begun so."""
        if not self._barred_after:
            return ()
        seen = self._barred_after.keys() & _LETTERS.findall(sentence.lower())
        return tuple(number for word in seen for number in self._barred_after[word])

    def mixed(self, said: Floats, recent: RecentWords, share: float) -> Floats:
        """Probabilities [V], `share` of them going by what was written before."""
        mixed: Floats = said * np.float32(1 - share)
        for word, part in recent.shares.items():
            number = self._model.vocabulary.id_of(word)
            if number is not None:
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
        return Found(self._shown(ids, said[ids], "next"), 1.0)

    def begun(self, typed: str, said: Floats, allowed: Mask) -> Begun:
        """The words that begin so, whether or not their apostrophes are typed."""
        ids = self._beginning(typed)
        if allowed is not self._model.suggestible:
            ids = ids[allowed[ids]]
        weights = said[ids]  # [N]
        return Begun(ids, weights, float(np.add.reduce(weights)))

    def _ids_beginning_with(self, typed: str) -> Indices:
        typed = self._spelling(typed)
        if "'" in typed:
            return self._model.ids_beginning_with(typed)
        first = bisect_left(self._bare, typed)
        return self._bare_ids[first : bisect_left(self._bare, typed + "\U0010ffff")]

    def completing(self, begun: Begun, count: int) -> Found:
        """The most probable of words that begin so."""
        order = _largest(begun.weights, count)
        return Found(self._shown(begun.ids[order], begun.weights[order], "completion"), begun.mass)

    def short(self, typed: str, before: str, said: Floats, allowed: Mask) -> list[Candidate]:
        """What this is short for behind the word `before`, as probable as two letters exchanged."""
        typed = typed.lower()
        if typed not in SHORT_FORMS or not may_be_short(typed, before):  # nearly always
            return []
        meant = self._short_id(typed)
        if meant is None or not allowed[meant] or self.knows(typed):
            return []
        weight = said[meant] * np.float32(MISTYPED) ** (EXCHANGE / MISTAKE)
        return self._shown(np.array([meant]), np.array([weight]), "correction")

    def mistyped(
        self, typed: str, said: Floats, allowed: Mask, count: int, begun: Indices
    ) -> Found:
        """The most probable words that a mistyped beginning may have meant, but for those that
        are `begun` so.
        """
        near = self._near(self._spelling(typed))
        kept = allowed[near.places] & (near.distances > 0) & ~np.isin(near.places, begun)
        ids = near.places[kept]
        mistakes = near.distances[kept].astype(np.float32) / MISTAKE
        letters = np.where(near.whole[kept], 1, _UNFINISHED)  # [N]
        scores = (said[ids] * np.float32(MISTYPED) ** mistakes * letters).astype(np.float32)
        order = _largest(scores, count)
        best = self._shown(ids[order], scores[order], "correction")
        return Found(best, float(np.add.reduce(scores)))

    def _near(self, typed: str) -> Near:
        """What is near, the word that this is short for, or drawn out from, among it: as near as
        two letters exchanged, and all others, which are not meant then, a mistake further.
        """
        slip = typed.isascii() or self._written_in.issuperset(typed)  # "ü" may be none
        near = self._mistakes.near(typed) if slip else NOTHING_NEAR
        meant = self._short_id(typed)
        if meant is None:
            meant = self._model.vocabulary.id_of(self._misspellings.undrawn(typed))
        if meant is None:
            return near
        others = near.places != meant
        return Near(
            np.append(near.places[others], meant),
            np.append(near.distances[others] + np.int8(MISTAKE), np.int8(EXCHANGE)),
            np.append(near.whole[others], True),
        )

    def apart(self, typed: str, said: Floats, allowed: Mask) -> list[tuple[int, int]]:
        """The ids of two words that make one as it is typed, for the likeliest first of them."""
        if self._model.options.tokenizer != "words":
            return []
        typed = self._spelling(typed)
        found = []
        for at in range(1, len(typed)):
            first, second = self._whole_id(typed[:at]), self._whole_id(typed[at:])
            if first is not None and second is not None and allowed[first] and allowed[second]:
                found.append((first, second))
        return sorted(found, key=lambda pair: -said[pair[0]])[:_APART]

    def _whole_id(self, typed: str) -> int | None:
        number = self._model.vocabulary.id_of(typed)
        return self._bare_id(typed) if number is None else number

    def candidate(self, first: int, second: int, weight: float) -> Candidate:
        """Two words in the place of one."""
        words = self._model.vocabulary.words
        return Candidate(str(words[first]), weight, "correction", (str(words[second]),))

    def _shown(self, ids: Indices, weights: Floats, kind: Kind) -> list[Candidate]:
        words = self._model.vocabulary.words
        return [
            Candidate(str(words[number]), weight, kind)
            for number, weight in zip(ids.tolist(), weights.tolist(), strict=True)
        ]


def _largest(weights: Floats, count: int) -> Indices:
    """Where the largest of [N] stand, largest first."""
    falling = -weights
    if len(weights) <= 4 * count:
        return falling.argsort(kind="stable")[:count]
    places = falling.argpartition(count)[:count]
    return places[falling[places].argsort(kind="stable")]
