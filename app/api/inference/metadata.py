"""What is said of the server and of its models."""

from typing import Any

from app import __version__
from app.api.inference.stats import statistics
from app.api.inference.wire import VERSION, read_index
from app.errors import NotFound
from app.http.exchange import Exchange, Reply, encode
from app.http.service import Service
from app.model import Model
from app.serving.tensors import outputs_of

_CONFIG_TYPES = {"BYTES": "TYPE_STRING", "INT32": "TYPE_INT32", "INT64": "TYPE_INT64"}
_EXTENSIONS = ["binary_tensor_data", "model_configuration", "model_repository", "statistics"]


def model_of(service: Service, exchange: Exchange) -> Model:
    """The model that the path names. Raises ModelNotFound, NotFound for another version."""
    model = service.model(exchange.parameters["model"])
    exchange.model = model.id
    version = exchange.parameters.get("version", VERSION)
    if version not in (VERSION, model.fingerprint):
        raise NotFound(f"{model.id} has the version {VERSION}, which is {model.fingerprint}")
    return model


async def missing(service: Service, exchange: Exchange, _request: None) -> Reply:
    """A name with a slash in it, as others have. Raises ModelNotFound, NotFound below a model."""
    service.model(exchange.parameters["model"].partition("/")[0])
    raise NotFound("there is nothing at this path")


async def server(_service: Service, _exchange: Exchange, _request: None) -> Reply:
    """The server's name, version and extensions."""
    answer = {"name": "unrolled", "version": __version__, "extensions": _EXTENSIONS}
    return Reply(encode(answer))


async def live(_service: Service, _exchange: Exchange, _request: None) -> Reply:
    """The process runs."""
    return Reply(encode({"live": True}))


async def ready(service: Service, _exchange: Exchange, _request: None) -> Reply:
    """A prediction can be made. Raises NotReady."""
    service.check_ready()
    return Reply(encode({"ready": True}))


async def model_ready(service: Service, exchange: Exchange, _request: None) -> Reply:
    """This model is loaded."""
    return Reply(encode({"name": model_of(service, exchange).id, "ready": True}))


async def model(service: Service, exchange: Exchange, _request: None) -> Reply:
    """A model's inputs and outputs; -1 stands for any size."""
    found = model_of(service, exchange)
    answer = {
        "name": found.id,
        "versions": [VERSION],
        "platform": "unrolled_" + found.engine.name,
        "inputs": [
            {"name": name, "datatype": datatype, "shape": shape}
            for name, datatype, shape in _inputs(found)
        ],
        "outputs": [
            {"name": one.name, "datatype": one.datatype, "shape": one.shape}
            for one in outputs_of(found)
        ],
    }
    return Reply(encode(answer))


def _inputs(model: Model) -> list[tuple[str, str, list[int]]]:
    """Name, type and shape of what may be sent: one of the two."""
    return [("phrase", "BYTES", [-1]), ("ids", "INT32", [-1, model.options.max_length])]


async def config(service: Service, exchange: Exchange, _request: None) -> Reply:
    """The same as Triton's model configuration."""
    found = model_of(service, exchange)
    answer: dict[str, Any] = {
        "name": found.id,
        "platform": "unrolled_" + found.engine.name,
        "backend": "unrolled",
        "version_policy": {"latest": {"num_versions": 1}},
        "max_batch_size": 0,  # the first dimension of every shape is the batch
        "input": [
            {"name": name, "data_type": _config_type(datatype), "dims": shape, "optional": True}
            for name, datatype, shape in _inputs(found)
        ],
        "output": [
            {"name": one.name, "data_type": _config_type(one.datatype), "dims": one.shape}
            for one in outputs_of(found)
        ],
    }
    return Reply(encode(answer))


def _config_type(datatype: str) -> str:
    return _CONFIG_TYPES.get(datatype, f"TYPE_{datatype}")


async def stats(service: Service, exchange: Exchange, _request: None) -> Reply:
    """What was inferred of one model, or of all."""
    if "model" in exchange.parameters:
        models = [model_of(service, exchange)]
    else:
        models = [model for _, model in sorted(service.models().items())]
    return Reply(encode({"model_stats": [statistics(service.metrics, one) for one in models]}))


async def index(service: Service, exchange: Exchange, _request: None) -> Reply:
    """All models, also those that cannot be served, and why: a folder, or what it has become."""
    only_ready = await read_index(service, exchange)
    models, problems = service.repository.models, service.repository.problems
    entries = [
        {"name": name, "version": VERSION, "state": "READY", "reason": problems.get(name, "")}
        for name in models
    ]
    entries += [
        {"name": name, "version": VERSION, "state": "UNAVAILABLE", "reason": why}
        for name, why in problems.items()
        if not only_ready and name not in models
    ]
    return Reply(encode(sorted(entries, key=lambda one: one["name"])))
