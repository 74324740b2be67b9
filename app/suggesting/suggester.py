"""What a text box needs, in one call: the words that may come next, or that are half typed.

A `Suggester` decides between completing, correcting and going on, in the typist's case and with the
spaces that a keyboard would add. It computes no distribution: `suggest` is a generator that yields
phrases and is sent what the model says of each, so that whoever runs it may multiply many callers'
phrases together. Knows nothing about HTTP. Shapes: V words, N candidates.
"""

from collections.abc import Generator, Iterable, Sequence
from functools import lru_cache, partial
from threading import Lock

import numpy as np

from app.answers import Suggested, Suggestion
from app.arrays import Context, Floats, Mask
from app.model import Model
from app.suggesting.corrections import Corrections
from app.suggesting.left import LeftBefore
from app.suggesting.place import Asked, Place
from app.suggesting.recent import RecentWords
from app.suggesting.sentence import Sentence, is_country, read_sentence
from app.suggesting.usual import Usual
from app.suggesting.words import Begun, Candidate, Words
from app.text.abbreviations import SEVERAL
from app.text.casing import Casing, as_typed, in_capitals, may_be_acronym
from app.text.contractions import SLIPPED
from app.text.tokens import APOSTROPHES
from app.text.typed import Typed, read_typed

_RARE = 1e-4  # of what is typed, by all words that begin so: it may be a mistake after all
_WHOLE = 0.95  # of what is typed, by the word that it is: the next one is offered then
_SENTENCES = 256  # remembered as they were read: a keyboard asks about one with every letter
_RECENT = 0.2  # share of the probability that goes by what the person wrote before

Steps = Generator[Sequence[Context], Sequence[Floats], Suggested]


