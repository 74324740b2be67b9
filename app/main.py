"""The application: `uvicorn app.main:app`. Importing it loads no model; the lifespan does."""

import asyncio
import contextlib
import gc
import logging
import sys
from collections.abc import AsyncIterator
from threading import Lock
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app import __version__, logs, one_thread  # noqa: F401 - one_thread is for NumPy, below
from app.api import operations, page
from app.api.inference import endpoints as inference
from app.api.native import endpoints as native
from app.api.openai import endpoints as openai
from app.errors import NotReady
from app.http import handlers, openapi, problems
from app.http.bounds import Bounds
from app.http.coding import compressed
from app.http.edge import Edge
from app.http.endpoint import Protocol
from app.http.exchange import Exchange, Reply
from app.http.service import Service
from app.metrics import Metrics
from app.serving.batching import Batcher
from app.serving.repository import Repository
from app.serving.watcher import watch
from app.settings import Settings, read_settings, unknown_settings
from app.suggesting.suggester import keep_only

_DESCRIPTION = (
    "Next-word prediction with recurrent Keras models: words, ids, padding, hidden states and the "
    "softmax distribution of every phrase."
)

PROTOCOLS = (
    native.PROTOCOL,
    native.NOTHING_ELSE,
    openai.PROTOCOL,
    inference.PROTOCOL,
    operations.PROTOCOL,
    page.PROTOCOL,
)

# What FastAPI answers itself and needs no key: it has no data.
_PUBLIC = ("/openapi.json", "/swagger/")

# Objects made between two collections: those of a batch that is being answered are no garbage.
_GARBAGE = 50_000

# How long a thread with a large request keeps the interpreter from the event loop; Python's own
# are five milliseconds, for each of the locks that an answer has to wait for. Two such threads may
# have it in turn before the loop does.
_SWITCH_SECONDS = 0.0001
_DOCUMENTING = Lock()


class Unrolled(FastAPI):
    """FastAPI, with the endpoints of all protocols answered before its routing."""

    protocols: tuple[Protocol, ...] = ()
    edge: Edge | None = None  # also for a server that can do without ASGI
    _written: tuple[dict[str, Any] | None, str, bytes] = None, "", b""  # document, root, JSON

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """HTTP enters at the edge, the lifespan goes to FastAPI."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        elif self.edge is not None:
            await self.edge(scope, receive, send)
        else:
            error = NotReady("the service was not started: its server runs no lifespan")
            exchange = Exchange(scope, receive, send, Bounds())
            await exchange.respond(problems.reply(error, exchange.request_id))

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once, however many ask first at once."""
        with _DOCUMENTING:
            if self.openapi_schema is None:
                keys = self.edge is not None and bool(self.edge.service.settings.keys)
                self.openapi_schema = openapi.document(self, self.protocols, keys_are_set=keys)
            return self.openapi_schema

    def document(self, root: str) -> bytes:
        """The same as JSON, which says where a proxy serves it. Written once: a thread that writes
        it has the interpreter until it is done.
        """
        document = self.openapi()
        with _DOCUMENTING:
            if self._written[0] is not document or self._written[1] != root:
                servers = {"servers": [{"url": root}]} if root else {}
                self._written = document, root, bytes(JSONResponse({**document, **servers}).body)
            return self._written[2]


class _Files(StaticFiles):
    """Files that are sent whole, as a server may: Starlette has texts of its own for bad ranges."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [pair for pair in scope["headers"] if pair[0] != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)


async def _document(request: Request) -> Response:
    """The OpenAPI document."""
    root = request.scope.get("root_path", "").rstrip("/")
    body = await asyncio.to_thread(request.app.document, root)  # to make it takes 100 ms, once
    accepts = request.headers.get("accept-encoding", "").encode("latin-1")
    reply = await compressed(Reply(body), body, accepts)
    answer = Response(cast(bytes, reply.body), media_type=reply.media_type.decode())
    answer.raw_headers.extend(reply.headers)
    return answer


def create_app(
    settings: Settings | None = None,
    repository: Repository | None = None,
    metrics: Metrics | None = None,
    *,
    protocols: tuple[Protocol, ...] = PROTOCOLS,
) -> Unrolled:
    """The application. What is not passed is read from the environment when it starts.

    A `repository` that is passed and has its models loaded is not loaded again.
    """
    app = Unrolled(
        title="Unrolled",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url=None,  # it is answered here, compressed
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # its redirects repeat whatever Host a request has
        swagger_ui_oauth2_redirect_url=None,
        lifespan=_lifespan,
    )
    app.protocols = protocols
    app.state.settings = settings
    app.state.repository = repository
    app.state.metrics = metrics
    app.add_route("/openapi.json", _document, include_in_schema=False)
    app.mount("/swagger", _Files(packages=[("fastapi_swagger", "resources")]))
    handlers.install(app)
    return app


@contextlib.asynccontextmanager
async def _lifespan(fastapi: FastAPI) -> AsyncIterator[None]:
    app = cast(Unrolled, fastapi)
    settings: Settings = app.state.settings or read_settings()
    logs.configure(settings)
    for warning in unknown_settings():
        logging.getLogger("unrolled").warning("%s", warning)
    repository: Repository = app.state.repository or Repository(
        settings.models_dir, settings.engine, settings.default_model, settings.poll_seconds
    )
    metrics: Metrics = app.state.metrics or Metrics()
    batcher = Batcher(settings.max_batch, settings.max_queue, metrics=metrics)
    service = app.state.service = Service(settings, repository, batcher, metrics)
    rest: ASGIApp = super(Unrolled, app).__call__
    if settings.trusted_proxies:  # for routes of one's own: no answer of ours depends on them
        rest = cast(ASGIApp, ProxyHeadersMiddleware(rest, list(settings.trusted_proxies)))  # type: ignore[arg-type]
    app.edge = Edge(service, app.protocols, rest, _PUBLIC)
    if not repository.models:
        await asyncio.to_thread(repository.load)
    service.loaded = True
    gc.freeze()  # what is loaded by now lives on: the collector need not go through it again
    gc.set_threshold(_GARBAGE)
    sys.setswitchinterval(_SWITCH_SECONDS)
    looks = watch(repository, metrics, settings.poll_seconds, service.reload, keep_only)
    watching = asyncio.create_task(looks)
    try:
        yield
    finally:
        watching.cancel()


app = create_app()
