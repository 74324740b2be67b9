"""Where one message ends and the next begins, and which of its lines are its headers."""

import json
import re
import socket
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.uvicorn_protocol import Protocol
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.http.ways import Way, answer, both_ways, connected, serving_on
from tests.test_server import Served

BODY = b'{"phrase": "this is"}'
POST = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"15\r\n" + BODY + b"\r\n0\r\n"
NEXT = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module", params=[Protocol, HttpToolsProtocol], ids=["short", "asgi"])
def served(request: pytest.FixtureRequest, repository: Repository) -> Iterator[Served]:
    settings = Settings(poll_seconds=0, log_requests=False)
    with serving_on(request.param, create_app(settings, repository)) as served:
        yield served


@pytest.fixture(scope="module")
def short(repository: Repository) -> Iterator[Served]:
    """With a key, whose proxy may have taken it out of the headers."""
    settings = Settings(poll_seconds=0, log_requests=False, api_keys=("k1",))
    with serving_on(Protocol, create_app(settings, repository)) as served:
        yield served


def all_of(served: Served, sent: bytes) -> bytes:
    """What comes until the connection is closed."""
    received = b""
    with connected(served) as connection:
        connection.sendall(sent)
        while piece := connection.recv(65_536):
            received += piece
    return received


@pytest.mark.parametrize(
    "coding",
    [
        b"gzip, chunked",
        b"identity, chunked",
        b"chunked\r\nContent-Encoding: br",
        b",chunked",
        b"gzip\r\nTransfer-Encoding: chunked",
        b"Chunked",
    ],
)
def test_a_body_in_a_transfer_coding_beside_chunked_is_not_read(
    served: Served, coding: bytes
) -> None:
    """RFC 9112, 6.1: 501; what a proxy would have taken for gzip was read as JSON."""
    with connected(served) as connection:
        connection.sendall(POST + b"Transfer-Encoding: " + coding + b"\r\n\r\n" + CHUNKS + b"\r\n")
        response, body = answer(connection)
    if b"Content-Encoding" in coding:
        assert (response.status, json.loads(body)["code"]) == (415, "unsupported_encoding")
    elif coding == b"Chunked":
        assert (response.status, json.loads(body)["next_word"]) == (200, "an")
    else:
        assert (response.status, json.loads(body)["code"]) == (501, "unsupported_transfer_coding")


@pytest.mark.parametrize("coding", [b"identity", b"deflate", b"xchunked", b"chunked;q=1"])
def test_a_body_that_does_not_end_in_chunks_has_no_end(short: Served, coding: bytes) -> None:
    """RFC 9112, 6.3: 400, and the connection is closed."""
    head = POST + b"X-API-Key: k1\r\nTransfer-Encoding: " + coding + b"\r\n\r\n"
    received = all_of(short, head + CHUNKS + b"\r\n" + NEXT)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1


def test_encodings_on_two_lines_are_both_of_them(served: Served) -> None:
    lines = b"Content-Length: 21\r\nContent-Encoding: gzip\r\nContent-Encoding: identity\r\n\r\n"
    with connected(served) as connection:
        connection.sendall(POST + lines + BODY)
        assert answer(connection)[0].status == 415


