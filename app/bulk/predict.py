"""Phrases -> lines of JSON, one a phrase: a prediction, or the problem of that phrase alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.api.native import encoding
from app.bulk.source import Phrase
from app.engines.topk import BATCHED_K, Ranking
from app.errors import RequestError
from app.http import problems
from app.http.exchange import encode
from app.model import Model
from app.network import Context
from app.serving.batching import in_batches


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every phrase, as in `/v1/predict`."""

    top_k: int
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """A finished chunk: `data` has a line for each of its `lines` phrases."""

    data: bytes
    lines: int
    problems: int


def predict(model: Model, phrases: Sequence[Phrase], question: Question) -> Lines:
    """The answers, in the order of the phrases."""
    contexts = [_context(model, phrase) for phrase in phrases]
    sound = [context for context in contexts if not isinstance(context, RequestError)]
    ranked = not question.prefix and question.top_k <= BATCHED_K
    computed = in_batches(model, sound, question.top_k if ranked else None)
    lines: list[bytes] = []
    refused = 0
    for phrase, context in zip(phrases, contexts, strict=True):
        result = context if isinstance(context, RequestError) else next(computed)
        if isinstance(result, RequestError):
            refused += 1
            lines.append(problems.encode(problems.problem(result)))
        elif isinstance(result, Exception):
            raise result
        else:
            lines.append(encode(_answer(model, str(phrase), result, question)))
    return Lines(b"\n".join([*lines, b""]), len(phrases), refused)


def _context(model: Model, phrase: Phrase) -> Context | RequestError:
    if isinstance(phrase, RequestError):
        return phrase
    try:
        return model.context(phrase)
    except RequestError as error:
        return error


def _answer(model: Model, phrase: str, result: Any, question: Question) -> Any:
    if isinstance(result, Ranking):
        return encoding.predicted(model, phrase, result)
    return model.answer(phrase, result.probabilities, question.top_k, question.prefix)
