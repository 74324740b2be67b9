"""What a text box needs, in one call: the words that may come next, or that are half typed.

A `Suggester` decides between completing, correcting and going on, in the typist's case and with the
spaces that a keyboard would add. It computes no distribution: `suggest` is a generator that yields
phrases and is sent what the model says of each, so that whoever runs it may multiply many callers'
phrases together. Knows nothing about HTTP. Shapes: V words, N candidates.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from app.answers import Suggested, Suggestion
from app.arrays import Context, Floats, Mask
from app.errors import RequestError, UnknownWords
from app.model import Model
from app.suggesting.recent import RecentWords
from app.suggesting.words import Begun, Candidate, Words
from app.text.casing import Casing, as_typed
from app.text.tokens import tokenize
from app.text.typed import Typed, read_typed

_RARE = 1e-4  # of what is typed, by all words that begin so: it may be a mistake after all
_WHOLE = 0.95  # of what is typed, by the word that it is: the next one is offered then
_SENTENCES = 256  # remembered as they were read: a keyboard asks about one with every letter
_RECENT = 0.2  # share of the probability that goes by what the person wrote before

Steps = Generator[Sequence[Context], Sequence[Floats], Suggested]


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: `text` is everything before the cursor; DESIGN and docs/http.md tell the rest."""

    text: str
    count: int = 3
    words: int = 1
    min_probability: float = 0.1
    exclude: tuple[str, ...] = ()
    fresh: bool = False
    recent: str = ""


class _Sentence(NamedTuple):
    """What is being written, as the model reads it."""

    context: Context
    text: str  # that the context was read from
    unknown: tuple[str, ...]
    last: str  # the word before the cursor, as it is spelled
    barred: tuple[int, ...]  # ids of words that are not suggested in it


