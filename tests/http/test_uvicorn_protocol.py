"""Requests on the short way to the phrase endpoints are answered as on uvicorn's."""

import gc
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from select import select

import pytest

from app.arrays import Ids
from app.engines.base import Outputs
from app.http.exchange import Exchange
from app.http.uvicorn_protocol import Protocol
from app.main import create_app
from app.model import Model
from app.serving.repository import Repository
from app.settings import Settings
from tests.http.ways import answer, connected, head, serving_on
from tests.small_models import ForwardOnly, model_of, small_network
from tests.test_server import PATIENCE, Served, eventually, in_progress, serving

BODY = b'{"phrase": "this is"}'


@pytest.fixture(scope="module")
def served(notebook_folder: Path) -> Iterator[Served]:
    models = notebook_folder.parent
    with serving(models, default_model="notebook", max_body_bytes="2048") as served:
        yield served


def exchange(served: Served, *pieces: bytes) -> tuple[HTTPResponse, bytes]:
    with connected(served) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return answer(connection)


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/predict", BODY),
        ("/v1/predict", b'{"phrase": "this is", "top_k": 0}'),
        ("/v1/predict", b'{"phrase": "this is", "model": "none"}'),
        ("/v1/predict", b'{"phrase": "this was"}'),
        ("/v1/predict", b"{"),
        ("/v1/predict", b"\xff"),
        ("/v1/predict/batch", b'{"phrases": ["this is", "", "this"]}'),
        ("/v1/explain", BODY),
        ("/v1/distribution", BODY),
        ("/v1/diagram.svg", BODY),
    ],
)
def test_both_ways_give_the_same_answer(served: Served, path: str, body: bytes) -> None:
    ask = {"X_Request_ID": "one", "Content_Type": "application/json"}
    short = exchange(served, head(path, length=len(body), **ask), body)
    long = exchange(
        served, head(path, length=None, Transfer_Encoding="chunked", **ask), chunked(body)
    )
    assert short[0].status == long[0].status
    assert short[1] == long[1]
    names = [[name for name, _ in response.getheaders()] for response, _ in (short, long)]
    assert names[0] == names[1]
    for name in ("content-type", "content-length", "x-request-id", "retry-after"):
        assert short[0].headers[name] == long[0].headers[name]


def test_a_body_that_arrives_in_pieces_is_put_together(served: Served) -> None:
    for cut in range(1, len(BODY)):
        with connected(served) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(head(length=len(BODY)) + BODY[:cut])
            connection.sendall(BODY[cut:])
            assert json.loads(answer(connection)[1])["next_word"] == "an"


def test_a_connection_is_kept_for_further_requests_of_any_kind(served: Served) -> None:
    ports = set()
    with closing(HTTPConnection(*served.address, timeout=PATIENCE)) as connection:
        for _ in range(3):
            for method, path, body, key, value in (
                ("POST", "/v1/predict", BODY, "next_word", "an"),
                ("GET", "/livez", None, "status", "ok"),
                ("POST", "/v1/predict", iter([BODY]), "next_word", "an"),  # in chunks
                ("GET", "/v1/predict?phrase=this+is", None, "next_word", "an"),
            ):
                connection.request(method, path, body)
                assert json.loads(connection.getresponse().read())[key] == value
                ports.add(connection.sock.getsockname())
    assert len(ports) == 1


