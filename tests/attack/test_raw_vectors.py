"""Bytes that no client of good will sends: each is told what it is, and none hurts."""

import json
import socket
import time
from collections.abc import Iterator

import pytest

from app.http.uvicorn_protocol import Protocol
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.http.ways import Way, answer, both_ways, connected, head, serving_on
from tests.test_server import Served

BODY = b'{"phrase": "this is"}'
GET = b"GET /v1/predict?phrase=this+is HTTP/1.1\r\n"
POST = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\n"
HOST = b"Host: x\r\n"
MANY_ZEROS = b"Content-Length: 0000000000000000000629145600\r\n"
TLS = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64)


@pytest.fixture(scope="module", params=[Protocol], ids=["short"])
def ours(request: pytest.FixtureRequest, repository: Repository) -> Iterator[Served]:
    settings = Settings(poll_seconds=0, log_requests=False)
    with serving_on(request.param, create_app(settings, repository)) as served:
        yield served


def refused(served: Served, sent: bytes) -> tuple[int, str, str]:
    """Status, code and detail; and the connection is closed once they are read."""
    with connected(served) as connection:
        connection.sendall(sent)
        response, body = answer(connection)
        problem = json.loads(body)
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["x-content-type-options"] == "nosniff"
        return response.status, problem["code"], problem["detail"]


@pytest.mark.parametrize(
    ("sent", "status", "code", "detail"),
    [
        (GET + b"\r\n", 400, "invalid_http", "there is no Host"),
        (GET + HOST + HOST + b"\r\n", 400, "invalid_http", "there are several Hosts"),
        (POST + MANY_ZEROS + b"\r\n", 413, "body_too_large", "larger than 1048576"),
        (POST + b"Content-Length: 1\r\n" * 2 + b"\r\n", 400, "invalid_http", "two Content-Lengths"),
        (POST + b"Content-Length: +1\r\n\r\n", 400, "invalid_http", "Content-Length"),
        (POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", 400, "invalid_http", "overflow"),
        (
            POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "invalid_http",
            "Transfer-Encoding",
        ),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "invalid_http", "chunk size"),
        (TLS, 400, "invalid_http", "TLS"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "invalid_http", "HTTP/2"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GET, 400, "invalid_http", "PROXY protocol"),
        (b"\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c" + bytes(12), 400, "invalid_http", "PROXY protocol"),
        ("GET /caf\u00e9 HTTP/1.1\r\n\r\n".encode(), 400, "invalid_http", "percent-encoded"),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "invalid_http", "CONNECT"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "target_too_long", "8192"),
        (GET + HOST + b"A: " + b"a" * 33_000 + b"\r\n\r\n", 431, "headers_too_large", "32768"),
        (GET + HOST + b"A: b\r\n" * 6_000 + b"\r\n", 431, "headers_too_large", "200 headers"),
        (b"\r\n" * 40_000, 414, "target_too_long", "8192"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, bytes) else None,
)
def test_what_is_wrong_is_said(
    ours: Served, sent: bytes, status: int, code: str, detail: str
) -> None:
    told = refused(ours, sent)
    assert told[:2] == (status, code)
    assert detail in told[2]


def test_a_head_without_end_costs_no_more_than_its_bound(ours: Served) -> None:
    """Linear cost: what is beyond the bound is not even parsed."""
    for beginning in (
        GET + HOST + b"A: ",
        b"GET /",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: ",
    ):
        with connected(ours) as connection:
            connection.sendall(beginning)
            spent = time.process_time()
            try:
                for _ in range(320):  # 20 MB
                    connection.sendall(b"a" * 65_536)
            except OSError:
                pass  # it was closed on us, after its answer
            assert time.process_time() - spent < 5  # of both; 18 s for 100 MB before
        assert ours.get("/livez").status_code == 200


@both_ways
def test_an_upgrade_is_ignored_and_the_body_kept(way: Way, repository: Repository) -> None:
    wish = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AA"}
    if way is not Protocol:
        pytest.skip("uvicorn's own protocol loses it")
    with serving_on(way, create_app(Settings(poll_seconds=0), repository)) as served:
        for pieces in ([BODY], [BODY[:5], BODY[5:]]):
            with connected(served) as connection:
                connection.sendall(head(length=len(BODY), **wish))
                for piece in pieces:
                    connection.sendall(piece)
                assert json.loads(answer(connection)[1])["next_word"] == "an"
                connection.sendall(head(length=len(BODY)) + BODY)
                assert json.loads(answer(connection)[1])["next_word"] == "an"


def test_a_bad_request_waits_for_the_answers_before_it(ours: Served) -> None:
    with connected(ours) as connection:
        connection.sendall((head(length=len(BODY)) + BODY) * 3 + b"nonsense\r\n\r\n")
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    assert received.count(b'"next_word":"an"') == 3
    assert received.count(b"HTTP/1.1 200 ") == 3
    assert received.index(b"HTTP/1.1 400 ") > received.rindex(b'"next_word":"an"')


@both_ways
def test_a_body_without_a_key_is_not_kept(way: Way, repository: Repository) -> None:
    settings = Settings(poll_seconds=0, api_keys=("k1",), max_body_bytes=1 << 26)
    app = create_app(settings, repository)
    with serving_on(way, app) as served, connected(served) as connection:
        connection.sendall(head(length=1 << 26) + b"a" * 1000)
        response, _ = answer(connection)
        assert (response.status, app.edge.bounds.held) == (401, 0)  # type: ignore[union-attr]
        for key in (" k1 ", "k1"):
            connection2 = socket.create_connection(served.address)
            with connection2:
                connection2.sendall(head(length=len(BODY), X_API_Key=key) + BODY)
                assert answer(connection2)[0].status == 200
