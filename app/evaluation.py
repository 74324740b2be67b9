"""How good a model is on a text: perplexity, and how often the word that came was suggested.

Every line is a sentence with a state of its own. Perplexity counts every word given the words
before it, and the end mark where the model has one; words outside the vocabulary count as the
unknown word. For top-k a word outside the vocabulary is a miss, and what is never suggested (marks,
blocked words) is left out of the ranking, as `predict` leaves it out. The end mark is no target.
"""

import math
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from app.arrays import Floats, Indices, Mask
from app.engines.activations import log_softmax
from app.errors import CorpusError
from app.inspection import logits_before
from app.model import Model
from app.text.encoding import Encoded, encode

_LINES = 32  # at a time
_POSITIONS = 512  # distributions held at once


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Shares are of `words`, the words that could be suggested or were missed."""

    sentences: int
    words: int
    out_of_vocabulary: int
    perplexity: float
    top_1: float
    top_3: float
    top_5: float
    words_per_second: float

    def as_metrics(self) -> dict[str, float]:
        """Rounded, for a model card; speed is the machine's, not the model's."""
        fields = asdict(self)
        fields.pop("words_per_second")
        return {name: round(value, 4) for name, value in fields.items()}


@dataclass(slots=True)
class _Tally:
    nats: float = 0.0
    predicted: int = 0
    words: int = 0
    unknown: int = 0
    hits: list[int] = field(default_factory=lambda: [0, 0, 0])  # within the first 1, 3, 5


def evaluate(model: Model, lines: Iterable[str]) -> Evaluation:
    """Evaluate a model on lines of text.

    Raises CorpusError where no line has a word to predict, UnknownWords where the model has no
    unknown word and a line has one.
    """
    tally = _Tally()
    sentences = 0
    started = time.perf_counter()
    remaining = iter(lines)
    while some := list(islice(remaining, _LINES)):
        encoded = [encode(line, model.vocabulary, model.options) for line in some]
        for one in encoded:
            tally.words += len(one.ids) - (model.start_id is None and bool(one.ids))
            tally.unknown += len(one.unknown)
        sentences += sum(bool(one.ids) for one in encoded)
        _add(model, [one for one in encoded if one.ids], tally)
    if not tally.predicted:
        raise CorpusError("the text has no word to predict")
    seconds = time.perf_counter() - started
    words = max(1, tally.words)
    top_1, top_3, top_5 = (hits / words for hits in tally.hits)
    return Evaluation(
        sentences,
        tally.words,
        tally.unknown,
        math.exp(tally.nats / tally.predicted),
        top_1,
        top_3,
        top_5,
        tally.predicted / seconds,
    )


def _add(model: Model, sentences: Sequence[Encoded], tally: _Tally) -> None:
    for logits, targets, missed in _distributions(model, sentences):
        rows = np.arange(len(targets))
        scores = logits[rows, targets]
        tally.nats -= float(log_softmax(logits, targets).sum(dtype=np.float64))
        tally.predicted += len(targets)
        wanted = model.suggestible[targets] & ~missed
        better = (logits > scores[:, None]) & model.suggestible
        ties = (logits == scores[:, None]) & model.suggestible
        ties &= np.arange(logits.shape[1]) < targets[:, None]  # a tie goes to the lower id
        ranks = better.sum(axis=1) + ties.sum(axis=1)
        for at, k in enumerate((1, 3, 5)):
            tally.hits[at] += int((wanted & (ranks < k)).sum())


def _distributions(
    model: Model, sentences: Sequence[Encoded]
) -> Iterator[tuple[Floats, Indices, Mask]]:
    """Logits [n, V], targets [n] and which are outside the vocabulary [n], for all positions."""
    first = 0 if model.start_id is not None else 1
    mark = [] if model.start_id is None else [model.start_id]
    for sentence in sentences:
        ids = [*sentence.ids, *mark]
        unknown = set(sentence.unknown)
        for begin in range(first, len(ids), _POSITIONS):
            positions = range(begin, len(ids))[:_POSITIONS]
            yield (
                logits_before(model, sentence.ids, positions),
                np.array([ids[at] for at in positions], np.intp),
                np.array([at in unknown for at in positions], np.bool_),
            )


def missed_phrases(model: Model, expected: Mapping[str, Sequence[str]], k: int = 3) -> list[str]:
    """The phrases none of whose expected words stands among the first k suggestions."""
    return [
        phrase
        for phrase, words in expected.items()
        if not {one.word.lower() for one in model.predict(phrase, k).predictions}
        & {word.lower() for word in words}
    ]


def read_expected(path: Path) -> dict[str, list[str]]:
    """Phrases and the words that may come next, from a TOML file of `"phrase" = ["word", …]`.

    Raises CorpusError where it is anything else.
    """
    try:
        content = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CorpusError(f"{path.name} cannot be read: {error}") from error
    for phrase, words in content.items():
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise CorpusError(f"{path.name}: {phrase!r} needs a list of words")
    if not content:
        raise CorpusError(f"{path.name} has no phrases")
    return content