@pytest.mark.parametrize(
    ("first", "status"),
    [
        (b"GET /livez HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /livez\r\n\r\n", 505),  # HTTP/0.9
        (b"GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
        (b'GET / HTTP/1.1\r\nHost: a/"><script>\r\n\r\n', 400),
        (b"GET /livez HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost:\r\n\r\n", 200),
        (b"GET /livez HTTP/1.1\r\nHost: [::1%25lo]:80\r\n\r\n", 200),
        (b"GET /livez HTTP/1.1\r\nHost: a_b.example:\r\n\r\n", 200),
        (b"GET /livez HTTP/1.0\r\n\r\n", 200),
    ],
    ids=str,
)
def test_the_version_and_the_host_are_those_of_the_standard(
    served: Served, first: bytes, status: int
) -> None:
    with connected(served) as connection:
        connection.sendall(first)
        assert answer(connection, "GET")[0].status == status


def test_what_comes_behind_a_body_is_no_header(short: Served) -> None:
    """Else a key, or an encoding, comes in by a door that no proxy looks at."""
    for head, trailer, status in (
        (b"", b"X-API-Key: k1\r\n", b"401"),
        (b"X-API-Key: k1\r\n", b"Authorization: Bearer no\r\n", b"200"),
        (b"X-API-Key: k1\r\n", b"Content-Encoding: gzip\r\nHost: y\r\n", b"200"),
        (b"X-API-Key: k1\r\nExpect: 100-continue\r\n", b"Host: y\r\n", b"200"),  # through ASGI
    ):
        received = all_of(short, POST + head + CHUNKED + CHUNKS + trailer + b"\r\n" + NEXT)
        received = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert received[9:12] == status
        assert received.count(b"HTTP/1.1 200 ") == 1 + (status == b"200")


def test_a_bad_head_is_no_fault_of_the_request_before_it(short: Served) -> None:
    good = POST + b"X-API-Key: k1\r\nContent-Length: 21\r\n\r\n" + BODY
    for bad, status in (
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 33_000 + b"\r\n\r\n", b"431"),
        (b"GET http://x:99999999/ HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
    ):
        received = all_of(short, good + bad)
        assert received.startswith(b"HTTP/1.1 200 ")
        assert b'"next_word":"an"' in received
        assert b"HTTP/1.1 " + status in received


def test_the_answers_before_a_bad_chunk_are_sent(short: Served) -> None:
    good = POST + b"X-API-Key: k1\r\nContent-Length: 21\r\n\r\n" + BODY
    bad = POST + b"X-API-Key: k1\r\n" + CHUNKED + CHUNKS[:10] + b"x" * 30 + b"\r\n\r\n" + NEXT
    for before in (1, 3):
        received = all_of(short, before * good + bad)
        assert re.findall(rb"HTTP/1.1 (\d+) ", received) == [*[b"200"] * before, b"400"]
        assert received.count(b'"next_word":"an"') == before


def test_rtsp_is_not_spoken(short: Served) -> None:
    """The parser takes it for HTTP; in a body it is letters."""
    body = b"\nGET /livez RTSP/1.0\r\n"
    length = b"X-API-Key: k1\r\nContent-Length: %d\r\n\r\n" % len(body)
    asked = b"GET /livez RTSP/1.0\r\nHost: x\r\n\r\n"
    assert all_of(short, asked).startswith(b"HTTP/1.1 505 ")
    assert all_of(short, asked.replace(b"1.0", b"1.1")).startswith(b"HTTP/1.1 505 ")
    received = all_of(short, POST + length + body + NEXT)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"invalid_json"' in received
    assert received.count(b"HTTP/1.1 200 ") == 1
    received = all_of(short, NEXT.replace(b"Connection: close\r\n", b"") + asked)
    assert (received[9:12], received.count(b"HTTP/1.1 505 ")) == (b"200", 1)
    with connected(short) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nA: GET /livez RTSP/1.0\r\n\r\n")
        assert answer(connection, "GET")[0].status == 200


@pytest.mark.parametrize(
    "asked",
    [
        b"GET /livez RTSP/1.1\r\n",
        b"\r\n\rGET  /livez   RTSP/1.0\r\n",
        b"PLAY http://x/livez RTSP/1.1\r\n",
        b"SOURCE /livez ICE/1.0\r\n",
        b"GET /livez RTSP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n",
    ],
)
def test_rtsp_is_not_spoken_wherever_its_line_begins_or_is_cut(short: Served, asked: bytes) -> None:
    """Its line stands right behind a body; what is sent before a cut is taken in with that body."""
    body = POST + b"X-API-Key: k1\r\nContent-Length: 21\r\n\r\n" + BODY
    asked += b"Host: x\r\n\r\n"
    for cut in range(len(asked)):
        with connected(short) as connection:
            connection.sendall(body + asked[:cut])
            assert json.loads(answer(connection)[1])["next_word"] == "an"
            connection.sendall(asked[cut:])
            assert answer(connection, "GET")[0].status == 505
    for named in (b"GET /livez?RTSP/ HTTP/1.1\r\n", b"GET /livez HTTP/1.1\r\nA: b RTSP/1.0\r\n"):
        for cut in range(len(named)):
            with connected(short) as connection:
                connection.sendall(body + named[:cut])
                assert answer(connection)[0].status == 200
                connection.sendall(named[cut:] + b"Host: x\r\n\r\n")
                assert answer(connection, "GET")[0].status == 200


def test_tls_is_known_by_its_first_byte(short: Served) -> None:
    assert b"plain HTTP, and TLS arrived" in all_of(short, b"\x16")


def test_blanks_behind_a_value_are_no_part_of_it(served: Served) -> None:
    """RFC 9112, 5.1; the parser leaves them there."""
    for blanks in (b" ", b"\t", b" \t "):
        lines = (
            b"Host: x",
            b"Content-Length: 21",
            b"X-Request-ID: one",
            b"Content-Encoding: identity",
        )
        with connected(served) as connection:
            connection.sendall(
                b"POST /v1/predict HTTP/1.1\r\n"
                + b"".join(line + blanks + b"\r\n" for line in lines)
                + b"\r\n"
                + BODY
            )
            response, body = answer(connection)
        assert (response.status, json.loads(body)["next_word"]) == (200, "an")
        assert response.headers["x-request-id"] == "one"


def test_a_connection_that_a_trailer_ends_is_closed(short: Served) -> None:
    """The parser takes no further request then, and the client would wait for nothing."""
    head = POST + b"X-API-Key: k1\r\n"
    for more in (b"", b"Expect: 100-continue\r\n"):  # the latter through ASGI
        received = all_of(short, head + more + CHUNKED + CHUNKS + b"Connection: close\r\n\r\n")
        assert b'"next_word":"an"' in received
        assert b"connection: close\r\n" in received


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"POST /nowhere HTTP/1.1", b"404"),
        (b"PUT /v1/predict HTTP/1.1", b"405"),
        (b"POST /openapi.json HTTP/1.1", b"405"),
        (b"POST /v1/predict HTTP/1.1\r\nHost: y", b"400"),
        (b"POST /v1/predict HTTP/1.1\r\nX-Large: ", b"413"),
    ],
)
def test_a_body_that_is_not_asked_for_ends_the_connection(
    served: Served, line: bytes, status: bytes
) -> None:
    """RFC 9110, 10.1.1. A client that holds it back may go on with its next request, of which the
    first bytes were taken for that body.
    """
    length = b"9999999" if status == b"413" else b"%d" % len(NEXT)
    head = line + b"\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: " + length
    with connected(served) as connection:
        connection.sendall(head + b"\r\n\r\n")
        response, _ = answer(connection)
        assert (b"%d" % response.status, response.headers["connection"]) == (status, "close")
        connection.sendall(NEXT)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_a_body_is_asked_for_whatever_blanks_are_behind_the_wish(short: Served) -> None:
    """Who is not asked waits until its request is too slow."""
    for blanks in (b"", b" ", b"\t"):
        with connected(short) as connection:
            head = POST + b"X-API-Key: k1\r\nExpect: 100-Continue" + blanks
            connection.sendall(head + b"\r\nContent-Length: 21\r\n\r\n")
            asked = b"HTTP/1.1 100 Continue\r\n\r\n"
            assert connection.recv(len(asked), socket.MSG_WAITALL) == asked
            connection.sendall(BODY)
            assert json.loads(answer(connection)[1])["next_word"] == "an"


