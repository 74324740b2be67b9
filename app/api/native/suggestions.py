"""Suggestions for a text box, one text or many: `/v1/suggest` and `/v1/suggest/batch`."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any

from app import answers
from app.api.native.answering import recalled, written
from app.api.native.predictions import NDJSON
from app.api.native.requests import SuggestBatchRequest, SuggestRequest
from app.arrays import Context, Floats
from app.engines.base import Outputs
from app.errors import RequestError
from app.http import problems
from app.http.endpoint import GET, Endpoint
from app.http.exchange import Exchange, Reply, encode
from app.http.pieces import made
from app.http.service import Service
from app.model import Model
from app.serving.batching import Batcher
from app.serving.results import in_batches
from app.suggesting.place import Asked
from app.suggesting.running import run_together
from app.suggesting.suggester import (
    Steps,
    Suggester,
    known_suggester,
    suggester_of,
)

_AT_A_TIME = 64  # phrases that texts of one caller may ask about at once, whose lines are a piece


def _asked(text: str, request: SuggestRequest | SuggestBatchRequest) -> Asked:
    return Asked(
        text,
        request.count,
        request.words,
        request.min_probability,
        request.exclude,
        request.fresh,
        request.recent,
    )


async def _suggested(batcher: Batcher, suggester: Suggester, asked: Asked) -> dict[str, Any]:
    """One text's answer, its distributions from the batcher, which remembers them: every further
    letter of a word asks about the same one. Long texts are read beside the event loop.
    """
    model = suggester.model
    steps = suggester.suggest(asked)
    size = len(asked.text) + len(asked.recent)
    contexts, answer = await made(None, size, _step, steps, None)
    while answer is None:
        if len(contexts) == 1:
            said = [await batcher.probabilities(model, contexts[0])]
        else:
            said = await asyncio.gather(*(batcher.probabilities(model, one) for one in contexts))
        contexts, answer = await made(None, size, _step, steps, said)
    return _as_dict(answer)


def _step(
    steps: Steps, said: Sequence[Floats] | None
) -> tuple[Sequence[Context], answers.Suggested | None]:
    """What is to be computed next, or the answer."""
    try:
        return steps.send(said), None  # type: ignore[arg-type] # it begins with None
    except StopIteration as stop:
        return (), stop.value


def _as_dict(answer: answers.Suggested) -> dict[str, Any]:
    """`answers.Suggested`; a dictionary is written several times faster."""
    suggestions = [
        {"text": s.text, "words": s.words, "probability": s.probability, "kind": s.kind}
        for s in answer.suggestions
    ]
    return {
        "model": answer.model,
        "text": answer.text,
        "replace": answer.replace,
        "typed": answer.typed,
        "suggestions": suggestions,
        "unknown": answer.unknown,
        "sentence_end": answer.sentence_end,
    }


async def _suggester(exchange: Exchange, model: Model) -> Suggester:
    exchange.model = model.id
    known = known_suggester(model)
    return await asyncio.to_thread(suggester_of, model) if known is None else known


async def suggest(service: Service, exchange: Exchange, request: SuggestRequest) -> Reply:
    """Complete, correct, or go on with one text: what many people type is answered from memory.
    Nothing is kept of what a person wrote before, or does not want to see.
    """
    exchange.phrase = request.text
    suggester = await _suggester(exchange, service.model(request.model))
    asked = _asked(request.text, request)
    key = None if asked.recent or asked.exclude else asked
    reply = recalled(service, exchange, suggester.model, key)
    if reply is None:
        answer = await _suggested(service.batcher, suggester, asked)
        reply = written(service, exchange, suggester.model, key, answer)
    return reply


async def suggest_batch(
    service: Service, exchange: Exchange, request: SuggestBatchRequest
) -> Reply:
    """A line for each text, in order, as they are computed; a text's own problem in its place.

    On one of the threads for large requests, some texts at a time.
    """
    suggester = await _suggester(exchange, service.model(request.model))
    loop = asyncio.get_running_loop()
    count = max(1, _AT_A_TIME // (request.count if request.words > 1 else 1))

    async def pieces() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(request.texts), count):
            some = request.texts[start : start + count]
            yield await loop.run_in_executor(service.large, _lines, suggester, some, request)

    return Reply(pieces(), NDJSON)


def _lines(suggester: Suggester, texts: Sequence[str], request: SuggestBatchRequest) -> bytes:
    """The lines of some texts, whose phrases are multiplied together."""

    def distributions(contexts: Sequence[Context]) -> Iterator[Floats | Exception]:
        for result in in_batches(suggester.model, contexts, None):
            if isinstance(result, Outputs):
                yield result.probabilities
            elif isinstance(result, Exception):
                yield result

    many = [suggester.suggest(_asked(text, request)) for text in texts]
    return b"".join(_line(answer) + b"\n" for answer in run_together(many, distributions))


def _line(answer: answers.Suggested | Exception) -> bytes:
    if isinstance(answer, RequestError):
        return problems.encode(problems.problem(answer))
    if isinstance(answer, Exception):
        raise answer
    return encode(_as_dict(answer))


ENDPOINTS = (
    Endpoint(
        "/v1/suggest",
        suggest,
        (*GET, "POST"),
        SuggestRequest,
        summary="What a text box may offer: the next words, completions, corrections",
        name="suggest",
        tag="phrases",
        answer=answers.Suggested,
        tagged=True,
    ),
    Endpoint(
        "/v1/suggest/batch",
        suggest_batch,
        ("POST",),
        SuggestBatchRequest,
        summary="The same for many texts, a line of JSON for each",
        name="suggest_batch",
        tag="phrases",
        media_type=NDJSON.decode(),
    ),
)
