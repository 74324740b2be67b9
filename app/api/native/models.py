"""The models themselves: what each is made of, its vocabulary, its weights."""

from collections.abc import Iterator
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import ValidationError

from app.api.native.requests import WeightsQuery
from app.api.routes import json_response, router, service_of
from app.errors import NotFound
from app.http import problems
from app.model import Model
from app.network import Network
from app.summary import output_shapes, summary

_VALUES = {
    "name": "values",
    "in": "query",
    "required": False,
    "description": "Whether the numbers are listed too",
    "schema": {"type": "boolean", "default": False},
}


@router.get("/v1/models", tags=["models"], summary="The models in service")
async def list_models(request: Request) -> Response:
    """OpenAI's list, with what each model is made of."""
    service = service_of(request)
    service.model(None)
    models = service.repository.models
    return json_response(
        {"object": "list", "data": [describe(models[name]) for name in sorted(models)]}
    )


@router.get("/v1/models/{model_id}", tags=["models"], summary="One model")
async def get_model(request: Request) -> Response:
    """OpenAI's model object, with what the model is made of."""
    return json_response(describe(_model(request)))


@router.get("/v1/models/{model_id}/vocabulary", tags=["models"], summary="word → id")
async def get_vocabulary(request: Request) -> Response:
    """The vocabulary as the model folder has it."""
    model = _model(request)
    return _cached(request, model, lambda: orjson.dumps(model.vocabulary.word_to_id))


@router.get(
    "/v1/models/{model_id}/weights",
    tags=["models"],
    summary="Names and shapes of weights",
    openapi_extra={"parameters": [_VALUES]},
)
async def list_weights(request: Request) -> Response:
    """Every weight by layer/weight, in Keras's order."""
    model = _model(request)
    try:
        values = WeightsQuery.model_validate_strings(dict(request.query_params)).values
    except ValidationError as error:
        raise problems.from_validation(error) from error

    def body() -> bytes:
        weights = [_weight(name, array, values) for name, array in model.network.weights.items()]
        answer = {"model": model.id, "parameters": model.network.parameters, "weights": weights}
        return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)

    return _cached(request, model, body)


@router.get(
    "/v1/models/{model_id}/weights/{name:path}", tags=["models"], summary="One weight's values"
)
async def get_weight(request: Request) -> Response:
    """The numbers of one weight, such as `simple_rnn/kernel`."""
    model = _model(request)
    name = request.path_params["name"]
    array = model.network.weights.get(name)
    if array is None:
        raise NotFound(f"no such weight; this model has {', '.join(model.network.weights)}")

    def body() -> bytes:
        answer = {"model": model.id, **_weight(name, array, True)}
        return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)

    return _cached(request, model, body)


@router.get(
    "/v1/models/{model_id}/summary",
    tags=["models"],
    summary="The network as text",
    response_class=PlainTextResponse,
)
async def get_summary(request: Request) -> Response:
    """A table of the layers, as Keras prints it."""
    model = _model(request)
    text = summary(model.network, model.options.max_length)
    return _cached(request, model, text.encode, PlainTextResponse.media_type)


def _model(request: Request) -> Model:
    """The model the path names. Raises ModelNotFound."""
    return service_of(request).model(request.path_params["model_id"])


def describe(model: Model) -> dict[str, Any]:
    """A model as OpenAI's object, and what it is made of."""
    card = model.card
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": "unrolled",
        "title": card.title,
        "description": card.description,
        "architecture": list(_architecture(model.network, model.options.max_length)),
        "parameters": model.network.parameters,
        "max_length": model.options.max_length,
        "vocabulary_size": len(model.vocabulary),
        "start": model.options.start,
        "unknown": model.options.unknown,
        "engine": model.engine.name,
        "fingerprint": model.fingerprint,
        "metrics": card.metrics,
        "licence": card.licence,
        "corpus": card.corpus,
    }


def _architecture(network: Network, max_length: int) -> Iterator[dict[str, Any]]:
    shapes = output_shapes(network, max_length)
    for layer, shape in zip(network.layers, shapes, strict=True):
        yield {
            "name": layer.name,
            "class_name": layer.class_name,
            "output_shape": shape,
            "units": layer.units,
            "activation": getattr(layer, "activation", None),
            "parameters": sum(array.size for array in layer.weights.values()),
        }


def _weight(name: str, array: Any, values: bool) -> dict[str, Any]:
    described: dict[str, Any] = {"name": name, "shape": array.shape, "dtype": "float32"}
    return described | ({"values": array.copy()} if values else {})


def _cached(
    request: Request, model: Model, body: Any, media_type: str | None = JSONResponse.media_type
) -> Response:
    """An answer that changes with the model alone: 304 to a client that has it."""
    etag = f'"{model.fingerprint}"'
    headers = {"etag": etag, "cache-control": "no-cache"}
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body(), media_type=media_type, headers=headers)
