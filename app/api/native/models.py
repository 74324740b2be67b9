"""The models themselves: what each is made of, its vocabulary, its weights."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from app.api.native.model_answers import (
    LayerObject,
    ModelList,
    ModelObject,
    NamedWeight,
    Vocabulary,
    WeightList,
)
from app.api.native.requests import WeightsQuery
from app.api.shapes import both
from app.errors import NotFound
from app.http.coding import is_known
from app.http.endpoint import GET, Endpoint, Run
from app.http.exchange import JSON, Exchange, Reply, encode
from app.http.pieces import reply_of
from app.http.service import Service
from app.layers import Bidirectional, Layer, Recurrent
from app.model import Model
from app.network import Network
from app.summary import output_shapes, summary

_NUMBERS = 16_384  # of a weight that are written at once
_LONG = 1 << 20  # bytes of an answer that is not whole in memory
_TEXT = b"text/plain; charset=utf-8"


async def _list_models(service: Service, _exchange: Exchange, _request: None) -> Reply:
    """OpenAI's list, with what each model is made of."""
    models = service.models()
    data = [describe(models[name]) for name in sorted(models)]
    problems = [
        {"folder": folder, "reason": reason}
        for folder, reason in sorted(service.repository.problems.items())
    ]
    return Reply(encode({"object": "list", "data": data, "problems": problems}))


async def _get_model(service: Service, exchange: Exchange, _request: None) -> Reply:
    """OpenAI's model object, with what the model is made of."""
    return Reply(encode(describe(_model(service, exchange))))


async def _get_vocabulary(service: Service, exchange: Exchange, _request: None) -> Reply:
    """The vocabulary as the model folder has it."""
    model = _model(service, exchange)
    return _cached(exchange, model, lambda: orjson.dumps(model.vocabulary.word_to_id))


async def _list_weights(service: Service, exchange: Exchange, request: WeightsQuery) -> Reply:
    """Every weight by layer/weight, in Keras's order."""
    model = _model(service, exchange)

    def pieces() -> Iterator[bytes]:
        head = {"model": model.id, "parameters": model.network.parameters}
        yield encode(head)[:-1] + b',"weights":['
        for at, (name, array) in enumerate(model.network.weights.items()):
            yield b"," * (at > 0)
            yield from _weight({}, name, array, request.values)
        yield b"]}"

    return await _cached_pieces(service, exchange, model, pieces)


async def _get_weight(service: Service, exchange: Exchange, _request: None) -> Reply:
    """The numbers of one weight, such as `simple_rnn/kernel`."""
    model = _model(service, exchange)
    name = exchange.parameters["name"]
    array = model.network.weights.get(name)
    if array is None:
        raise NotFound(f"no such weight; this model has {', '.join(model.network.weights)}")
    return await _cached_pieces(
        service, exchange, model, lambda: _weight({"model": model.id}, name, array, True)
    )


async def _get_summary(service: Service, exchange: Exchange, _request: None) -> Reply:
    """A table of the layers, as Keras prints it."""
    model = _model(service, exchange)
    text = summary(model.network, model.timesteps, model.id)
    return _cached(exchange, model, text.encode, _TEXT)


async def _missing(service: Service, exchange: Exchange, _request: None) -> Reply:
    """A name with a slash in it, as others have. Raises ModelNotFound, NotFound below a model."""
    service.model(exchange.parameters["model_id"].partition("/")[0])
    raise NotFound("there is nothing at this path")


def _model(service: Service, exchange: Exchange) -> Model:
    """The model the path names. Raises ModelNotFound."""
    model = service.model(exchange.parameters["model_id"])
    exchange.model = model.id
    return model


def describe(model: Model) -> ModelObject:
    """A model as OpenAI's object, and what it is made of."""
    card = model.card
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": "unrolled",
        "title": card["title"],
        "description": card["description"],
        "architecture": list(_architecture(model.network, model.timesteps)),
        "parameters": model.network.parameters,
        "max_length": model.options.max_length,
        "vocabulary_size": len(model.vocabulary),
        "start": model.options.start,
        "unknown": model.options.unknown,
        "engine": model.engine.name,
        "fingerprint": model.fingerprint,
        "metrics": card["metrics"],
        "licence": card["licence"],
        "corpus": card["corpus"],
    }


