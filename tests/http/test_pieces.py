"""Where work is done: what is short at once, what is long beside the event loop."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.openai import completions, tokenizer
from app.http import pieces as pieces_module
from app.http.exchange import encode
from app.http.pieces import FEW, listed, made, object_of, reply_of
from app.main import create_app
from app.model import Model
from app.serving.repository import Repository
from app.settings import Settings


def test_few_characters_are_worked_on_at_once_and_many_on_a_thread() -> None:
    async def where(size: int) -> int:
        with ThreadPoolExecutor(1) as threads:
            return await made(threads, size, threading.get_ident)

    assert asyncio.run(where(FEW)) == threading.get_ident()
    assert asyncio.run(where(FEW + 1)) != threading.get_ident()


@pytest.mark.parametrize("size", [1 << 20, 1])
def test_what_is_made_for_one_answer_stops_when_nobody_waits_for_it(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large pieces fill a slice; small ones that take long to make end it."""
    monkeypatch.setattr(pieces_module, "SLICE_SECONDS", 0.0 if size == 1 else 3600.0)
    begun, go_on = threading.Event(), threading.Event()
    pieces = 0

    def make() -> Iterator[bytes]:
        nonlocal pieces
        while pieces < 64:
            pieces += 1
            begun.set()
            go_on.wait()
            yield b"a" * size

    async def leave() -> None:
        with ThreadPoolExecutor(1) as threads:
            exchange: Any = None  # is not asked before all of it is made
            work = asyncio.create_task(reply_of(threads, exchange, make, 1 << 30))
            await asyncio.to_thread(begun.wait)
            work.cancel()
            go_on.set()
            await asyncio.wait([work])

    asyncio.run(leave())
    assert pieces <= 2


@pytest.mark.parametrize("most", [1 << 10, 1 << 20, 3 << 20, 1 << 30])
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 40])
@pytest.mark.parametrize("seconds", [0.0, 3600.0])
def test_an_answer_is_the_same_whole_and_streamed(
    most: int, count: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces_module, "SLICE_SECONDS", seconds)
    made = [b"%07d" % number * 15_000 for number in range(count)]  # 105 KB each

    class Holds:
        held = 0

        def hold(self, count: int) -> None:
            self.held += count

    async def body() -> bytes:
        with ThreadPoolExecutor(1) as threads:
            exchange: Any = Holds()
            reply = await reply_of(threads, exchange, lambda: iter(made), most)
            if isinstance(reply.body, bytes):
                assert len(reply.body) < most
                return reply.body
            assert exchange.held >= most
            return b"".join([piece async for piece in reply.body])

    assert asyncio.run(body()) == b"".join(made)


def noting(threads: list[str], work: Callable[..., Any]) -> Callable[..., Any]:
    def noted(*told: Any, **more: Any) -> Any:
        threads.append(threading.current_thread().name.partition("_")[0])
        return work(*told, **more)

    return noted


MANY = 600  # words, of more than a thousand characters


@pytest.mark.parametrize(
    ("path", "field", "where", "what", "short", "long"),
    [
        ("/v1/predict", "phrase", Model, "context", "this is", "is " * MANY),
        ("/v1/distribution", "phrase", Model, "context", "this is", "is " * MANY),
        ("/tokenize", "prompt", tokenizer, "encode_text", "this is", "is " * MANY),
        ("/detokenize", "tokens", tokenizer, "check_ids", [1, 2], [1, 2] * MANY),
        ("/v1/completions", "prompt", completions, "work_of", "this is", "is " * MANY),
        ("/v1/completions", "prompt", completions, "work_of", [1, 2], [1, 2] * MANY),
        ("/v1/completions", "prompt", completions, "work_of", ["is"], ["is"] * 20),
    ],
)
def test_long_texts_are_read_beside_the_event_loop(
    path: str,
    field: str,
    where: Any,
    what: str,
    short: object,
    long: object,
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[str] = []
    monkeypatch.setattr(where, what, noting(threads, getattr(where, what)))
    with TestClient(create_app(Settings(poll_seconds=0), repository)) as client:
        for value in (short, long):
            assert client.post(path, json={field: value}).status_code == 200
    assert len(threads) == 2
    assert threads[0] != "large"
    assert threads[1] == "large"


@pytest.mark.parametrize("value", [{}, {"a": []}, {"a": [1, 2], "b": [], "c": ["x"]}])
def test_an_object_of_pieces_is_what_the_encoder_makes_of_it(
    value: dict[str, list[object]],
) -> None:
    members = ((name, listed(map(encode, elements))) for name, elements in value.items())
    assert b"".join(object_of(members)) == encode(value)
