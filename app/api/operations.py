"""Probes, metrics and the documentation: the endpoints of whoever runs the service."""

import re
from base64 import b64encode
from functools import partial
from hashlib import sha256
from typing import Any, Literal

from fastapi.openapi.docs import get_swagger_ui_html
from typing_extensions import TypedDict

from app.api import problem_pages
from app.http.endpoint import Endpoint, Protocol, Run
from app.http.exchange import Exchange, Reply
from app.http.exposition import CONTENT_TYPE, exposition
from app.http.service import Service

_OK = Reply(b'{"status":"ok"}')
_HTML = b"text/html; charset=utf-8"
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


class Status(TypedDict):
    """A probe's answer."""

    status: Literal["ok"]


async def _documentation(_service: Service, _exchange: Exchange, _request: None) -> Reply:
    """Swagger UI, its parts from here. Its addresses are relative: they hold behind a proxy."""
    page = get_swagger_ui_html(
        title="Unrolled",
        openapi_url="openapi.json",
        swagger_js_url="swagger/swagger-ui-bundle.js",
        swagger_css_url="swagger/swagger-ui.css",
        swagger_favicon_url="swagger/favicon-32x32.png",
        swagger_ui_parameters={"tryItOutEnabled": True},
    )
    body = bytes(page.body)
    return Reply(body, _HTML, 200, ((b"content-security-policy", _policy(body)),))


def _policy(page: bytes) -> bytes:
    """Nothing from elsewhere, and no script but this service's and those written in this page."""
    hashes = b" ".join(
        b"'sha256-%b'" % b64encode(sha256(script).digest()) for script in _INLINE.findall(page)
    )
    return (
        b"default-src 'none'; script-src 'self' %b; style-src 'self'; img-src 'self' data:; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ) % hashes


async def _live(_service: Service, _exchange: Exchange, _request: None) -> Reply:
    """Answers as long as the event loop does."""
    return _OK


async def _ready(service: Service, _exchange: Exchange, _request: None) -> Reply:
    """Runs a tiny inference on the default model; 503 while loading and while draining."""
    service.check_ready()
    return _OK


async def _metrics(service: Service, _exchange: Exchange, _request: None) -> Reply:
    """Requests, durations, batches, models; the sums of all workers.

    With many workers or models that takes longer than the loop may be kept from others.
    """
    text = await service.counts.made(partial(exposition, service))
    return Reply(text, CONTENT_TYPE.encode())


def _probe(path: str, run: Run, name: str, summary: str, **more: Any) -> Endpoint:
    """Answered without a key, and however many requests are in progress."""
    return Endpoint(
        path, run, key=False, limited=False, name=name, tag="operations", summary=summary, **more
    )


PROTOCOL = Protocol(
    (
        Endpoint("/docs", _documentation, key=False, page=True),
        problem_pages.ENDPOINT,
        _probe("/livez", _live, "live", "The process runs", answer=Status),
        _probe("/readyz", _ready, "ready", "A prediction can be made", answer=Status),
        _probe(
            "/health",
            _ready,
            "health",
            "The same as /readyz, where others look for it",
            answer=Status,
        ),
        _probe(
            "/metrics",
            _metrics,
            "metrics",
            "Metrics in Prometheus's text format",
            media_type="text/plain",
        ),
    ),
    fields={"status": "ok, always: what is not is a problem"},
)