def _architecture(network: Network, max_length: int | None) -> Iterator[LayerObject]:
    shapes = output_shapes(network, max_length)
    for layer, shape in zip(network.layers, shapes, strict=True):
        yield {
            "name": layer.name,
            "class_name": layer.class_name,
            "output_shape": shape,
            "units": layer.units,
            "activation": getattr(layer, "activation", None),
            "parameters": sum(array.size for array in layer.weights.values()),
            **_of_a_cell(layer),  # type: ignore[typeddict-item] # whose names they are
        }


def _of_a_cell(layer: Layer) -> dict[str, Any]:
    """What makes a layer with gates, or one that reads both ways, what it is."""
    if isinstance(layer, Bidirectional):
        return {"merge_mode": layer.merge_mode, "layer": layer.forward.class_name}
    if not isinstance(layer, Recurrent) or layer.recurrent_activation is None:
        return {}
    return {
        name: layer.options[name]
        for name in ("recurrent_activation", "reset_after")
        if name in layer.options
    }


def _weight(more: dict[str, Any], name: str, array: Any, values: bool) -> Iterator[bytes]:
    """A weight as JSON, some rows at a time."""
    shape = array.shape
    described = encode({**more, "name": name, "shape": shape, "dtype": "float32"})
    if not values:
        yield described
        return
    yield described[:-1] + b',"values":'
    rows = max(1, _NUMBERS // max(1, shape[-1] if len(shape) > 1 else 1))
    mark = b"["
    for begin in range(0, shape[0], rows):
        yield mark + encode(array[begin : begin + rows].copy())[1:-1]
        mark = b","
    yield b"]}"


def _cached(
    exchange: Exchange, model: Model, body: Callable[[], bytes], media_type: bytes = JSON
) -> Reply:
    """An answer that changes with the model alone: 304 to a client that has it."""
    etag = b'"%b"' % model.fingerprint.encode()
    headers = ((b"etag", etag), (b"cache-control", b"no-cache"))
    if is_known(etag, exchange.header(b"if-none-match")):
        return Reply(b"", b"", 304, headers)
    return Reply(body(), media_type, 200, headers)


async def _cached_pieces(
    service: Service, exchange: Exchange, model: Model, make: Callable[[], Iterator[bytes]]
) -> Reply:
    """The same, made beside the event loop, and streamed where it is long."""
    reply = _cached(exchange, model, bytes)
    if reply.status == 304:
        return reply
    return await reply_of(service.large, exchange, make, _LONG, JSON, reply.headers)


def _endpoint(path: str, run: Run, name: str, summary: str, **more: Any) -> Endpoint:
    return Endpoint(f"/v1/models{path}", run, name=name, tag="models", summary=summary, **more)


ENDPOINTS = (
    _endpoint(
        "", _list_models, "list_models", "The models in service", answer=ModelList, errors=both
    ),
    _endpoint("/{model_id}", _get_model, "get_model", "One model", answer=ModelObject, errors=both),
    _endpoint(
        "/{model_id}/vocabulary", _get_vocabulary, "get_vocabulary", "word → id", answer=Vocabulary
    ),
    _endpoint(
        "/{model_id}/weights",
        _list_weights,
        "list_weights",
        "Names and shapes of weights",
        request=WeightsQuery,
        answer=WeightList,
    ),
    _endpoint(
        "/{model_id}/weights/{name:path}",
        _get_weight,
        "get_weight",
        "One weight's values",
        answer=NamedWeight,
    ),
    _endpoint(
        "/{model_id}/summary",
        _get_summary,
        "get_summary",
        "The network as text",
        media_type="text/plain",
    ),
    Endpoint("/v1/models/{model_id:path}", _missing, GET, errors=both),
)