def test_requests_sent_ahead_are_answered_in_their_order(served: Served) -> None:
    phrases = ["this is", "is an", "this", "an", "is"]
    bodies = [json.dumps({"phrase": phrase}).encode() for phrase in phrases]
    with connected(served) as connection, connection.makefile("rb") as stream:
        requests = [head(length=len(body)) + body for body in bodies]
        connection.sendall(b"".join(requests) + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        answered = []
        for _ in range(len(phrases) + 1):
            assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
            lines = iter(stream.readline, b"\r\n")
            fields = dict(line.rstrip().split(b": ", 1) for line in lines)
            answered.append(json.loads(stream.read(int(fields[b"content-length"]))))
    assert [one["phrase"] for one in answered[:-1]] == phrases
    assert answered[-1] == {"status": "ok"}


def test_a_client_that_wants_the_connection_closed_gets_it_closed(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall(head(Connection="close", length=len(BODY)) + BODY)
        response, body = answer(connection)
        assert response.headers["connection"] == "close"
        assert json.loads(body)["next_word"] == "an"
        assert connection.recv(1) == b""


def test_what_the_short_way_does_not_take_is_answered_all_the_same(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall(head(Expect="100-continue", length=len(BODY)))
        assert connection.recv(64).startswith(b"HTTP/1.1 100 ")
        connection.sendall(BODY)
        assert json.loads(answer(connection)[1])["next_word"] == "an"
    old = head(length=len(BODY)).replace(b"HTTP/1.1", b"HTTP/1.0")
    assert json.loads(exchange(served, old, BODY)[1])["next_word"] == "an"
    assert exchange(served, head("/v1/predict?top_k=1", length=len(BODY)), BODY)[0].status == 422
    assert exchange(served, head("/v1/nothing", length=len(BODY)), BODY)[0].status == 404
    assert exchange(served, head(length=0))[0].status == 400
    response, body = exchange(served, head(length=4096), b"a" * 4096)
    assert (response.status, json.loads(body)["code"]) == (413, "body_too_large")


def test_a_client_that_leaves_leaves_nothing_behind(served: Served) -> None:
    for _ in range(20):
        with connected(served) as half, connected(served) as whole:
            half.sendall(head(length=len(BODY)) + BODY[:5])
            whole.sendall(head(length=len(BODY)) + BODY)
    eventually(lambda: in_progress(served) == 1)  # the one that asks
    assert json.loads(exchange(served, head(length=len(BODY)), BODY)[1])["next_word"] == "an"


class Waiting(ForwardOnly):
    """Computes nothing of several phrases before it is told to."""

    def __init__(self) -> None:
        super().__init__(small_network())
        self.waits, self.go_on = threading.Event(), threading.Event()

    def forward(self, padded: Ids) -> Outputs:
        if len(padded) > 1:
            self.waits.set()
            assert self.go_on.wait(PATIENCE)
        return super().forward(padded)


def serving_in_a_thread(model: Model, keep_alive: float = 5) -> AbstractContextManager[Served]:
    """The service on its own protocol, with an engine that the test can reach."""
    app = create_app(Settings(poll_seconds=0), Repository.of(model))
    return serving_on(Protocol, app, keep_alive)


KNOWN = b'{"phrase": "w4"}'  # to the small network
ASK, PROBE = head(length=len(KNOWN)) + KNOWN, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("requests", [[ASK, ASK, ASK], [ASK, ASK, PROBE], [PROBE, PROBE, ASK]])
def test_a_connection_is_closed_once_it_was_idle_long_enough(requests: list[bytes]) -> None:
    enough = 0.4
    model = model_of(ForwardOnly(small_network()))
    with serving_in_a_thread(model, enough) as served, connected(served) as connection:
        for request in requests:  # the time begins anew with each, whichever way it takes
            assert not select([connection], [], [], enough / 2)[0]
            asked = time.monotonic()
            connection.sendall(request)
            assert answer(connection)[0].status == 200
        assert connection.recv(1) == b""
        assert time.monotonic() - asked >= enough


def test_many_wishes_for_another_protocol_are_ignored_one_after_another(served: Served) -> None:
    count = 600
    wish = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    with connected(served) as connection:
        connection.sendall(
            wish * (count - 1) + PROBE.replace(b"Host", b"Connection: close\r\nHost")
        )
        answers = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert answers.count(b"HTTP/1.1 200") == count


def test_a_connection_is_not_idle_while_its_request_comes_in_or_is_answered() -> None:
    engine, body = Waiting(), b'{"phrases": ["w1", "w2"]}'
    with (
        serving_in_a_thread(model_of(engine), keep_alive=0.1) as served,
        connected(served) as slow,
        connected(served) as half,
        connected(served) as ahead,
    ):
        many = head("/v1/predict/batch", length=len(body)) + body
        sent = {slow: ASK, half: ASK, ahead: ASK + many[:20]}
        for connection, requests in sent.items():  # the timer runs from here
            connection.sendall(requests)
            assert answer(connection)[0].status == 200
        slow.sendall(many)
        half.sendall(ASK[:20])
        ahead.sendall(many[20:])
        assert not select(list(sent), [], [], 0.3)[0]
        engine.go_on.set()
        half.sendall(ASK[20:])
        assert [answer(connection)[0].status for connection in sent] == [200] * 3


@contextmanager
def computing_a_batch(
    phrases: list[str], path: str = "/v1/predict/batch", behind: bytes = b""
) -> Iterator[tuple[Served, socket.socket, Waiting]]:
    """A service whose engine has begun with a batch request, which came in on this connection, and
    `behind` it other requests.
    """
    engine, body = Waiting(), json.dumps({"phrases": phrases}).encode()
    with serving_in_a_thread(model_of(engine)) as served, connected(served) as connection:
        connection.sendall(head(path, length=len(body)) + body + behind)
        assert engine.waits.wait(PATIENCE)
        try:
            yield served, connection, engine
        finally:
            engine.go_on.set()


def test_others_are_answered_while_many_phrases_of_one_caller_are_computed() -> None:
    with computing_a_batch(["w1", "w2 w3"]) as (served, many, engine):
        assert exchange(served, ASK)[0].status == 200
        assert in_progress(served) == 2
        engine.go_on.set()
        results = json.loads(answer(many)[1])["results"]
    assert [result["phrase"] for result in results] == ["w1", "w2 w3"]


def test_large_requests_keep_only_each_other_waiting() -> None:
    body = b'{"phrases": ["w1", "w2"]}'
    with computing_a_batch(["w1", "w2"]) as (served, _, engine), ExitStack() as stack:
        more = [stack.enter_context(connected(served)) for _ in range(40)]
        for one in more:
            one.sendall(head("/v1/predict/batch", length=len(body)) + body)
        eventually(lambda: in_progress(served) == 42)
        # As many as the event loop's own threads could not all take, and still:
        hidden = exchange(served, head("/v1/hidden-states", length=len(KNOWN)), KNOWN)
        assert hidden[0].status == 200
        assert in_progress(served) == 42
        engine.go_on.set()
        assert [answer(one)[0].status for one in more] == [200] * 40


def test_a_client_that_leaves_is_no_longer_worked_for() -> None:
    with computing_a_batch(["w1", "w2"]) as (served, gone, _):
        gone.close()
        eventually(lambda: in_progress(served) == 1)  # the one that asks
        counted = r'unrolled_requests_total{[^}]*"/v1/predict/batch"[^}]*"499"[^}]*} 1\.0'
        assert re.search(counted, served.get("/metrics").text)


def exchanges() -> list[Exchange]:
    return [one for one in gc.get_objects() if isinstance(one, Exchange)]


@pytest.mark.parametrize("path", ["/v1/predict/batch", "/v1/predict/b%61tch"])
def test_nor_is_anything_kept_until_the_garbage_collector_comes(path: str) -> None:
    gc.collect()
    gc.disable()
    try:
        with computing_a_batch(["w1", "w2"], path) as (served, gone, engine):
            assert exchanges()  # the one under way
            gone.close()
            with connected(served) as answered:
                answered.sendall(ASK)
                answer(answered)
            engine.go_on.set()
            eventually(lambda: not exchanges())
    finally:
        gc.enable()


@pytest.mark.parametrize("path", ["/v1/predict/batch", "/v1/predict/b%61tch"])
def test_nor_is_one_that_sent_requests_ahead_on_either_way(path: str) -> None:
    with computing_a_batch(["w1", "w2"], path, ASK + ASK) as (served, gone, _):
        gone.close()
        eventually(lambda: in_progress(served) == 1)
        told = served.get("/metrics").text
        counted = r'unrolled_requests_total{[^}]*"/v1/predict/batch"[^}]*"499"[^}]*} 1\.0'
        assert re.search(counted, told)
        assert 'route="/v1/predict"' not in told  # what was sent ahead is dropped
