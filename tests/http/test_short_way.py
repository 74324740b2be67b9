"""The short way stays on behind a proxy's prefix and with CORS, and gives way where it must."""

import asyncio
import json
import logging

import httpx
import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.endpoint import Endpoint, raw
from app.http.endpoint import Protocol as Endpoints
from app.http.exchange import Exchange, Reply
from app.http.service import Service
from app.http.short_way import http_protocol, missing
from app.http.uvicorn_protocol import Protocol
from app.main import PROTOCOLS, create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.http.ways import Way, answer, both_ways, connected, serving_on


async def which(_service: Service, exchange: Exchange, _request: bytes) -> Reply:
    return Reply(type(exchange).__name__.encode())


WHICH = Endpoints((Endpoint("/which", which, ("POST",), read=raw),))
CROSS = {"origin": "https://page.example"}


@both_ways
@pytest.mark.parametrize("more", [{}, {"cors_origins": ("*",)}, {"root_path": "/words"}])
def test_our_protocol_takes_the_short_way_whatever_is_set(
    way: Way, repository: Repository, more: dict[str, object]
) -> None:
    settings = Settings(poll_seconds=0, **more)  # type: ignore[arg-type] # any setting
    with serving_on(way, create_app(settings, repository, protocols=(*PROTOCOLS, WHICH))) as served:
        url = "http://{}:{}{}/which".format(*served.address, settings.root_path)
        taken = httpx.post(url, content=b"x", headers=CROSS)
    assert taken.text == ("ShortExchange" if way is Protocol else "Exchange")


@both_ways
def test_a_prefix_is_understood_whether_the_proxy_strips_it_or_not(
    way: Way, repository: Repository
) -> None:
    settings = Settings(poll_seconds=0, root_path="/words/")
    with serving_on(way, create_app(settings, repository)) as served:
        for prefix in ("", "/words"):
            for path in ("/v1/predict", "/v1/predict/"):
                url = "http://{}:{}{}{}".format(*served.address, prefix, path)
                assert httpx.post(url, json={"phrase": "this is"}).json()["next_word"] == "an"
            assert served.get(f"{prefix}/v1/models/notebook").json()["parameters"] == 13
            assert served.get(f"{prefix}/swagger/swagger-ui.css").status_code == 200
            assert served.get(f"{prefix}/openapi.json").json()["servers"] == [{"url": "/words"}]
            assert served.get(f"{prefix}/nothing").json()["code"] == "not_found"
        assert served.get("/wordsv1/predict").status_code == 404


@both_ways
@pytest.mark.parametrize("path", ["/docs/", "/words", "/words/docs/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_without_content_says_that_it_has_none(
    way: Way, method: str, path: str, repository: Repository
) -> None:
    """Else a client waits for it, or takes the next answer for it."""
    settings = Settings(poll_seconds=0, root_path="/words")
    asked = f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with (
        serving_on(way, create_app(settings, repository)) as served,
        connected(served) as connection,
        connection.makefile("rb") as stream,
    ):
        connection.sendall(asked + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert stream.readline() == b"HTTP/1.1 308 Permanent Redirect\r\n"
        lines = list(iter(stream.readline, b"\r\n"))
        assert b"content-length: 0\r\n" in lines
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"


@both_ways
def test_one_that_has_not_changed_ends_with_its_head(way: Way, repository: Repository) -> None:
    with (
        serving_on(way, create_app(Settings(poll_seconds=0), repository)) as served,
        connected(served) as connection,
    ):
        asked = b"GET /v1/predict?phrase=this+is HTTP/1.1\r\nHost: x\r\n"
        connection.sendall(asked + b"\r\n")
        tag = answer(connection, "GET")[0].headers["etag"].encode()
        connection.sendall(asked + b"If-None-Match: " + tag + b"\r\n\r\n")
        response, _ = answer(connection, "GET")
        assert (response.status, response.headers["content-length"]) == (304, None)


@both_ways
def test_a_prefix_is_understood_once(way: Way, repository: Repository) -> None:
    settings = Settings(poll_seconds=0, root_path="/w")
    with serving_on(way, create_app(settings, repository)) as served:
        assert served.get("/w/v1/models").status_code == 200
        for times in (2, 3, 2000):
            told = served.get("/w" * times + "/v1/models")
            assert (told.status_code, told.json()["code"]) == (404, "not_found")
        assert served.get("/w" * 2 + "/openapi.json").status_code == 404
        assert served.get("/w" * 2).status_code == 404


@both_ways
def test_a_page_of_an_allowed_origin_may_read_answers_and_errors(
    way: Way, repository: Repository
) -> None:
    settings = Settings(poll_seconds=0, cors_origins=("https://page.example",))
    with serving_on(way, create_app(settings, repository)) as served:
        url = "http://{}:{}/v1/predict".format(*served.address)
        for body, status in (({"phrase": "this is"}, 200), ({"phrase": "zebra"}, 422)):
            for headers, allowed in ((CROSS, CROSS["origin"]), ({"origin": "https://x"}, None)):
                answer = httpx.post(url, json=body, headers=headers)
                assert answer.status_code == status
                assert answer.headers.get("access-control-allow-origin") == allowed
                assert "x-request-id" in answer.headers["access-control-expose-headers"]
                assert answer.headers["vary"] == "Origin"
        asks = {**CROSS, "access-control-request-method": "POST"}
        may = httpx.options(url, headers={**asks, "access-control-request-headers": "x-api-key"})
        assert (may.status_code, may.headers["access-control-allow-headers"]) == (200, "x-api-key")
        assert may.headers["access-control-allow-origin"] == CROSS["origin"]
        assert httpx.options(url, headers={**asks, "origin": "https://x"}).status_code == 400
        assert json.loads(httpx.options(url).text)["code"] == "method_not_allowed"


def test_where_uvicorn_lacks_what_is_relied_on_all_goes_through_asgi() -> None:
    class Changed(HttpToolsProtocol):
        """A version that renamed something."""

        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            del self.pipeline

    assert missing(HttpToolsProtocol) == []
    assert http_protocol() is Protocol
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    kinds: list[tuple[type[asyncio.Protocol], str]] = [
        (Changed, "pipeline"),
        (H11Protocol, "parser"),
    ]
    logging.getLogger("unrolled").addHandler(handler)
    try:
        assert [http_protocol(kind) for kind, _ in kinds] == [kind for kind, _ in kinds]
    finally:
        logging.getLogger("unrolled").removeHandler(handler)
    assert [name in line for line, (_, name) in zip(said, kinds, strict=True)] == [True, True]
