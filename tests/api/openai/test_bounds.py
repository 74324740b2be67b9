"""What one completion request may cost and keep, whatever it asks for."""

import asyncio
import json
import tracemalloc
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from app.api.openai.completions import _merged
from app.engines.numpy_engine import NumpyEngine
from app.http.uvicorn_protocol import Protocol
from app.main import create_app
from app.serving.batching import Batcher
from app.serving.generation import Prompt, Text, Wanted
from app.serving.repository import Repository
from app.settings import Settings
from tests.http.ways import serving_on
from tests.small_models import model_of, small_network
from tests.test_server import Served

CLASSES = 2_000
PROMPT = " ".join(f"w{number}" for number in range(1, 151))


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    model = model_of(NumpyEngine(small_network(classes=CLASSES)), max_length=200)
    settings = Settings(poll_seconds=0, max_buffered_bytes=1 << 20, log_requests=False)
    with serving_on(Protocol, create_app(settings, Repository.of(model))) as served:
        yield served


def complete(served: Served, **asked: object) -> httpx.Response:
    url = "http://{}:{}/v1/completions".format(*served.address)
    return httpx.post(url, json=asked, timeout=60)


def events(answer: httpx.Response) -> list[dict[str, object]]:
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert lines.pop() == "[DONE]"
    return [json.loads(line)["choices"][0] for line in lines]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"prompt": ["w1"] * 1000, "n": 128, "max_tokens": 0}, "n"),
        ({"prompt": ["w1"] * 1000, "n": 1, "best_of": 128, "max_tokens": 0}, "best_of"),
        ({"prompt": [PROMPT] * 20, "n": 100, "max_tokens": 0, "echo": True}, "echo"),
        (
            {"prompt": ["w1 " * 3000] * 20, "echo": True, "logprobs": 1999, "stream": True},
            "logprobs",
        ),
    ],
)
def test_what_is_too_much_is_refused_at_once(
    served: Served, asked: dict[str, object], field: str
) -> None:
    told = complete(served, **asked)
    assert told.status_code == 400
    error = told.json()["error"]
    assert error["code"] == "too_expensive"
    assert error["param"] == field


def test_no_more_is_listed_than_there_are_words(served: Served) -> None:
    """JSON has numbers that no float has room for: 1e308 beside each word was a 500."""
    asked = {"prompt": "w1", "max_tokens": 2, "seed": 1}
    all_of_them = complete(served, **asked, logprobs=CLASSES).json()["choices"]
    assert len(all_of_them[0]["logprobs"]["top_logprobs"][0]) == CLASSES - 1
    for many in (1e308, 10**400, 10**4000):
        assert complete(served, **asked, logprobs=many).json()["choices"] == all_of_them
    assert complete(served, **asked, logprobs=1e308, stream=True).status_code == 200


def test_what_a_small_network_costs_is_more_than_its_products() -> None:
    """Texts share what there is to do around a product; one that is alone pays for all of it."""
    model = model_of(NumpyEngine(small_network()))
    settings = Settings(poll_seconds=0, max_seconds=0.2, log_requests=False)
    with serving_on(Protocol, create_app(settings, Repository.of(model))) as served:
        alone = complete(served, prompt="w1", max_tokens=1408)
        together = complete(served, prompt="w1", max_tokens=44, n=32)
    assert alone.json()["error"]["code"] == "too_expensive"
    assert alone.json()["error"]["param"] == "max_tokens"
    assert together.json()["usage"]["completion_tokens"] == 1408


def test_the_ids_that_are_never_drawn_are_kept_once_for_all_texts(served: Served) -> None:
    bias = {str(number): -100 for number in range(1, CLASSES)}
    asked = {"prompt": ["w1"] * 30, "n": 128, "max_tokens": 0, "logit_bias": bias}
    assert complete(served, prompt="w1", max_tokens=0).status_code == 200
    tracemalloc.start()
    try:
        assert complete(served, **asked).status_code == 200
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3840 * 8 * CLASSES  # which so many copies of them would take


@pytest.mark.parametrize("logprobs", [3, 1999])
def test_an_echo_is_streamed_in_parts_that_are_the_whole_answer_s(
    served: Served, logprobs: int
) -> None:
    prompt = PROMPT if logprobs == 3 else "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12"
    asked = {"prompt": prompt, "n": 2, "echo": True, "max_tokens": 2, "seed": 3}
    asked["logprobs"] = logprobs
    whole = complete(served, **asked).json()["choices"]
    parts = events(complete(served, stream=True, **asked))
    for index in range(2):
        own = [part for part in parts if part["index"] == index]
        assert len([part for part in own if part["text"]]) >= 4
        assert "".join(str(part["text"]) for part in own) == whole[index]["text"]
        for name in ("tokens", "token_logprobs", "text_offset"):
            joined = [one for part in own for one in part["logprobs"][name]]  # type: ignore[index]
            if name == "token_logprobs":
                assert joined[0] is whole[index]["logprobs"][name][0] is None
                assert joined[1:] == pytest.approx(whole[index]["logprobs"][name][1:], abs=1e-5)
            else:
                assert joined == whole[index]["logprobs"][name]


def test_no_more_words_are_made_than_a_client_will_soon_read() -> None:
    model = model_of(NumpyEngine(small_network()))
    words, ahead, at_once = 40, 3, 2

    async def run() -> None:
        batcher = Batcher()
        barred = model.never_written
        prompts = [Prompt.of_text(model, f"w{number}") for number in range(1, 9)]
        wanted = Wanted(words)
        texts = [Text(batcher, model, one, wanted, at, barred) for at, one in enumerate(prompts)]
        read: list[list[str]] = [[] for _ in texts]
        async for index, piece, finish in _merged(texts, at_once, ahead):
            if piece is not None:
                read[index].append(piece.text)
            else:
                assert finish == "length"
            made = sum(text.drawn for text in texts)
            assert made - sum(map(len, read)) <= ahead + at_once
        assert [len(one) for one in read] == [words] * len(texts)

    asyncio.run(run())


def test_texts_of_no_words_let_others_be_heard(served: Served) -> None:
    answer = complete(served, prompt=["w1"] * 32, n=128, max_tokens=0, echo=False)
    choices = answer.json()["choices"]
    assert len(choices) == 4096
    assert np.unique([one["finish_reason"] for one in choices]).tolist() == ["length"]