class Suggester:
    """Answers for one model; what it remembers changes no answer. Safe to use from any thread."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._words = Words(model)
        self._corrections = Corrections(self._words)
        self._stand_in = model.options.unknown or ""  # for an address
        self._casing = Casing(model.card.get("shown_as", {}))
        self._read = lru_cache(_SENTENCES)(partial(read_sentence, model, self._words))
        self._left = LeftBefore()
        self._first: Floats | None = None  # [V] what begins a sentence, once it is known

    def suggest(self, asked: Asked) -> Steps:
        """Yields the contexts whose distributions [V] are needed, and returns the answer.

        Raises EmptyPhrase where nothing is written and the model has no start word.
        """
        typed = read_typed(asked.text, self.model.options.tokenizer, self._stand_in)
        sentence = self._read(typed.sentence)
        (said,) = yield (sentence.context,)
        likely = said if not sentence.anew else (yield from self._anew(said))
        likely = _usual(likely, sentence.usual)
        begun = None
        if typed.word:
            begun = self._words.begun(typed.word, likely, self.model.suggestible)
            whole = self._is_whole(typed.word, likely, begun)
            whole = whole or is_country(typed.sentence, sentence.last, typed.word)
            if whole and (asked.fresh or not self._lacks_capital(typed.word, sentence.last)):
                typed = typed.finished()
                sentence = self._read(typed.sentence)
                (said,) = yield (sentence.context,)
                likely = _usual(said, sentence.usual)
        here = self._place(asked, typed, sentence, likely)
        if asked.fresh and typed.word:
            yield from self._note_shown(here, said)
        best = yield from self._best(here, begun)
        if asked.fresh and here.plain and not typed.unguessable:
            shown = here.shown.union(one.text.lower() for one in best)
            self._left.keep(typed.sentence, asked.count, typed.word, said, frozenset(shown))
        paths = [[one.word, *one.more] for one in best]
        probabilities = [one.weight for one in best]
        if asked.words > 1:
            yield from self._extend(paths, probabilities, here)
        return self._answer(here, said, best, paths, probabilities)

    def _anew(self, said: Floats) -> Generator[Sequence[Context], Sequence[Floats], Floats]:
        """Probabilities [V] behind a mark inside a sentence, where a clause may begin: the mean, of
        their logarithms, of what follows the words before it and what begins a sentence.
        """
        if self._first is None:
            (self._first,) = yield (self.model.context(""),)
        both: Floats = np.sqrt(said * self._first)
        both /= np.add.reduce(both)
        return both

    def _place(self, asked: Asked, typed: Typed, sentence: Sentence, likely: Floats) -> Place:
        """What is known where the typist stands."""
        allowed = self._allowed(sentence.barred, asked)
        recent = RecentWords.of(asked.recent) if asked.recent else None
        mixed = likely
        if recent is not None:
            mixed = self._words.mixed(likely, recent, _RECENT, sentence.last)
        plain = mixed is likely and allowed is self.model.suggestible
        return Place(asked, typed, sentence, mixed, allowed, plain, recent, set())

    def _best(
        self, here: Place, begun: Begun | None
    ) -> Generator[Sequence[Context], Sequence[Floats], list[Candidate]]:
        """What is offered here, best first. `begun` are the words that begin as is typed, where
        they are known without what this person wants.
        """
        typed, words = here.typed, self._words
        if not typed.word:
            count = 0 if typed.unguessable else here.asked.count
            return words.best(here.likely, here.allowed, count).best
        named = here.named
        if named:
            here = here._replace(likely=words.as_name(here.likely, here.sentence.usual))
        if begun is None or named or not here.plain:
            begun = words.begun(typed.word, here.likely, here.allowed)
        return (yield from self._completions(begun, here))

    def _is_whole(self, word: str, said: Floats, begun: Begun) -> bool:
        """Whether what is typed is a word already, and seldom the beginning of another. One that
        the model does not know may be a plural: "parcels".
        """
        number = self._words.id_of(word)
        if number is None:
            if len(begun.ids) or word.lower() in SEVERAL:
                return False
            ended = word[-1] not in APOSTROPHES or word[-2:-1] in "sS"  # "the boys'"
            return ended and self._words.is_sound(word)
        if SLIPPED in word or not self.model.suggestible[number]:
            return False
        return bool(said[number] >= _WHOLE * begun.mass)

    def _lacks_capital(self, word: str, before: str) -> bool:
        """Whether a word in small letters is shown with a capital of its own: "friday"."""
        if not word.islower():
            return False
        shown = self._words.shown(word) or word
        return not self._casing.written([shown], before)[0].islower()

    def _allowed(self, barred: Sequence[int], asked: Asked) -> Mask:
        """[V] what may be suggested where these words may not."""
        allowed = self.model.suggestible
        if barred or asked.exclude:
            excluded = (self._words.understood(word, short=False) for word in asked.excluded)
            allowed = allowed.copy()
            allowed[[*barred, *self._words.ids_of(filter(None, excluded))]] = False
        return allowed

    def _completions(
        self, begun: Begun, here: Place
    ) -> Generator[Sequence[Context], Sequence[Floats], list[Candidate]]:
        """The best words here, their weights being their shares of what all of them have."""
        count, word, words = here.asked.count, here.typed.word, self._words
        most = count + len(here.shown) + 1  # one more may stand there already
        best, mass = words.completing(begun, most)
        if here.recent is not None:
            unknown = self._unknown_recent(word, here.recent, here.asked)
            best = sorted(best + unknown, key=_by_weight)
            mass += sum(one.weight for one in unknown)
        others = self._corrections.written_out(here)
        mistaken = mass < _RARE and not others and not words.is_sound(word)
        mistaken = mistaken and (here.shouted or not may_be_acronym(word))
        if mistaken:
            others, others_mass = yield from self._corrections.of(here, begun.ids, most)
            mass += others_mass
        elif others:
            mass += others[0].weight
        if others:
            best = sorted(best + others, key=_by_weight)
        kept = [one for one in best if self._is_news(one, here)]
        if mistaken and best:
            kept = self._still_meant(best, kept, here)
        chosen = kept[:count]
        if mistaken and count > 1 and all(one.kind == "correction" for one in chosen):
            rare = [one for one in kept[count:] if one.kind == "completion"]
            chosen = chosen[: count - len(rare[:1])] + rare[:1]  # what is typed may be right
        mass = mass or 1
        return [Candidate(one.word, one.weight / mass, one.kind, one.more) for one in chosen]

    def _still_meant(
        self, best: list[Candidate], kept: list[Candidate], here: Place
    ) -> list[Candidate]:
        """What is `kept` of the best, and is offered where letters are wrong: the likeliest
        correction though it was shown, for it is meant after all; and where the likeliest is a
        word that begins so, and was shown and left, nothing farther off.
        """
        likeliest = best[0]
        if likeliest.kind == "correction":
            return kept if likeliest in kept else [likeliest, *kept]
        if likeliest.text.lower() in here.shown:
            return [one for one in kept if one.kind == "completion"]
        return kept

    def _is_news(self, one: Candidate, here: Place) -> bool:
        """Whether taking it would change something, and it was not shown and left before."""
        lowered, word = one.text.lower(), here.typed.word
        if lowered == word.lower() and self._insertion([one.word], here) == word:
            return False
        if here.asked.exclude and lowered in here.asked.excluded:
            return False
        return lowered not in here.shown or SLIPPED in word  # "don't" was shown for "don"

    def _unknown_recent(self, typed: str, recent: RecentWords, asked: Asked) -> list[Candidate]:
        """What the person wrote before and the model does not know."""
        excluded = self.model.blocked | asked.excluded
        return [
            Candidate(word, _RECENT * share, "completion")
            for word, share in recent.beginning_with(typed)
            if not self._words.knows(word) and word.lower() not in excluded
        ]

    def _note_shown(
        self, here: Place, said: Floats
    ) -> Generator[Sequence[Context], Sequence[Floats], None]:
        """Note what was shown for fewer letters of this word, and not taken: what is remembered of
        it, and what more letters have shown since.
        """
        sentence, whole = here.typed.sentence, here.typed.word
        known = self._left.of(sentence, here.asked.count, whole, said) if here.plain else None
        if known is not None:
            here.shown.update(known.shown)
        for letters in range(len(known.word) + 1 if known else 0, len(whole)):
            word, begun = whole[:letters], None
            if word:
                begun = self._words.begun(word, here.likely, self.model.suggestible)
                if self._is_whole(word, here.likely, begun):
                    continue
            earlier = here._replace(typed=here.typed._replace(word=word))
            best = yield from self._best(earlier, begun)
            here.shown.update(one.text.lower() for one in best)

    def _extend(
        self,
        paths: list[list[str]],
        probabilities: list[float],
        here: Place,
    ) -> Generator[Sequence[Context], Sequence[Floats], None]:
        """Go on with each path while it stays probable enough and the sentence does not end."""
        asked, sentence, words = here.asked, here.sentence, self._words
        running = [
            at
            for at, probability in enumerate(probabilities)
            if probability >= asked.min_probability and len(paths[at]) < asked.words
        ]
        end = self.model.start_id
        while running:
            texts = [" ".join([sentence.text, *paths[at]]) for at in running]
            saids = yield [self.model.context(text) for text in texts]
            going_on = []
            for at, text, said in zip(running, texts, saids, strict=True):
                likely = _usual(said, words.usual_after(text))
                allowed = self._allowed((*sentence.barred, *words.barred_after(text)), asked)
                best = words.best(likely, allowed, 1).best
                if not best or (end is not None and likely[end] > best[0].weight):
                    continue
                if probabilities[at] * best[0].weight < asked.min_probability:
                    continue
                paths[at].append(best[0].word)
                probabilities[at] *= best[0].weight
                going_on.append(at)
            running = [at for at in going_on if len(paths[at]) < asked.words]

    def _answer(
        self,
        here: Place,
        said: Floats,
        best: list[Candidate],
        paths: list[list[str]],
        probabilities: list[float],
    ) -> Suggested:
        suggestions = []
        typed = here.typed
        space = " " if typed.space else ""
        for one, path, probability in zip(best, paths, probabilities, strict=True):
            text = self._insertion(path, here)
            words = tuple(text.split())
            inserted = f"{space}{text} "
            suggestions.append(Suggestion(inserted, words, np.float32(probability), one.kind))
        end = self.model.start_id
        ends = None if end is None or typed.word else said[end]
        return Suggested(
            self.model.id,
            here.asked.text,
            typed.replace,
            typed.word,
            tuple(suggestions),
            here.sentence.unknown,
            ends,
        )

    def _insertion(self, path: list[str], here: Place) -> str:
        typed = here.typed
        words = self._casing.written(path, here.sentence.last)
        words[0] = as_typed(words[0], typed.word, begins=typed.begins)
        shouted = here.shouted and (not typed.word or typed.word.isupper())
        if shouted or in_capitals(typed.word):
            words = [word.upper() for word in words]
        return " ".join(words)


def _usual(said: Floats, usual: Usual | None) -> Floats:
    return said if usual is None else usual.mixed_with(said)


def _by_weight(one: Candidate) -> float:
    return -one.weight


_suggesters: dict[str, Suggester] = {}  # by the model's id
_building = Lock()


def known_suggester(model: Model) -> Suggester | None:
    """The model's suggester, where it has been built."""
    found = _suggesters.get(model.id)
    return found if found is not None and found.model is model else None


def suggester_of(model: Model) -> Suggester:
    """The model's suggester, built once, when first asked for: some 40 ms for 14,000 words."""
    with _building:
        found = _suggesters[model.id] = known_suggester(model) or Suggester(model)
    return found


def keep_only(models: Iterable[Model]) -> None:
    """Let go of the suggesters of all other models: they hold them, whoever else has let go."""
    kept = {id(model) for model in models}
    for name, suggester in list(_suggesters.items()):
        if id(suggester.model) not in kept:
            _suggesters.pop(name, None)
