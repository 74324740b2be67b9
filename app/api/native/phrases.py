"""The phrase endpoints: what each path answers, in one table."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from pydantic import BaseModel

from app import answers, inspection, scoring
from app.api.native import encoding
from app.api.native.answering import noted
from app.api.native.predictions import NDJSON, Batch, predict, predict_batch
from app.api.native.requests import (
    BatchRequest,
    CompareRequest,
    DiagramRequest,
    HiddenStatesRequest,
    LookRequest,
    PhraseRequest,
    PredictRequest,
)
from app.excerpt import excerpt
from app.http.endpoint import GET, POST, Endpoint, Run
from app.http.exchange import JSON, Exchange, Reply, encode
from app.http.pieces import finished, made, reply_of
from app.http.service import Service
from app.model import Model
from app.pictures import picture
from app.what_if import with_weights

_SAFE = ((b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox"),)

Compute = Callable[[Model, Any], answers.Answer]
Respond = Callable[[Service, Model, Any], Awaitable[answers.Answer]]


async def distribution(service: Service, model: Model, request: PhraseRequest) -> answers.Answer:
    """All probabilities, through the batcher too."""
    context = await made(service.large, len(request.phrase), model.context, request.phrase)
    outputs = await service.batcher.outputs(model, context)
    return encoding.distribution(model, request.phrase, outputs)


def _hidden_states(model: Model, request: HiddenStatesRequest) -> answers.HiddenStates:
    return model.hidden_states(request.phrase, request.layer)


def _diagram(model: Model, request: DiagramRequest) -> str:
    if request.weights:
        model = with_weights(model, request.weights)
    explained = inspection.explain(model, request.phrase, request.top_k)
    return picture(request.form, explained, model.network, columns=request.columns)


def _explain(model: Model, request: LookRequest) -> answers.Explained:
    if request.weights:
        model = with_weights(model, request.weights)
    explained = inspection.explain(model, request.phrase, request.top_k)
    return explained if request.units is None else excerpt(explained, request.units)


def _compare(model: Model, request: CompareRequest) -> answers.Compared:
    return inspection.compare(model, request.phrases, request.top_k)


def _in_thread(compute: Compute) -> Respond:
    """Run a small computation beside the event loop, which goes on answering others."""

    async def respond(_service: Service, model: Model, request: Any) -> answers.Answer:
        return await asyncio.to_thread(compute, model, request)

    return respond


def _large(compute: Compute, media_type: bytes = JSON) -> Run:
    """The same on the threads for large requests, which encode it too, in pieces."""

    async def run(service: Service, exchange: Exchange, asked: Any) -> Reply:
        model = noted(service, exchange, asked)
        phrases = getattr(asked, "phrases", None) or [asked.phrase]
        inspection.check_cost(model, phrases, service.settings.max_seconds)

        def make() -> Iterator[bytes]:
            answer = compute(model, asked)
            return iter([answer.encode()]) if isinstance(answer, str) else encoding.pieces(answer)

        most = service.settings.max_buffered_bytes
        async with exchange.while_connected():
            reply = await reply_of(
                service.large, exchange, make, most, media_type, _SAFE if media_type != JSON else ()
            )
        exchange.mark(b"compute")
        return reply

    return run


async def _score(service: Service, exchange: Exchange, asked: PhraseRequest) -> Reply:
    """In slices, on the same threads."""
    model = noted(service, exchange, asked)
    work = scoring.in_slices(model, asked.phrase, service.settings.max_seconds)
    most = service.settings.max_buffered_bytes
    exchange.hold(scoring.bytes_kept(model, asked.phrase))
    async with exchange.while_connected():
        scored = await finished(service.large, work)
        exchange.mark(b"compute")
        return await reply_of(service.large, exchange, lambda: encoding.pieces(scored), most)


def _endpoint(
    path: str,
    request: type[BaseModel],
    answer: Any,
    respond: Respond | None,
    summary: str,
    get: bool = True,
    run: Run | None = None,
) -> Endpoint:
    """An endpoint whose request names its model; without a type, its answer is SVG."""
    media_type = "image/svg+xml" if answer is None else "application/json"

    async def respond_encoded(service: Service, exchange: Exchange, asked: Any) -> Reply:
        model = noted(service, exchange, asked)
        answered = await respond(service, model, asked)  # type: ignore[misc] # or there is `run`
        exchange.mark(b"compute")
        body = encode(answered)
        exchange.mark(b"encode")
        return Reply(body)

    name = path.removeprefix("/v1/").replace("/", "_").replace("-", "_").split(".")[0]
    return Endpoint(
        path,
        run or respond_encoded,
        (*GET, "POST") if get else ("POST",),
        request,
        summary=summary,
        name=name,
        tag="phrases",
        answer=answer,
        media_type=media_type,
        tagged=True,
    )


ENDPOINTS = (
    _endpoint(
        "/v1/tokenize",
        PhraseRequest,
        answers.Tokenized,
        _in_thread(lambda model, request: model.tokenize(request.phrase)),
        "Words, their ids and where they stand",
    ),
    _endpoint(
        "/v1/pad",
        PhraseRequest,
        answers.PaddedInput,
        _in_thread(lambda model, request: model.padded_input(request.phrase)),
        "The padded ids that enter the network",
    ),
    _endpoint(
        "/v1/hidden-states",
        HiddenStatesRequest,
        answers.HiddenStates,
        _in_thread(_hidden_states),
        "A recurrent layer's hidden state at every timestep",
    ),
    _endpoint(
        "/v1/distribution",
        PhraseRequest,
        answers.Distribution,
        distribution,
        "The softmax distribution over all words",
    ),
    _endpoint(
        "/v1/predict",
        PredictRequest,
        encoding.PrefixPredicted | encoding.Predicted,  # a client takes the first that fits
        None,
        "The most probable next words",
        run=predict,
    ),
    Endpoint(
        "/v1/predict/batch",
        predict_batch,
        POST,
        BatchRequest,
        summary="The most probable next words of many phrases",
        name="predict_batch",
        tag="phrases",
        answer=Batch,
        streamed=NDJSON.decode(),
    ),
    _endpoint(
        "/v1/explain",
        LookRequest,
        answers.Excerpt | answers.Explained,
        None,
        "Every number of the forward pass",
        run=_large(_explain),
    ),
    _endpoint(
        "/v1/compare",
        CompareRequest,
        answers.Compared,
        None,
        "Phrases as bags of words and as hidden states",
        get=False,
        run=_large(_compare),
    ),
    _endpoint(
        "/v1/score",
        PhraseRequest,
        answers.Scored,
        None,
        "The probability of every word given the words before it",
        run=_score,
    ),
    _endpoint(
        "/v1/diagram.svg",
        DiagramRequest,
        None,
        None,
        "The unrolled network with this phrase's numbers, as SVG",
        run=_large(_diagram, b"image/svg+xml"),
    ),
)
