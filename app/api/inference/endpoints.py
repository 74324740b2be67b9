"""All endpoints of the Open Inference Protocol."""

from collections.abc import Iterator
from typing import Any

from app.api.inference import answers, errors, metadata
from app.api.inference.infer import infer
from app.api.inference.wire import InferRequest, read
from app.errors import NotFound
from app.http.endpoint import GET, POST, Endpoint, Protocol, Run
from app.http.exchange import Exchange, Reply
from app.http.service import Service

_TAG = "inference"
_MODEL = "/v2/models/{model}"
_VERSION = "/v2/models/{model}/versions/{version}"
_STREAM = "/generate_stream"


def _about_model(tail: str, run: Run, answer: Any, summary: str) -> tuple[Endpoint, Endpoint]:
    """A GET of a model's, and of one version of it."""
    name = f"v2_model{tail.replace('/', '_')}"
    return (
        Endpoint(_MODEL + tail, run, GET, summary=summary, name=name, tag=_TAG, answer=answer),
        Endpoint(_VERSION + tail, run, GET),
    )


def _server(path: str, run: Run, answer: Any, summary: str, *, probe: bool = False) -> Endpoint:
    """A GET about all of the server."""
    name = path.strip("/").replace("/", "_")
    return Endpoint(
        path,
        run,
        GET,
        key=not probe,
        limited=not probe,
        summary=summary,
        name=name,
        tag=_TAG,
        answer=answer,
    )


def _not_here(reason: str, *paths: str) -> Iterator[Endpoint]:
    """What Triton has beyond this, and its clients ask for: an error that says why it is not."""

    async def refuse(_service: Service, _exchange: Exchange, _request: None) -> Reply:
        raise NotFound(reason)

    return (Endpoint(path, refuse, (*GET, *POST)) for path in paths)


PROTOCOL = Protocol(
    (
        _server("/v2", metadata.server, answers.ServerMetadata, "The server, and what it can do"),
        _server(
            "/v2/health/live", metadata.live, answers.ServerLive, "The process runs", probe=True
        ),
        _server(
            "/v2/health/ready",
            metadata.ready,
            answers.ServerReady,
            "A prediction can be made",
            probe=True,
        ),
        _server(
            "/v2/models/stats",
            metadata.stats,
            answers.Statistics,
            "What was inferred of all models",
        ),
        Endpoint(
            "/v2/repository/index",
            metadata.index,
            POST,
            summary="All models, also those that cannot be served",
            name="v2_repository_index",
            tag=_TAG,
            answer=list[answers.IndexEntry],
        ),
        *_about_model("", metadata.model, answers.ModelMetadata, "A model's inputs and outputs"),
        *_about_model("/ready", metadata.model_ready, answers.ModelReady, "The model is loaded"),
        *_about_model(
            "/config",
            metadata.config,
            answers.ModelConfig,
            "A model's configuration, as Triton has it",
        ),
        *_about_model("/stats", metadata.stats, answers.Statistics, "What was inferred of a model"),
        Endpoint(
            _MODEL + "/infer",
            infer,
            POST,
            InferRequest,
            read,
            summary="Tensors of phrases, or of ids",
            name="v2_infer",
            tag=_TAG,
            answer=answers.Inferred,
        ),
        Endpoint(_VERSION + "/infer", infer, POST, read=read),
        *_not_here(
            "shared memory is not supported: send tensors in the body",
            "/v2/systemsharedmemory/{rest:path}",
            "/v2/cudasharedmemory/{rest:path}",
        ),
        *_not_here(
            "models are loaded from their folder alone, not by this protocol",
            "/v2/repository/models/{rest:path}",
        ),
        *_not_here(
            "texts are made by POST /v1/completions",
            *(one + tail for one in (_MODEL, _VERSION) for tail in ("/generate", _STREAM)),
        ),
        *_not_here(
            "the settings of traces and logs cannot be changed while the service runs",
            *("/v2/logging", "/v2/trace/setting", _MODEL + "/trace/setting"),
        ),
        Endpoint("/v2/models/{model:path}", metadata.missing, (*GET, *POST)),
    ),
    errors.reply,
    under=("/v2",),
    problem=answers.InferenceError,
    problem_media_type="application/json",
    fields=answers.FIELDS,
    examples={"model": "notebook"},
)