class Suggester:
    """Answers for one model. Immutable once it is built; safe to use from any thread."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._words = Words(model)
        self._stand_in = model.options.unknown or ""  # for an address
        self._casing = Casing(model.card.get("shown_as", {}))
        self._read = lru_cache(_SENTENCES)(partial(_sentence, model, self._words))

    def suggest(self, asked: Asked) -> Steps:
        """Yields the contexts whose distributions [V] are needed, and returns the answer.

        Raises EmptyPhrase where nothing is written and the model has no start word.
        """
        typed = read_typed(asked.text, self.model.options.tokenizer, self._stand_in)
        sentence = self._read(typed.sentence)
        (said,) = yield (sentence.context,)
        begun = self._words.begun(typed.word, said, self.model.suggestible) if typed.word else None
        if begun is not None and self._is_whole(typed.word, said, begun):
            typed = typed.finished()
            sentence = self._read(typed.sentence)
            (said,) = yield (sentence.context,)
        allowed = self._allowed(sentence.barred, asked)
        recent = RecentWords.of(asked.recent) if asked.recent else None
        mixed = said if recent is None else self._words.mixed(said, recent, _RECENT)
        shown = self._shown_before(mixed, typed, allowed, asked) if asked.fresh else set()
        if typed.named:
            mixed = self._words.as_name(mixed)
        if not typed.word:
            count = 0 if typed.unguessable else asked.count
            best = self._words.best(mixed, allowed, count).best
        else:
            if begun is None or mixed is not said or allowed is not self.model.suggestible:
                begun = self._words.begun(typed.word, mixed, allowed)
            best = self._completions(begun, mixed, typed, allowed, recent, asked, shown)
        paths = [[one.word] for one in best]
        probabilities = [one.weight for one in best]
        if asked.words > 1:
            yield from self._extend(paths, probabilities, sentence, asked)
        return self._answer(asked, typed, sentence, said, best, paths, probabilities)

    def _is_whole(self, word: str, said: Floats, begun: Begun) -> bool:
        """Whether what is typed is a word already, and seldom the beginning of another."""
        number = self._words.id_of(word)
        if number is None or not self.model.suggestible[number]:
            return False
        return bool(said[number] >= _WHOLE * begun.mass)

    def _allowed(self, barred: Sequence[int], asked: Asked) -> Mask:
        """[V] what may be suggested where these words may not."""
        allowed = self.model.suggestible
        if barred or asked.exclude:
            allowed = allowed.copy()
            allowed[[*barred, *self._words.ids_of(asked.exclude)]] = False
        return allowed

    def _completions(
        self,
        begun: Begun,
        said: Floats,
        typed: Typed,
        allowed: Mask,
        recent: RecentWords | None,
        asked: Asked,
        shown: set[str],
    ) -> list[Candidate]:
        """The best words here, their weights being their shares of what all of them have."""
        most = asked.count + len(shown) + 1  # one more may stand there already
        words, word = self._words, typed.word
        found = words.completing(begun, most)
        unknown = self._unknown_recent(word, recent, asked)
        best = found.best + unknown
        mass = found.mass + sum(one.weight for one in unknown)
        if mass < _RARE and not words.knows(word.removesuffix("'s")):  # "Mary's" is no mistake
            mistyped = words.mistyped(word, said, allowed, most)
            best, mass = best + mistyped.best, mass + mistyped.mass
        best.sort(key=lambda one: -one.weight)
        kept: list[Candidate] = []
        for shown_as, weight, kind in best:
            lowered = shown_as.lower()
            there = lowered == word.lower() and self._insertion([shown_as], typed, "") == word
            if not there and lowered not in shown:  # taking it would change something
                kept.append(Candidate(shown_as, weight / (mass or 1), kind))
        return kept[: asked.count]

    def _unknown_recent(
        self, typed: str, recent: RecentWords | None, asked: Asked
    ) -> list[Candidate]:
        """What the person wrote before and the model does not know."""
        if recent is None:
            return []
        excluded = {word.lower() for word in asked.exclude}
        return [
            Candidate(word, _RECENT * share, "completion")
            for word, share in recent.beginning_with(typed)
            if not self._words.knows(word) and word.lower() not in excluded
        ]

    def _shown_before(self, said: Floats, typed: Typed, allowed: Mask, asked: Asked) -> set[str]:
        """What was shown for fewer letters of this word, and not taken."""
        shown: set[str] = set()
        for letters in range(len(typed.word)):
            word = typed.word[:letters]
            if word:
                begun = self._words.begun(word, said, self.model.suggestible)
                if self._is_whole(word, said, begun):
                    continue
                named = typed._replace(word=word).named
                if named or allowed is not self.model.suggestible:
                    weights = self._words.as_name(said) if named else said
                    begun = self._words.begun(word, weights, allowed)
                found = self._words.completing(begun, asked.count + len(shown) + 1)
            else:
                found = self._words.best(said, allowed, asked.count)
            new = [one.word.lower() for one in found.best]
            new = [one for one in new if one not in shown and one != word.lower()]
            shown.update(new[: asked.count])
        return shown

    def _extend(
        self,
        paths: list[list[str]],
        probabilities: list[float],
        sentence: _Sentence,
        asked: Asked,
    ) -> Generator[Sequence[Context], Sequence[Floats], None]:
        """Go on with each path while it stays probable enough and the sentence does not end."""
        running = [at for at, p in enumerate(probabilities) if p >= asked.min_probability]
        end = self.model.start_id
        while running:
            texts = [" ".join([sentence.text, *paths[at]]) for at in running]
            saids = yield [self.model.context(text) for text in texts]
            going_on = []
            for at, text, said in zip(running, texts, saids, strict=True):
                barred = (*sentence.barred, *self._words.barred_after(text))
                allowed = self._allowed(barred, asked)
                best = self._words.best(said, allowed, 1).best
                if not best or (end is not None and said[end] > best[0].weight):
                    continue
                if probabilities[at] * best[0].weight < asked.min_probability:
                    continue
                paths[at].append(best[0].word)
                probabilities[at] *= best[0].weight
                going_on.append(at)
            running = [at for at in going_on if len(paths[at]) < asked.words]

    def _answer(
        self,
        asked: Asked,
        typed: Typed,
        sentence: _Sentence,
        said: Floats,
        best: list[Candidate],
        paths: list[list[str]],
        probabilities: list[float],
    ) -> Suggested:
        suggestions = []
        space = " " if typed.space else ""
        for one, path, probability in zip(best, paths, probabilities, strict=True):
            text = self._insertion(path, typed, sentence.last)
            words = tuple(text.split())
            inserted = f"{space}{text} "
            suggestions.append(Suggestion(inserted, words, np.float32(probability), one.kind))
        end = self.model.start_id
        ends = None if end is None or typed.word else said[end]
        return Suggested(
            self.model.id,
            asked.text,
            typed.replace,
            typed.word,
            tuple(suggestions),
            sentence.unknown,
            ends,
        )

    def _insertion(self, path: list[str], typed: Typed, before: str) -> str:
        words = self._casing.written(path, before)
        words[0] = as_typed(words[0], typed.word, begins=typed.begins)
        if len(words) > 1 and words[0].isupper() and len(typed.word) > 1:
            words = [word.upper() for word in words]
        return " ".join(words)


def _sentence(model: Model, words: Words, text: str) -> _Sentence:
    """What stands before the half-typed word. A word that the model does not know, and has no
    word to stand in for, is left out.
    """
    try:
        context = model.context(text)
    except UnknownWords:
        context = ()
    stand_in = model.vocabulary.id_of(model.options.unknown)
    whole = context and stand_in not in context and len(context) < model.options.max_length
    barred = words.barred_after(text)  # as it was written: the model may not know a group's name
    typed = text.split()
    last = typed[-1].lower() if typed else ""
    if whole:
        return _Sentence(context, text, (), last, barred)
    tokens = [token.text for token in tokenize(text, model.options)]
    known = [words.understood(token) for token in tokens]
    unknown = tuple(dict.fromkeys(w for w, k in zip(tokens, known, strict=True) if k is None))
    standing = [model.options.unknown if word is None else word for word in known]
    text = " ".join(word for word in standing if word)
    meant = words.barred_after(text)  # and as it is understood: "klil"
    return _Sentence(model.context(text), text, unknown, last, (*barred, *meant))


_suggesters: dict[str, Suggester] = {}  # by the model's id


def known_suggester(model: Model) -> Suggester | None:
    """The model's suggester, where it has been built."""
    found = _suggesters.get(model.id)
    return found if found is not None and found.model is model else None


