"""Suggestions for a text box, one text or many: `/v1/suggest` and `/v1/suggest/batch`."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from app import answers
from app.api.native.requests import SuggestBatchRequest, SuggestRequest
from app.errors import RequestError
from app.http import problems
from app.http.endpoint import GET, Endpoint
from app.http.exchange import Exchange, Reply, encode
from app.http.service import Service
from app.model import Model
from app.suggesting.suggester import Asked, Suggester, known_suggester, suggester_of

_NDJSON = "application/x-ndjson"
_AT_A_TIME = 32  # texts of one caller between two pieces of the answer


async def _suggested(
    service: Service, suggester: Suggester, text: str, request: SuggestRequest | SuggestBatchRequest
) -> dict[str, Any]:
    """One text's answer, its distributions from the batcher, which remembers them: every further
    letter of a word asks about the same one.
    """
    asked = Asked(
        text,
        request.count,
        request.words,
        request.min_probability,
        tuple(request.exclude),
        request.fresh,
        request.recent,
    )
    batcher, model = service.batcher, suggester.model
    steps = suggester.suggest(asked)
    contexts = next(steps)
    while True:
        if len(contexts) == 1:
            outputs = [await batcher.outputs(model, contexts[0])]
        else:
            outputs = await asyncio.gather(*(batcher.outputs(model, one) for one in contexts))
        try:
            contexts = steps.send([one.probabilities for one in outputs])
        except StopIteration as stop:
            return _as_dict(stop.value)


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
    """Complete, correct, or go on with one text."""
    exchange.phrase = request.text
    suggester = await _suggester(exchange, service.model(request.model))
    answer = await _suggested(service, suggester, request.text, request)
    exchange.mark(b"compute")
    body = encode(answer)
    exchange.mark(b"encode")
    return Reply(body)


async def suggest_batch(
    service: Service, exchange: Exchange, request: SuggestBatchRequest
) -> Reply:
    """A line for each text, in order, as they are computed; a text's own problem in its place."""
    suggester = await _suggester(exchange, service.model(request.model))

    async def line(text: str) -> bytes:
        try:
            return encode(await _suggested(service, suggester, text, request))
        except RequestError as error:
            return problems.encode(problems.problem(error))

    async def pieces() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(request.texts), _AT_A_TIME):
            some = request.texts[start : start + _AT_A_TIME]
            lines = await asyncio.gather(*map(line, some))
            yield b"".join(one + b"\n" for one in lines)

    return Reply(pieces(), _NDJSON.encode())


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
        media_type=_NDJSON,
    ),
)
