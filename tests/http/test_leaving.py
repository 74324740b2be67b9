"""A client that leaves while it is told what was wrong with its request."""

import asyncio
import json
import logging
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from starlette.types import Message

from app.api.inference.wire import InferRequest
from app.api.page import LookAsked
from app.main import PROTOCOLS, create_app
from app.metrics import Metrics
from app.serving.repository import Repository
from app.settings import Settings
from tests.small_models import small_model

SECRET = "mysecret"
BODIES = (
    f'"{SECRET}'.encode(),
    json.dumps({"phrase": [SECRET]}).encode(),
    json.dumps({"phrase": f"w1 {SECRET}"}).encode(),
    json.dumps({"phrase": "w1", "padding": SECRET * 2000}).encode(),  # parsed on a thread
)


def scope(body: bytes) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": "/v1/predict",
        "query_string": b"",
        "http_version": "1.1",
        "headers": [(b"host", b"x"), (b"content-length", b"%d" % len(body))],
    }


@pytest.mark.parametrize("gone", [OSError(), RuntimeError("...; the handler is closed")], ids=repr)
def test_it_is_one_who_has_left_and_nothing_of_it_is_logged(
    gone: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Uvicorn logged what came through, with the words of the request that was at fault."""
    metrics = Metrics()
    app = create_app(Settings(poll_seconds=0), Repository.of(small_model()), metrics)

    async def ask() -> None:
        async with app.router.lifespan_context(app):
            for body in BODIES:

                async def receive(body: bytes = body) -> Message:
                    return {"type": "http.request", "body": body, "more_body": False}

                async def send(_: Message) -> None:
                    raise gone

                await app(scope(body), receive, send)

    with caplog.at_level(logging.INFO):
        asyncio.run(ask())
    totals = metrics.numbers.totals()
    statuses = [key[3] for key, of in totals.items() if key[1] == "unrolled_requests" if any(of)]
    assert set(statuses) == {"499"}
    assert sum(totals["histogram", "unrolled_request_seconds", "/v1/predict"][:-1]) == len(BODIES)
    assert metrics.in_progress[0] == 0
    assert SECRET not in caplog.text


def test_what_is_said_of_a_request_that_is_not_sound_has_nothing_of_it() -> None:
    """For a traceback in the log."""
    endpoints = [endpoint for protocol in PROTOCOLS for endpoint in protocol.endpoints]
    kinds: set[type[BaseModel]] = {one.request for one in endpoints if one.request is not None}
    assert len(kinds) > 10
    kinds.update([InferRequest, LookAsked])
    for kind in kinds:
        for body in (f'["{SECRET}"]', f'"{SECRET}', SECRET):
            with pytest.raises(ValidationError) as refused:
                kind.model_validate_json(body)
            assert SECRET not in str(refused.value)
