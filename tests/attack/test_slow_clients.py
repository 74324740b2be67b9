"""Clients that send or read slowly, or not at all, are given their time and no more."""

import json
import socket
from collections.abc import AsyncGenerator
from contextlib import ExitStack

import pytest

from app.http.endpoint import Endpoint
from app.http.endpoint import Protocol as Endpoints
from app.http.exchange import Exchange, Reply
from app.http.service import Service
from app.http.uvicorn_protocol import Protocol
from app.main import PROTOCOLS, create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.http.ways import Way, answer, both_ways, connected, head, serving_on
from tests.test_server import eventually, in_progress

BODY = b'{"phrase": "this is"}'
QUICK = Settings(poll_seconds=0, read_seconds=0.3, write_seconds=0.3, max_connections=30)


async def large(_service: Service, _exchange: Exchange, _request: object) -> Reply:
    return Reply(b"a" * (32 << 20), b"text/plain")


async def endless(_service: Service, _exchange: Exchange, _request: object) -> Reply:
    async def pieces() -> AsyncGenerator[bytes, None]:
        while True:
            yield b"a" * 65_536

    return Reply(pieces(), b"text/plain")


LARGE = Endpoints((Endpoint("/large", large), Endpoint("/endless", endless)))


def closes(connection: socket.socket) -> bytes:
    """What is received until the other side closes."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received


def test_silence_and_drips_are_ended(repository: Repository) -> None:
    with serving_on(Protocol, create_app(QUICK, repository)) as served, ExitStack() as stack:
        silent, half_head, half_body, drip = (
            stack.enter_context(connected(served)) for _ in range(4)
        )
        half_head.sendall(b"POST /v1/predict HTTP/1.1\r\nHost")
        half_body.sendall(head(length=len(BODY)) + BODY[:5])
        drip.sendall(head(Transfer_Encoding="chunked"))
        try:
            for _ in range(1000):
                drip.sendall(b"1\r\na\r\n")
                drip.settimeout(0.02)
                try:
                    got = drip.recv(1000)
                    break
                except TimeoutError:
                    continue
        finally:
            drip.settimeout(10)
        assert got.startswith(b"HTTP/1.1 408 ")
        assert closes(silent) == b""
        for connection in (half_head, half_body):
            told = closes(connection)
            assert told.startswith(b"HTTP/1.1 408 ")
            assert json.loads(told.partition(b"\r\n\r\n")[2])["code"] == "too_slow"
        eventually(lambda: in_progress(served) == 1)


@both_ways
@pytest.mark.parametrize(
    "begin",
    [
        head(length=len(BODY)) + BODY[:5],
        head("/v1/%70redict", length=len(BODY)) + BODY[:5],  # through ASGI, on the short way too
        head(length=len(BODY)),
        head(Transfer_Encoding="chunked"),
        head(length=len(BODY), Expect="100-continue"),
        head(Transfer_Encoding="chunked", Expect="100-continue") + b"5\r\n",
    ],
)
def test_a_body_that_is_too_slow_is_the_connection_s_last(
    way: Way, begin: bytes, repository: Repository
) -> None:
    with serving_on(way, create_app(QUICK, repository)) as served, connected(served) as connection:
        connection.sendall(begin)
        response, body = answer(connection)
        assert (response.status, json.loads(body)["code"]) == (408, "too_slow")
        assert response.headers.get_all("connection") == ["close"]


@both_ways
@pytest.mark.parametrize("path", ["/large", "/endless"])
def test_a_client_that_does_not_read_is_cut_off(
    way: Way, path: str, repository: Repository
) -> None:
    app = create_app(QUICK, repository, protocols=(*PROTOCOLS, LARGE))
    with serving_on(way, app) as served, ExitStack() as stack:
        for _ in range(5):
            connection = stack.enter_context(connected(served))
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        bounds = app.edge.bounds  # type: ignore[union-attr]
        eventually(lambda: in_progress(served) == 1)
        assert bounds.held == 0


def test_a_large_answer_arrives_whole_where_it_is_read(repository: Repository) -> None:
    app = create_app(QUICK, repository, protocols=(*PROTOCOLS, LARGE))
    with serving_on(Protocol, app) as served:
        assert served.get("/large").content == b"a" * (32 << 20)


def test_no_more_connections_than_are_allowed(repository: Repository) -> None:
    settings = Settings(poll_seconds=0, max_connections=3)
    with serving_on(Protocol, create_app(settings, repository)) as served, ExitStack() as stack:
        kept = [stack.enter_context(connected(served)) for _ in range(3)]
        with connected(served) as one_more:
            assert answer(one_more)[0].status == 503
        for connection in kept:
            connection.sendall(head(length=len(BODY)) + BODY)
            assert answer(connection)[0].status == 200
        kept[0].close()
        eventually(lambda: served.get("/livez").status_code == 200)