def test_http_1_0_is_answered_without_chunks(short: Served) -> None:
    """RFC 9112, 6.1: it would take their sizes for parts of the answer."""
    asked = {"model": "notebook", "prompt": "this is", "stream": True, "max_tokens": 3}
    body = json.dumps(asked).encode()
    for more in (b"", b"Connection: keep-alive\r\n", b"Expect: 100-continue\r\n"):
        head = b"POST /v1/completions HTTP/1.0\r\nX-API-Key: k1\r\n" + more
        received = all_of(short, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        lines, _, events = received.partition(b"\r\n\r\n")
        assert lines.startswith(b"HTTP/1.1 200 ")
        assert lines.endswith(b"connection: close")
        assert b"transfer-encoding" not in lines
        assert re.fullmatch(rb"(data: \{.*\}\n\n)+data: \[DONE\]\n\n", events)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"http://x", 200),
        (b"http://x?a=b", 200),
        (b"http://x/livez", 200),
        (b"*", 404),
        (b"http://[::zz/", 400),
        (b"http:///livez", 400),
    ],
)
def test_a_target_may_have_scheme_and_host(
    repository: Repository, target: bytes, status: int
) -> None:
    app = create_app(Settings(poll_seconds=0, log_requests=False), repository)
    with serving_on(Protocol, app) as served:
        received = all_of(
            served, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert b"callback" not in received


def test_an_upgrade_of_http_1_0_leaves_http_1_0(short: Served) -> None:
    wish = b"Connection: Upgrade\r\nUpgrade: h2c\r\nX-API-Key: k1\r\n"
    head = b"POST /v1/predict HTTP/1.0\r\n" + wish + b"Expect: 100-continue\r\n"
    received = all_of(short, head + b"Content-Length: 21\r\n\r\n" + BODY)
    assert received.startswith(b"HTTP/1.1 200 ")  # no Host is needed, and nothing continued
    assert b'"next_word":"an"' in received


@both_ways
def test_no_answer_repeats_the_host_that_was_asked(way: Way, repository: Repository) -> None:
    """A route of one's own sees what a trusted proxy says."""

    async def scheme(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.url.scheme)

    for trusted, seen in ((("127.0.0.1",), b"https"), (("192.0.2.0/24",), b"http")):
        settings = Settings(poll_seconds=0, trusted_proxies=trusted)
        app: Starlette = create_app(settings, repository)
        app.add_route("/scheme", scheme)
        with serving_on(way, app) as served:  # type: ignore[arg-type] # it is Unrolled
            forwarded = b" HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Proto: https\r\n"
            ends = b"Connection: close\r\n\r\n"
            document = all_of(served, b"GET /openapi.json/" + forwarded + ends)
            assert document.startswith(b"HTTP/1.1 200 ")
            assert b"evil.example" not in document
            assert all_of(served, b"GET /scheme" + forwarded + ends).endswith(b"\r\n\r\n" + seen)
