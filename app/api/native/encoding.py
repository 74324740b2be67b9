"""Answers -> JSON bytes. Numbers are written with float32's precision.

The encoder writes a dictionary several times faster than a data class with slots; where answers
are large or many they are made of dictionaries, with the field names of `answers.py`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from operator import add
from typing import Any, NotRequired
from weakref import WeakKeyDictionary

import orjson
from typing_extensions import TypedDict

from app.answers import Number, Prediction
from app.engines.base import Outputs
from app.engines.topk import Ranking
from app.errors import UnknownWord
from app.http.exchange import encode
from app.http.pieces import listed, object_of
from app.model import Model
from app.text.vocabulary import Vocabulary

_words: WeakKeyDictionary[Vocabulary, orjson.Fragment] = WeakKeyDictionary()
_entries: WeakKeyDictionary[Vocabulary, tuple[list[bytes], list[bytes]]] = WeakKeyDictionary()


# `answers.Predicted` as it is written: with `unknown` where the model drops unknown words.
class Predicted(TypedDict):
    """The most probable next words, best first; `next_word` is null where no word fits."""

    model: str
    phrase: str
    next_word: str | None
    predictions: tuple[Prediction, ...]
    unknown: NotRequired[tuple[UnknownWord, ...]]


class PrefixPredicted(Predicted):
    """The most probable next words that begin with `prefix`."""

    prefix: str
    prefix_mass: Number


def predicted(model: Model, phrase: str, ranking: Ranking) -> dict[str, Any]:
    """`answers.Predicted`."""
    words = model.vocabulary.words
    best = [
        {"word": words[number], "id": number, "probability": probability}
        for number, probability in zip(ranking.ids, ranking.probabilities, strict=True)
    ]
    next_word = best[0]["word"] if best else None
    return {"model": model.id, "phrase": phrase, "next_word": next_word, "predictions": best}


def after_phrase(model: Model, rankings: Sequence[Ranking]) -> list[bytes]:
    """What follows the phrase in `encode(predicted(…))` of each, to the last byte, several times
    faster: words are written once a model, and the numbers of all rankings at once.
    """
    words, entries = _written(model.vocabulary)
    numbers = encode([number for _, numbers in rankings for number in numbers])[1:-1].split(b",")
    ids = [number for ids, _ in rankings for number in ids]
    best = list(map(add, map(entries.__getitem__, ids), numbers))
    written: list[bytes] = []
    start = 0
    for ids, _ in rankings:
        if ids:
            end = start + len(ids)
            written.append(words[ids[0]] + b"},{".join(best[start:end]) + b"}]}")
            start = end
        else:
            written.append(b',"next_word":null,"predictions":[]}')
    return written


def before_phrase(model: Model) -> bytes:
    """What is before the phrase in `encode(predicted(…))`."""
    return b'{"model":%b,"phrase":' % encode(model.id)


def _written(vocabulary: Vocabulary) -> tuple[list[bytes], list[bytes]]:
    """What comes before the predictions where a word is the best, and its entry among them up to
    the probability.
    """
    written = _entries.get(vocabulary)
    if written is None:
        words = [encode(word) for word in vocabulary.words]
        written = _entries[vocabulary] = (
            [b',"next_word":%b,"predictions":[{' % word for word in words],
            [b'"word":%b,"id":%d,"probability":' % (word, at) for at, word in enumerate(words)],
        )
    return written


def with_left_out(model: Model, phrase: str, answer: Any) -> Any:
    """The same answer with the `unknown` words that this model's card has dropped, if any."""
    unknown = model.left_out(phrase)
    if not unknown:
        return answer
    named = (
        answer
        if isinstance(answer, dict)
        else {field.name: getattr(answer, field.name) for field in fields(answer)}
    )
    return {**named, "unknown": unknown}


def distribution(model: Model, phrase: str, outputs: Outputs) -> dict[str, Any]:
    """`answers.Distribution`; the words are written once for all answers."""
    words = _words.get(model.vocabulary)
    if words is None:
        words = _words[model.vocabulary] = orjson.Fragment(orjson.dumps(model.vocabulary.words))
    return {
        "model": model.id,
        "phrase": phrase,
        "words": words,
        "probabilities": outputs.probabilities,
        "logits": outputs.logits,
    }


def pieces(answer: Any) -> Iterator[bytes]:
    """A data class as JSON, an element of its tuples at a time: the encoder keeps others from the
    interpreter while it works.
    """
    return object_of((field.name, _value(getattr(answer, field.name))) for field in fields(answer))


def _value(value: Any) -> Iterable[bytes]:
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return listed(map(encode, value))
    return (encode(value),)
