"""What a half-typed word stands for, or was meant for where it was mistyped: text-speak, slips, two
words without the space between them. Shapes: V words, N candidates.
"""

from collections.abc import Generator, Sequence

import numpy as np

from app.arrays import Context, Floats, Indices
from app.suggesting.place import Place
from app.suggesting.words import FREQUENT, Candidate, Found, Words, largest
from app.text.abbreviations import SEVERAL, SHORT_FORMS, may_be_short
from app.text.mistakes import EXCHANGE, MISTAKE, NOTHING_NEAR, Mistakes, Near

_MISTYPED = 0.01  # how much less probable a word is for every mistake in its typing
_FIRST_WRONG = 0.03  # and one that begins with another letter
_UNFINISHED = 0.25  # and one whose letters were not all typed, well or badly
_BEGUN = 0.03  # and all of them, where so many letters begin a word
_LETTERS_BEGIN = 3
_SHORTEST_DOUBLED = 5  # letters of a word whose last may be typed twice: "awfull"
_APART = 3  # ways to part a word in two that are looked at
_PARTED = 1e-3  # of the likeliest way, and word: others are none

Steps = Generator[Sequence[Context], Sequence[Floats], tuple[list[Candidate], float]]


class Corrections:
    """An index of one model's words by what is mistyped for them."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._mistakes = Mistakes(words.spelled)
        self._written_in = frozenset("".join(words.spelled))
        self._first = np.array([ord(word[:1] or "\0") for word in words.spelled])  # [V] letters

    def of(self, here: Place, begun: Indices, most: int) -> Steps:
        """The most probable of what was meant if this was mistyped, but for the words that are
        `begun` so, and the mass that all of it has.
        """
        found = self._mistyped(here, begun, most)
        apart = yield from self._apart(here)
        is_beginning = len(begun) and len(here.typed.word) >= _LETTERS_BEGIN
        less = _BEGUN if is_beginning else 1.0
        if found.best:  # "literally", and no "litter ally"
            apart = [one for one in apart if one.weight >= _PARTED * found.best[0].weight]
        corrected = [one._replace(weight=one.weight * less) for one in found.best + apart]
        return corrected, less * (found.mass + sum(one.weight for one in apart))

    def written_out(self, here: Place) -> list[Candidate]:
        """The word, or the words, that what is typed surely stands for, whatever begins so:
        "thx", "nvm", "awfull"; as probable as two letters exchanged.
        """
        words, typed = self._words, self._words.spelling(here.typed.word)
        stands_for = SHORT_FORMS.get(typed) or SEVERAL.get(typed) or self._undoubled(typed)
        if not stands_for:  # nearly always
            return []
        if words.knows(typed) or not may_be_short(typed, here.sentence.last):
            return []
        ids = words.ids_of(stands_for.split())
        if len(ids) < stands_for.count(" ") + 1 or not here.allowed[ids].all():
            return []
        if len(ids) == 1 and words.spelled[ids[0]].startswith(typed):
            return []  # it begins so
        weight = float(here.likely[ids[0]]) * _MISTYPED ** (EXCHANGE / MISTAKE)
        return [words.candidate(ids, weight, "correction")]

    def _undoubled(self, typed: str) -> str | None:
        """The word that this is but for its last letter, typed twice."""
        if len(typed) <= _SHORTEST_DOUBLED or typed[-1] != typed[-2]:
            return None
        return typed[:-1] if self._words.knows(typed[:-1]) else None

    def _mistyped(self, here: Place, begun: Indices, most: int) -> Found:
        """The most probable words that a mistyped beginning may have meant, but for those that
        are `begun` so. What has a name's capital is seldom another word: names that are as near
        as one mistake, and what two letters exchanged, or it surely, were meant for.
        """
        words, typed = self._words, self._words.spelling(here.typed.word)
        near = self._near(typed)
        kept = here.allowed[near.places] & (near.distances > 0) & ~np.isin(near.places, begun)
        if here.named:
            near_enough = np.where(words.is_name[near.places], MISTAKE, EXCHANGE)
            meant = np.isin(near.places, words.ids_of(filter(None, [words.meant(typed)])))
            kept &= (near.distances <= near_enough) | meant
        ids, distances = near.places[kept], near.distances[kept]
        other_first = (distances > EXCHANGE) & (self._first[ids] != ord(typed[0]))
        parts = np.where(other_first, _FIRST_WRONG, 1) * np.where(near.whole[kept], 1, _UNFINISHED)
        mistakes = distances.astype(np.float32) / MISTAKE
        scores = (here.likely[ids] * np.float32(_MISTYPED) ** mistakes * parts).astype(np.float32)
        order = largest(scores, most)
        best = words.candidates(ids[order], scores[order], "correction")
        return Found(best, float(np.add.reduce(scores)))

    def _near(self, typed: str) -> Near:
        """What is near, the word that this is drawn out from among it: as near as two letters
        exchanged, and all others, which are not meant then, a mistake further.
        """
        slip = typed.isascii() or self._written_in.issuperset(typed)  # "ü" may be none
        near = self._mistakes.near(typed) if slip else NOTHING_NEAR
        meant = self._words.undrawn_id(typed)
        if meant is None:
            return self._surely(typed, near)
        others = near.places != meant
        return Near(
            np.append(near.places[others], meant),
            np.append(near.distances[others] + np.int8(MISTAKE), np.int8(EXCHANGE)),
            np.append(near.whole[others], True),
        )

    def _surely(self, typed: str, near: Near) -> Near:
        """What is near, the word that this is surely a misspelling of as near as two letters
        exchanged.
        """
        meant = self._words.ids_of(filter(None, [self._words.meant(typed)]))
        if not meant:
            return near
        if meant[0] not in near.places:
            near = Near(
                np.append(near.places, meant),
                np.append(near.distances, np.int8(EXCHANGE)),
                np.append(near.whole, True),
            )
        nearer = np.minimum(near.distances, np.int8(EXCHANGE))
        distances = np.where(near.places == meant[0], nearer, near.distances + np.int8(EXCHANGE))
        return near._replace(distances=distances)

    def _apart(
        self, here: Place
    ) -> Generator[Sequence[Context], Sequence[Floats], list[Candidate]]:
        """Two words that may have been typed without the space between them."""
        words = self._words
        pairs = [] if here.named else self._pairs(here)
        if not pairs:
            return []
        texts = [f"{here.sentence.text} {words.spelled[first]}" for first, _ in pairs]
        saids = yield [words.model.context(text) for text in texts]
        found = []
        for pair, text, said in zip(pairs, texts, saids, strict=True):
            first, second = pair
            if second not in words.barred_after(text):
                weight = float(here.likely[first] * said[second]) * _MISTYPED
                found.append(words.candidate(pair, weight, "correction"))
        likeliest = max((one.weight for one in found), default=0.0)
        return [one for one in found if one.weight >= _PARTED * likeliest]

    def _pairs(self, here: Place) -> list[tuple[int, int]]:
        """The ids of two words that make one as it is typed, for the likeliest first of them."""
        words, typed = self._words, self._words.spelling(here.typed.word)
        if words.model.options.tokenizer != "words" or words.undrawn_id(typed) is not None:
            return []  # not "hell oooo"
        found = []
        for at in range(1, len(typed)):
            first, second = words.whole_id(typed[:at]), words.whole_id(typed[at:])
            if first is None or second is None or not here.allowed[[first, second]].all():
                continue
            if second < FREQUENT or not words.is_name[second]:  # "and I", not "you Tom"
                found.append((first, second))
        return sorted(found, key=lambda pair: -here.likely[pair[0]])[:_APART]
