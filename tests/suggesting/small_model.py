"""A model of a few words whose distributions are written down in the test."""

from collections.abc import Sequence

import numpy as np

from app.answers import Suggested
from app.arrays import Context, Floats
from app.engines.numpy_engine import NumpyEngine
from app.folder.card import Card
from app.model import Model
from app.suggesting.place import Asked
from app.suggesting.running import run
from app.suggesting.suggester import Suggester
from app.text.vocabulary import Vocabulary
from tests.small_models import small_network

MARKS = ("</s>", "<unk>", "<num>")
WORDS = (
    "i", "i'm", "the", "they", "store", "story", "storm", "stupid", "don't", "know", "known", "new",
    "york", "year", "happy", "very", "much", "you", "kill", "yourself", "time", "monday", "in",
    "may", "receive", "recent", "thank", "going", "to", "it", "is", "thanks", "are", "until", "or",
    "because", "cost",
)  # fmt: skip
CARD = {
    "max_length": 8,
    "tokenizer": "words",
    "lowercase": True,
    "start": "</s>",
    "unknown": "<unk>",
    "number": "<num>",
    "blocked": ["stupid"],
    "blocked_after": [{"after": ["kill"], "words": ["yourself"]}],
    "shown_as": {
        "i": "I", "i'm": "I'm", "monday": "Monday", "york": "York", "new york": "New York",
        "in may": "in May",
    },
}  # fmt: skip
_REST = 1e-5  # of every word that a test does not name


def model(more: Sequence[str] = (), **card: object) -> Model:
    """A network of random weights, which nobody asks, around these words, and more."""
    known = {word: number for number, word in enumerate((*MARKS, *WORDS, *more), 1)}
    options = Card.model_validate({**CARD, **card})
    vocabulary = Vocabulary(known, lowercase=True, shown_as=options.shown_as)
    engine = NumpyEngine(small_network(classes=len(known) + 1))
    text = options.text_options(engine.network, vocabulary)
    blocked = frozenset(options.blocked)
    return Model("small", vocabulary, text, options.model_dump(), engine, "0" * 64, blocked)


class Typist:
    """Asks a suggester; after each phrase it says what the test has written down for it."""

    def __init__(
        self, said: dict[str, dict[str, float]], more: Sequence[str] = (), **card: object
    ) -> None:
        self.model = model(more, **card)
        self.asked: list[Context] = []
        self._suggester = Suggester(self.model)
        if self.model.start_id is not None:
            said = {"": {}, **said}
        self._said = {self.model.context(phrase): words for phrase, words in said.items()}

    def __call__(self, text: str, **options: object) -> Suggested:
        return run(self._suggester.suggest(Asked(text, **options)), self._distribution)  # type: ignore[arg-type]

    def texts(self, text: str, **options: object) -> list[str]:
        return [one.text for one in self(text, **options).suggestions]

    def _distribution(self, context: Context) -> Floats:
        self.asked.append(context)
        said = np.full(len(self.model.vocabulary.words), _REST, np.float32)
        for word, probability in self._said[context].items():
            said[self.model.vocabulary.word_to_id[word]] = probability
        return said


class Remembering(Typist):
    """Says the very array again that it has said after a phrase, as a service does."""

    def __init__(self, said: dict[str, dict[str, float]], **card: object) -> None:
        super().__init__(said, (), **card)
        self._given: dict[Context, Floats] = {}

    def says(self, phrase: str, words: dict[str, float]) -> None:
        """Say something else after this phrase from now on."""
        context = self.model.context(phrase)
        self._said[context] = words
        self._given.pop(context, None)

    def _distribution(self, context: Context) -> Floats:
        if context not in self._given:
            self._given[context] = super()._distribution(context)
        return self._given[context]
