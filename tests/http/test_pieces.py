"""Where work is done: what is short at once, what is long beside the event loop."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.openai import completions, tokenizer
from app.http.exchange import encode
from app.http.pieces import FEW, listed, made, object_of
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