def suggester_of(model: Model) -> Suggester:
    """The model's suggester, built when it is first asked for: some 30 ms for 14,000 words."""
    found = known_suggester(model)
    if found is None:
        found = _suggesters[model.id] = Suggester(model)
    return found


def keep_only(models: Iterable[Model]) -> None:
    """Let go of the suggesters of all other models: they hold them, whoever else has let go."""
    kept = {id(model) for model in models}
    for name, suggester in list(_suggesters.items()):
        if id(suggester.model) not in kept:
            _suggesters.pop(name, None)


def run(steps: Steps, distribution: Callable[[Context], Floats]) -> Suggested:
    """Answer at once, `distribution` giving the probabilities [V] after a context."""
    try:
        contexts = next(steps)
        while True:
            contexts = steps.send([distribution(context) for context in contexts])
    except StopIteration as stop:
        answer: Suggested = stop.value
        return answer


def run_together(
    many: Sequence[Steps],
    distributions: Callable[[Sequence[Context]], Iterable[Floats | Exception]],
) -> list[Suggested | Exception]:
    """Answer several at once, what they ask at a time going through the same products. What cannot
    be answered is an exception in its place.
    """
    answers: dict[int, Suggested | Exception] = {}
    said: dict[int, list[Floats] | None] = dict.fromkeys(range(len(many)))
    while said:
        asked: dict[int, Sequence[Context]] = {}
        for at, wanted in said.items():
            try:
                asked[at] = many[at].send(wanted)  # type: ignore[arg-type] # None begins
            except StopIteration as stop:
                answers[at] = stop.value
            except RequestError as error:
                answers[at] = error
        contexts = list(dict.fromkeys(one for some in asked.values() for one in some))
        found = dict(zip(contexts, distributions(contexts), strict=True))
        said = {}
        for at, some in asked.items():
            given = [found[one] for one in some]
            sound = [one for one in given if not isinstance(one, Exception)]
            if len(sound) == len(given):
                said[at] = sound
            else:
                answers[at] = next(one for one in given if isinstance(one, Exception))
    return [answers[at] for at in range(len(many))]
