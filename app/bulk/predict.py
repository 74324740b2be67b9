"""Phrases -> lines of JSON, one a phrase: a prediction, or the problem of that phrase alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.api.native import encoding
from app.arrays import Context
from app.bulk.source import Phrase
from app.engines.topk import BATCHED_K, Ranking
from app.errors import RequestError
from app.http import problems
from app.http.exchange import encode
from app.model import Model
from app.serving.results import in_batches


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
    computed = _ranked(model, sound, question.top_k) if ranked else in_batches(model, sound, None)
    before = encoding.before_phrase(model)
    lines: list[bytes] = []
    refused = 0
    for phrase, context in zip(phrases, contexts, strict=True):
        result = context if isinstance(context, RequestError) else next(computed)
        if isinstance(result, bytes):
            lines.append(before + encode(phrase) + result)
        elif isinstance(result, RequestError):
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


def _ranked(model: Model, contexts: list[Context], k: int) -> Iterator[Any]:
    """For each of them what `in_batches` says, rankings written as what follows the phrase. What
    phrases have in common is computed and written once.
    """
    distinct = list(dict.fromkeys(contexts))
    results: dict[Context, Any] = dict(zip(distinct, in_batches(model, distinct, k), strict=True))
    if not model.options.drop_unknown:  # else answers to the same ids differ
        rankings = {one: found for one, found in results.items() if isinstance(found, Ranking)}
        written = encoding.after_phrase(model, list(rankings.values()))
        results.update(zip(rankings, written, strict=True))
    return map(results.__getitem__, contexts)


def _answer(model: Model, phrase: str, result: Any, question: Question) -> Any:
    if isinstance(result, Ranking):
        answer: Any = encoding.predicted(model, phrase, result)
    else:
        answer = model.answer(phrase, result.probabilities, question.top_k, question.prefix)
    return encoding.with_left_out(model, phrase, answer)
