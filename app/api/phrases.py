"""The phrase endpoints: what each path answers, in one table."""

import asyncio
from dataclasses import dataclass
from typing import Any

from app import answers, inspection
from app.api import problems
from app.api.endpoint import Endpoint, in_thread
from app.api.requests import (
    BatchRequest,
    CompareRequest,
    ExplainRequest,
    HiddenStatesRequest,
    PhraseRequest,
    PredictRequest,
)
from app.api.service import Service
from app.diagram import diagram
from app.errors import RequestError
from app.model import Model


@dataclass(frozen=True, slots=True)
class Batch:
    """A predict answer, or a problem, for each phrase in order."""

    model: str
    results: list[answers.Predicted | answers.PrefixPredicted | dict[str, Any]]


async def predict(service: Service, model: Model, request: PredictRequest) -> answers.Answer:
    """Through the batcher, which multiplies concurrent phrases together."""
    return await service.batcher.predict(model, request.phrase, request.top_k, request.prefix)


async def predict_batch(service: Service, model: Model, request: BatchRequest) -> Batch:
    """Every phrase on its own: an error in one leaves its neighbours as they are."""

    async def one(phrase: str) -> Any:
        try:
            return await service.batcher.predict(model, phrase, request.top_k, request.prefix)
        except RequestError as error:
            return problems.problem(error)

    return Batch(model.id, list(await asyncio.gather(*map(one, request.phrases))))


def _hidden_states(model: Model, request: HiddenStatesRequest) -> answers.HiddenStates:
    return model.hidden_states(request.phrase, request.layer)


def _diagram(model: Model, request: ExplainRequest) -> str:
    return diagram(inspection.explain(model, request.phrase, request.top_k))


def _explain(model: Model, request: ExplainRequest) -> answers.Explained:
    return inspection.explain(model, request.phrase, request.top_k)


def _compare(model: Model, request: CompareRequest) -> answers.Compared:
    return inspection.compare(model, request.phrases, request.top_k)


ENDPOINTS = (
    Endpoint(
        "/v1/tokenize",
        PhraseRequest,
        answers.Tokenized,
        in_thread(lambda model, request: model.tokenize(request.phrase)),
        "Words, their ids and where they stand",
    ),
    Endpoint(
        "/v1/pad",
        PhraseRequest,
        answers.PaddedInput,
        in_thread(lambda model, request: model.padded_input(request.phrase)),
        "The padded ids that enter the network",
    ),
    Endpoint(
        "/v1/hidden-states",
        HiddenStatesRequest,
        answers.HiddenStates,
        in_thread(_hidden_states),
        "A recurrent layer's hidden state at every timestep",
    ),
    Endpoint(
        "/v1/distribution",
        PhraseRequest,
        answers.Distribution,
        in_thread(lambda model, request: model.distribution(request.phrase)),
        "The softmax distribution over all words",
    ),
    Endpoint(
        "/v1/predict",
        PredictRequest,
        answers.Predicted | answers.PrefixPredicted,
        predict,
        "The most probable next words",
    ),
    Endpoint(
        "/v1/predict/batch",
        BatchRequest,
        Batch,
        predict_batch,
        "The most probable next words of many phrases",
        get=False,
    ),
    Endpoint(
        "/v1/explain",
        ExplainRequest,
        answers.Explained,
        in_thread(_explain),
        "Every number of the forward pass",
    ),
    Endpoint(
        "/v1/compare",
        CompareRequest,
        answers.Compared,
        in_thread(_compare),
        "Phrases as bags of words and as hidden states",
        get=False,
    ),
    Endpoint(
        "/v1/score",
        PhraseRequest,
        answers.Scored,
        in_thread(lambda model, request: inspection.score(model, request.phrase)),
        "The probability of every word given the words before it",
    ),
    Endpoint(
        "/v1/diagram.svg",
        ExplainRequest,
        None,
        in_thread(_diagram),
        "The unrolled network with this phrase's numbers, as SVG",
    ),
)
