"""A protocol that nobody thought of: its own errors, binary bodies, streamed answers; both ways."""

import struct
import threading
from collections.abc import AsyncGenerator, Iterator

import httpx
import pytest

from app.errors import InvalidRequest, UnrolledError
from app.http.endpoint import Endpoint, Protocol, raw
from app.http.exchange import Exchange, Reply
from app.http.service import Service
from app.main import PROTOCOLS, create_app
from app.settings import Settings
from tests.http.ways import Way, both_ways, connected, head, serving_on
from tests.test_server import PATIENCE, Served, eventually, in_progress

closed = threading.Event()  # a stream that was left


async def ids(service: Service, exchange: Exchange) -> list[int]:
    body = await raw(service, exchange)
    if len(body) % 4:
        raise InvalidRequest("ids have four bytes each")
    return [number for (number,) in struct.iter_unpack("<I", body)]


async def words(service: Service, exchange: Exchange, request: list[int]) -> Reply:
    known = service.model(exchange.parameters["m"]).vocabulary.words

    async def pieces() -> AsyncGenerator[bytes, None]:
        for number in request:
            if number == 4:
                raise RuntimeError("a fault of ours")
            yield f"{known[number]};".encode()

    return Reply(pieces(), b"text/words", headers=((b"x-words", b"%d" % len(request)),))


async def endless(_service: Service, _exchange: Exchange, _request: object) -> Reply:
    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"a" * 65_536
        finally:
            closed.set()

    return Reply(pieces(), b"text/plain")


def shape(error: UnrolledError, request_id: str) -> Reply:
    return Reply(f"!{error.code} {error}".encode(), b"text/error", error.status)


MADE_UP = Protocol(
    (
        Endpoint("/made-up/{m}/words", words, ("POST",), read=ids),
        Endpoint("/made-up/endless", endless, ("GET", "POST"), read=raw),
    ),
    shape,
    under=("/made-up",),
)


@pytest.fixture
def served(way: Way, repository) -> Iterator[Served]:  # type: ignore[no-untyped-def]
    settings = Settings(poll_seconds=0, max_body_bytes=1024, log_requests=False)
    with serving_on(
        way, create_app(settings, repository, protocols=(*PROTOCOLS, MADE_UP))
    ) as served:
        yield served


def post(served: Served, path: str, *numbers: int, odd: bytes = b"") -> httpx.Response:
    url = "http://{}:{}{}".format(*served.address, path)
    return httpx.post(url, content=struct.pack(f"<{len(numbers)}I", *numbers) + odd)


@both_ways
def test_a_binary_body_is_answered_in_pieces(served: Served) -> None:
    answer = post(served, "/made-up/notebook/words", 3, 1, 2)
    assert (answer.status_code, answer.text) == (200, "this;is;an;")
    assert answer.headers["content-type"] == "text/words"
    assert answer.headers["x-words"] == "3"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert len(answer.headers["x-request-id"]) == 32
    assert post(served, "/made-up/notebook/words").text == ""


@both_ways
@pytest.mark.parametrize(
    ("path", "numbers", "odd", "status", "text"),
    [
        ("/made-up/notebook/words", (1,), b"a", 422, "!invalid_request ids have four bytes each"),
        ("/made-up/none/words", (1,), b"", 404, "!model_not_found no model of that name"),
        ("/made-up/notebook/words", (4,), b"", 500, "!internal_error the service has a fault"),
        ("/made-up/notebook/words", (1,) * 999, b"", 413, "!body_too_large the body is larger"),
        ("/made-up/none", (), b"", 404, "!not_found there is nothing at this path"),
    ],
)
def test_errors_are_in_the_protocol_s_own_shape(
    served: Served, path: str, numbers: tuple[int, ...], odd: bytes, status: int, text: str
) -> None:
    answer = post(served, path, *numbers, odd=odd)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/error")
    assert answer.text.startswith(text)
    assert post(served, "/v1/nothing").json()["code"] == "not_found"


@both_ways
def test_an_answer_that_fails_on_the_way_is_cut_off(served: Served) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        post(served, "/made-up/notebook/words", 3, 4)


@both_ways
def test_a_stream_waits_for_its_reader_and_ends_when_it_leaves(served: Served) -> None:
    for request in (
        head("/made-up/endless", length=1) + b"a",
        b"GET /made-up/endless HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        closed.clear()
        with connected(served) as connection:
            connection.sendall(request)
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
            assert not closed.is_set()
            assert in_progress(served) == 2
        assert closed.wait(PATIENCE)
        eventually(lambda: in_progress(served) == 1)
