"""What predicts the next words: of a phrase, through the batcher, and of many, on a thread."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app import answers, costs
from app.api.native import encoding
from app.api.native.answering import noted, recalled, written
from app.api.native.requests import BatchRequest, PredictRequest
from app.arrays import Context, Floats
from app.engines.topk import BATCHED_K, Ranking, top_k
from app.errors import RequestError
from app.http import problems
from app.http.coding import weighed
from app.http.exchange import JSON, Exchange, Reply, encode
from app.http.pieces import FEW, for_a_while, listed, made, reply_of
from app.http.service import Service
from app.model import Model
from app.serving.results import bytes_kept, in_batches

NDJSON = b"application/x-ndjson"
_LINES = 64  # of a streamed answer that are sent together


@dataclass(slots=True)
class Batch:
    """A predict answer, or a problem, for each phrase in order."""

    model: str
    results: list[encoding.PrefixPredicted | encoding.Predicted | problems.Problem]


async def predict(service: Service, exchange: Exchange, request: PredictRequest) -> Reply:
    """What many people ask is answered from memory. Most phrases are asked once, and to keep their
    answers costs those that are not: a ranking's is kept when it is asked for again.
    """
    model = noted(service, exchange, request)
    asked = "predict", request.phrase, request.top_k, request.prefix
    reply = recalled(service, exchange, model, asked)
    if reply is None:
        phrase = request.phrase
        if len(phrase) <= FEW:  # as `made` would, without a coroutine of its own
            context = model.context(phrase)
        else:
            context = await made(service.large, len(phrase), model.context, phrase)
        if request.top_k > BATCHED_K:
            return await _very_many(service, exchange, model, context, request)
        answer, again = await _predicted(service, model, context, request)
        reply = written(service, exchange, model, asked if again else None, answer)
    return reply


async def _very_many(
    service: Service, exchange: Exchange, model: Model, context: Context, request: PredictRequest
) -> Reply:
    """Words that take longer to find and to write than it takes to hand them to a thread."""

    def find_and_write(probabilities: Floats) -> bytes:
        answer = _chosen(model, request, request.phrase, probabilities)
        if model.options.drop_unknown:
            answer = encoding.with_left_out(model, request.phrase, answer)
        exchange.mark(b"compute")
        return encode(answer)

    said = await service.batcher.probabilities(model, context)
    loop = asyncio.get_running_loop()
    body = await loop.run_in_executor(service.large, find_and_write, said)
    exchange.mark(b"encode")
    return Reply(body)


async def _predicted(
    service: Service, model: Model, context: Context, request: PredictRequest
) -> tuple[answers.Answer, bool]:
    """Through the batcher, which multiplies concurrent phrases together; and whether it was asked
    before, or may be with another letter.
    """
    phrase = request.phrase
    again = True
    if _is_ranked(request):
        known = service.batcher.known(model, context, request.top_k)
        again = known is not None
        ranking = known or await service.batcher.ranking(model, context, request.top_k)
        answer: Any = encoding.predicted(model, phrase, ranking)
    else:
        said = await service.batcher.probabilities(model, context)
        answer = _chosen(model, request, phrase, said)
    if model.options.drop_unknown and (len(phrase) > FEW or model.encode(phrase).left_out):
        # To look for words like those that are left out takes milliseconds.
        answer = await asyncio.to_thread(encoding.with_left_out, model, phrase, answer)
    return answer, again


async def predict_batch(service: Service, exchange: Exchange, request: BatchRequest) -> Reply:
    """On one of the threads for large requests; a line for each phrase where that is accepted."""
    model = service.model(request.model)
    exchange.model = model.id
    most = service.settings.max_seconds
    if not _is_ranked(request):
        exchange.hold(bytes_kept(model, len(request.phrases)))
    wanted = weighed(exchange.header(b"accept"))
    if wanted.get(NDJSON, 0) <= 0 or wanted[NDJSON] < wanted.get(JSON, 0):

        def whole() -> Iterator[bytes]:
            yield b'{"model":%b,"results":' % encode(model.id)
            yield from listed(_predict_batch(model, request, most))
            yield b"}"

        async with exchange.while_connected():
            limit = service.settings.max_buffered_bytes
            reply = await reply_of(service.large, exchange, whole, limit)
        exchange.mark(b"compute")
        return reply
    results = _predict_batch(model, request, most)
    loop = asyncio.get_running_loop()
    first = await loop.run_in_executor(service.large, _next_lines, results)

    async def lines() -> AsyncGenerator[bytes, None]:
        yield first
        while some := await loop.run_in_executor(service.large, _next_lines, results):
            yield some

    return Reply(lines(), NDJSON)


def _next_lines(results: Iterator[bytes]) -> bytes:
    """Some lines more; none at the end."""
    return b"".join(one + b"\n" for one in for_a_while(islice(results, _LINES)))


def _predict_batch(model: Model, request: BatchRequest, most_seconds: float) -> Iterator[bytes]:
    """Every phrase on its own: an error in one leaves its neighbours as they are.

    Raises TooExpensive.

    Each result is encoded as soon as it is there, so that one long encoding does not keep others
    from the interpreter.
    """
    contexts = [_context_or_error(model, phrase) for phrase in request.phrases]
    sound = [context for context in contexts if not isinstance(context, RequestError)]
    steps = sum(map(len, sound))
    costs.check(costs.seconds(model.network, steps, len(sound)), most_seconds)
    computed = in_batches(model, sound, request.top_k if _is_ranked(request) else None)
    for phrase, context in zip(request.phrases, contexts, strict=True):
        result = context if isinstance(context, RequestError) else next(computed)
        if isinstance(result, RequestError):
            answer: Any = problems.problem(result)
        elif isinstance(result, Exception):
            raise result
        elif isinstance(result, Ranking):
            answer = encoding.predicted(model, phrase, result)
        else:
            answer = _chosen(model, request, phrase, result.probabilities)
        if model.options.drop_unknown and not isinstance(result, RequestError):
            answer = encoding.with_left_out(model, phrase, answer)
        yield encode(answer)


def _is_ranked(request: PredictRequest | BatchRequest) -> bool:
    """Whether the best words are all that is asked: no prefix, and not very many."""
    return not request.prefix and request.top_k <= BATCHED_K


def _chosen(
    model: Model, request: PredictRequest | BatchRequest, phrase: str, probabilities: Floats
) -> Any:
    """The answer from a whole distribution [V]: words of a prefix, or very many."""
    if request.prefix:
        return model.answer(phrase, probabilities, request.top_k, request.prefix)
    ids = top_k(probabilities, request.top_k, model.barred)
    return encoding.predicted(model, phrase, Ranking(ids.tolist(), list(probabilities[ids])))


def _context_or_error(model: Model, phrase: str) -> Context | RequestError:
    try:
        return model.context(phrase)
    except RequestError as error:
        return error
