"""What a connection sends at once is begun a little at a time, and counted while it waits."""

import asyncio
import json
import re
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.http.parts import _A_TURN, _MOST_AHEAD, PART
from app.http.uvicorn_protocol import Protocol
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.http.test_sending import Client
from tests.http.test_uvicorn_protocol import Waiting
from tests.http.ways import answer, connected, head, serving_on
from tests.small_models import model_of
from tests.test_server import Served, eventually, in_progress

COUNT = 9_000
SETTINGS = Settings(poll_seconds=0, log_requests=False)
BODY = b'{"phrase": "w4"}'
LAST = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Counting(Protocol):
    """Counts what is begun, and the most of it that one turn of the loop begins."""

    last: "Counting"
    begun_here = pieces = 0
    most: tuple[int, int] = (0, 0)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        Counting.last = self
        self._turn(0, 0)

    def _turn(self, begun: int, pieces: int) -> None:
        more = self.begun_here - begun, self.pieces - pieces
        self.most = max(self.most[0], more[0]), max(self.most[1], more[1])
        if not self.transport.is_closing():
            self.loop.call_soon(self._turn, self.begun_here, self.pieces)

    def on_headers_complete(self) -> None:
        self.begun_here += 1
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self.pieces += 1
        super().on_body(body)


@pytest.fixture
def engine() -> Waiting:
    return Waiting()


@pytest.fixture
def served(engine: Waiting) -> Iterator[Served]:
    app = create_app(SETTINGS, Repository.of(model_of(engine)))
    with serving_on(Counting, app) as served:
        yield served
        engine.go_on.set()


def received(connection: socket.socket, sent: bytes) -> bytes:
    """All that comes while this is sent, and until the connection is closed."""
    sending = threading.Thread(target=connection.sendall, args=[sent])
    sending.start()
    answers = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    sending.join()
    return answers


def requests(count: int) -> Iterator[bytes]:
    """Of all kinds, with their numbers for ids."""
    for number in range(count):
        line = b"\r\nHost: x\r\nX-Request-ID: n%d\r\n" % number
        match number % 6:
            case 0:
                yield b"POST /v1/predict HTTP/1.1%bContent-Length: %d\r\n\r\n%b" % (
                    line,
                    len(BODY),
                    BODY,
                )
            case 1:
                yield (
                    b"POST /v1/predict HTTP/1.1%bTransfer-Encoding: chunked\r\n\r\n" % line
                    + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
                )
            case 2:
                wish = b"Connection: upgrade\r\nUpgrade: x\r\n\r\n"
                yield b"GET /v1/predict?phrase=w4 HTTP/1.1" + line + wish
            case 3:
                yield b"GET /v1/models?RTSP/ HTTP/1.1" + line + b"\r\n"
            case 4:
                yield b"GET /%6civez HTTP/1.1" + line + b"\r\n"
            case _:
                yield b"GET /a HTTP/1.1" + line + b"\r\n"


def test_thousands_that_come_at_once_are_begun_a_few_in_a_turn_and_answered_in_order(
    served: Served,
) -> None:
    with connected(served) as connection:
        answers = received(connection, b"".join(requests(COUNT)) + LAST)
    told = re.findall(rb"HTTP/1.1 (\d+) .*?\r\nx-request-id: (\w+)", answers, re.DOTALL)
    statuses = (b"200", b"200", b"200", b"200", b"200", b"404")
    assert told[:-1] == [(statuses[at % 6], b"n%d" % at) for at in range(COUNT)]
    assert told[-1][0] == b"200"
    assert Counting.last.most[0] <= 2 * _A_TURN


def test_a_body_of_very_small_chunks_is_read_in_parts_too(served: Served) -> None:
    phrase = "w4 " * 20_000
    body = json.dumps({"phrase": phrase}).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % one for one in body) + b"0\r\n\r\n"
    with connected(served) as connection:
        connection.sendall(head(Transfer_Encoding="chunked") + chunks)
        response, told = answer(connection)
    assert (response.status, json.loads(told)["phrase"]) == (200, phrase)
    assert Counting.last.pieces == len(body)
    assert Counting.last.most[1] <= 2 * PART / 6


def test_a_body_full_of_what_ends_a_head_is_not_cut_at_each(served: Served) -> None:
    body = b"\r\n\r\n" * 100_000
    with connected(served) as connection:
        connection.sendall(head(length=len(body)) + body)
        assert answer(connection)[0].status == 400
    assert Counting.last.pieces < 10_000


