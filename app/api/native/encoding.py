"""Answers -> JSON bytes. Numbers are written with float32's precision.

The encoder writes a dictionary several times faster than a data class with slots; where answers
are large or many they are made of dictionaries, with the field names of `answers.py`.
"""

from typing import Any
from weakref import WeakKeyDictionary

import orjson

from app.engines.base import Outputs
from app.engines.topk import Ranking
from app.model import Model
from app.text.vocabulary import Vocabulary

_words: WeakKeyDictionary[Vocabulary, orjson.Fragment] = WeakKeyDictionary()


def predicted(model: Model, phrase: str, ranking: Ranking) -> dict[str, Any]:
    """`answers.Predicted`."""
    words = model.vocabulary.words
    best = [
        {"word": words[number], "id": number, "probability": probability}
        for number, probability in zip(ranking.ids, ranking.probabilities, strict=True)
    ]
    next_word = best[0]["word"] if best else None
    return {"model": model.id, "phrase": phrase, "next_word": next_word, "predictions": best}


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