@contextmanager
def kept_behind(served: Served, engine: Waiting, behind: bytes) -> Iterator[socket.socket]:
    """A connection whose first request is being computed, when all that is read is read."""
    body = b'{"phrases": ["w1", "w2"]}'
    with connected(served) as connection:
        connection.sendall(head("/v1/predict/batch", length=len(body)) + body)
        assert engine.waits.wait(60)
        connection.setblocking(False)
        connection.send(behind)
        connection.setblocking(True)
        eventually(lambda: Counting.last._waits)
        yield connection


def test_no_more_is_begun_ahead_of_an_answer_than_is_allowed_and_the_rest_is_counted(
    served: Served, engine: Waiting
) -> None:
    ask = b"GET /a HTTP/1.1\r\nHost:x\r\n\r\n"
    with kept_behind(served, engine, ask * COUNT):
        one = Counting.last
        assert one.begun_here == 1 + _MOST_AHEAD
        assert one.bounds.held == len(one._kept)
        assert (1 + COUNT - one.begun_here) * len(ask) >= len(one._kept) > 0
        assert not one.transport.is_reading()
        assert one.deadline == float("inf"), "the client is not slow"
    engine.go_on.set()
    eventually(lambda: in_progress(served) == 1)
    assert one.bounds.held == 0


def test_what_waits_is_refused_where_too_much_waits_already(
    served: Served, engine: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.bounds.MOST_HELD", 20_000)
    body = b'{"phrases": ["w1", "w2"]}'
    with connected(served) as connection:
        connection.sendall(head("/v1/predict/batch", length=len(body)) + body)
        assert engine.waits.wait(60)
        connection.sendall(b"GET /a HTTP/1.1\r\nHost:x\r\n\r\n" * 1_000)
        eventually(lambda: Counting.last._pending)
        assert Counting.last.bounds.held == 0
        engine.go_on.set()
        answers = received(connection, b"")
    statuses = re.findall(rb"HTTP/1.1 (\d+) ", answers)
    assert statuses[0] == b"200"
    assert set(statuses[1:-1]) <= {b"404"}
    assert statuses[-1] == b"503"


def test_a_service_that_stops_says_which_answer_is_the_last(
    served: Served, engine: Waiting
) -> None:
    ask = b"GET /a HTTP/1.1\r\nHost:x\r\n\r\n"
    with kept_behind(served, engine, ask * 100) as connection:
        one = Counting.last
        one.loop.call_soon_threadsafe(one.shutdown)
        one.loop.call_soon_threadsafe(engine.go_on.set)
        answers = received(connection, b"")
    heads = re.findall(rb"HTTP/1.1 .*?\r\n\r\n", answers, re.DOTALL)
    assert len(heads) == 1 + _MOST_AHEAD
    assert [b"connection: close\r\n" in one for one in heads] == [*[False] * _MOST_AHEAD, True]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 199 + b"\r\n", 200),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 200 + b"\r\n", 431),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 4_000, 431),
        (head(Transfer_Encoding="chunked") + b"0\r\n" + b"a:\r\n" * 250, 431),
        (b"GET /livez HTTP/1.1\r\nA: " + b"a" * 60_000, 431),
        (
            b"GET /livez HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\nB: " + b"b" * 20_000 + b"\r\nC",
            431,
        ),
    ],
    ids=["200", "201", "half a head", "trailers", "one of 60 KB", "two of 40 KB"],
)
def test_headers_are_bounded_by_their_number_too_while_they_come(
    served: Served, sent: bytes, status: int
) -> None:
    """One of four bytes takes two hundred."""
    for at in (0, 100, 900, 1_500):
        with connected(served) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(sent[:at])
            connection.sendall(sent[at:])
            response, body = answer(connection, "GET")
            assert response.status == status
            if status == 431:
                assert json.loads(body)["code"] == "headers_too_large"


def test_blank_lines_may_come_alone_before_a_request(served: Served) -> None:
    """RFC 9112, 2.2."""
    with connected(served) as connection:
        connection.sendall(b"\r\n")
        assert served.get("/livez").status_code == 200  # by then they were heard
        connection.sendall(head(length=len(BODY)) + BODY)
        assert answer(connection)[0].status == 200


def test_a_half_read_body_takes_the_memory_that_is_counted() -> None:
    async def run() -> tuple[int, int]:
        exchange: Any = Client().exchange(short=True)
        exchange._most = size = 100_000
        tracemalloc.start()
        try:
            for at in range(0, size, 2):
                exchange.collect(b"%02d" % (at % 100))
            return size, tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    size, taken = asyncio.run(run())
    assert taken < 1.5 * size
