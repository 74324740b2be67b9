"""`/v1/suggest` as a client meets it, with the notebook's model and with the English one."""

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.native import suggestions
from app.arrays import Context, Ids
from app.engines.base import Outputs
from app.folder.read import load_model
from app.main import create_app
from app.model import Model
from app.serving.repository import Repository
from app.serving.results import in_batches
from app.settings import Settings
from app.suggesting.place import Asked
from tests.conftest import MODELS
from tests.small_models import ForwardOnly, model_of, small_model, small_network


@pytest.fixture(scope="module")
def english() -> Iterator[TestClient]:
    repository = Repository.of(load_model(MODELS / "english"))
    with TestClient(create_app(Settings(), repository), raise_server_exceptions=False) as client:
        yield client


def test_a_text_is_answered_with_what_replaces_its_end(english: TestClient) -> None:
    answer = english.post("/v1/suggest", json={"text": "I'm going to the sto"}).json()
    assert (answer["model"], answer["text"]) == ("english", "I'm going to the sto")
    assert (answer["replace"], answer["typed"]) == ([17, 20], "sto")
    first = answer["suggestions"][0]
    assert (first["text"], first["words"], first["kind"]) == ("store ", ["store"], "completion")
    assert answer["unknown"] == []
    assert answer["sentence_end"] is None


def test_a_query_string_says_the_same(english: TestClient) -> None:
    query = "/v1/suggest?text=Thank%20you%20&count=2&words=3&exclude=for,so&fresh=true"
    body = {"text": "Thank you ", "count": 2, "words": 3, "exclude": ["for", "so"], "fresh": True}
    answer = english.get(query).json()
    assert answer == english.post("/v1/suggest", json=body).json()
    assert answer["text"] == "Thank you "
    assert not {"for", "so"} & {one["words"][0] for one in answer["suggestions"]}


def test_each_text_of_a_batch_is_a_line(english: TestClient) -> None:
    texts = ["", "Good mor", "I don't kno"] * 15
    reply = english.post("/v1/suggest/batch", json={"texts": texts, "count": 1})
    assert reply.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in reply.text.splitlines()]
    assert [line["text"] for line in lines] == texts
    alone = [english.post("/v1/suggest", json={"text": t, "count": 1}).json() for t in texts[:3]]
    for line, other in zip(lines, alone * 15, strict=True):
        assert line["suggestions"][0]["words"] == other["suggestions"][0]["words"]


def test_a_text_that_cannot_be_answered_is_a_problem_in_its_place(client: TestClient) -> None:
    reply = client.post("/v1/suggest/batch", json={"texts": ["this ", ""]})
    found, problem = (json.loads(line) for line in reply.text.splitlines())
    assert found["suggestions"][0]["words"] == ["an"]
    assert problem["code"] == "empty_phrase"


class Watched(ForwardOnly):
    """Notes on which threads it is asked."""

    def __init__(self) -> None:
        super().__init__(small_network())
        self.threads: set[str] = set()

    def forward(self, padded: Ids) -> Outputs:
        self.threads.add(threading.current_thread().name.rpartition("_")[0])
        return super().forward(padded)


def test_a_batch_is_multiplied_together_beside_the_event_loop() -> None:
    engine = Watched()
    with TestClient(create_app(Settings(), Repository.of(model_of(engine)))) as client:
        texts = [f"w{1 + number % 5} " for number in range(100)]
        reply = client.post("/v1/suggest/batch", json={"texts": texts, "count": 1})
        alone = [client.post("/v1/suggest", json={"text": t, "count": 1}).json() for t in texts[:5]]
    found = [json.loads(line) for line in reply.text.splitlines()]
    assert [one["suggestions"][0]["words"] for one in found[:5]] == [
        one["suggestions"][0]["words"] for one in alone
    ]
    assert [one["text"] for one in found] == texts
    assert engine.phrases[:2] == [5, 5]  # each phrase once of the first 64 texts, and of the rest
    assert "large" in engine.threads


def _calls_on_the_loop(client: TestClient, path: str, bodies: list[dict[str, str]]) -> int:
    """Python's calls, a generator's steps among them, on the event loop's own thread."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    assert client.portal is not None
    client.portal.call(sys.setprofile, count)
    for body in bodies:
        assert client.post(path, json=body).is_success
    client.portal.call(sys.setprofile, None)
    return calls


def test_the_first_suggestion_builds_nothing_of_a_whole_vocabulary_on_the_loop() -> None:
    texts = ["w1 ", "w1 w", "w1 w2'", "w1 wx", "w1 Kow"]
    bodies = [{"text": text, "recent": "w1 w2 Kowalski"} for text in texts]
    calls = []
    for V in (50, 5_000):
        engine = ForwardOnly(small_network(classes=V))
        with TestClient(create_app(Settings(), Repository.of(model_of(engine)))) as client:
            calls.append(_calls_on_the_loop(client, "/v1/suggest", bodies))
    assert calls[1] < calls[0] + 2_500  # half a call for a word of the larger vocabulary


def test_the_first_prefix_of_a_loaded_model_builds_nothing_on_the_loop() -> None:
    repository = Repository.of(load_model(MODELS / "english"))  # 14,000 words
    with TestClient(create_app(Settings(), repository)) as client:
        for prefix in ("d", "don'"):
            body = {"phrase": "I", "prefix": prefix}
            assert _calls_on_the_loop(client, "/v1/predict", [body]) < 2_500


def test_texts_whose_suggestions_go_on_ask_about_a_bounded_number_of_phrases_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def counted(model: Model, contexts: Sequence[Context], k: None) -> Iterator[object]:
        asked.append(len(contexts))
        return in_batches(model, contexts, k)

    monkeypatch.setattr(suggestions, "in_batches", counted)
    words = [f"w{number}" for number in range(1, 6)]
    texts = [f"{one} {two} {three} " for one in words for two in words for three in words]
    request = {"texts": texts, "count": 4, "words": 3, "min_probability": 0}
    with TestClient(create_app(Settings(), Repository.of(small_model()))) as client:
        lines = client.post("/v1/suggest/batch", json=request).text.splitlines()
    assert [json.loads(line)["text"] for line in lines] == texts
    assert 16 < max(asked) <= 64


def test_a_text_that_is_typed_again_is_answered_from_memory_and_no_other_is() -> None:
    models = {"small": small_model(), "other": replace(small_model(seed=2), id="other")}
    bodies: list[dict[str, Any]] = [
        {"text": "w1 w"},
        {"text": "w1 w", "count": 2},
        {"text": "w1 w", "words": 2, "min_probability": 0.0},
        {"text": "w1 w", "fresh": True},
        {"text": "w1 w", "model": "other"},
        {"text": "w1 "},
    ]
    application = create_app(Settings(), Repository.of(*models.values(), default="small"))
    with TestClient(application) as client:
        first = [client.post("/v1/suggest", json=body).content for body in bodies]
        assert [client.post("/v1/suggest", json=body).content for body in bodies] == first
        batcher = application.state.service.batcher
        for body, answer in zip(bodies, first, strict=True):
            asked = {**body}
            model = models[asked.pop("model", "small")]
            assert batcher.recall(model, Asked(**asked)) == answer
        assert len(set(first)) == len(first)


@pytest.mark.parametrize("own", [{"recent": "w7 w8"}, {"exclude": ["w1"]}, {"text": "w1 " * 400}])
def test_nothing_personal_and_nothing_long_is_kept(own: dict[str, Any]) -> None:
    model = small_model()
    application = create_app(Settings(), Repository.of(model))
    with TestClient(application) as client:
        assert client.post("/v1/suggest", json={"text": "w1 w", **own}).is_success
        kept = application.state.service.batcher._serving(model).texts
        assert len(kept) == 0
        assert client.post("/v1/suggest", json={"text": "w1 w"}).is_success
        assert len(kept) == 1


def test_words_the_notebook_does_not_know_are_named_and_left_out(client: TestClient) -> None:
    answer = client.get("/v1/suggest?text=hello%20this%20&count=1").json()
    assert answer["unknown"] == ["hello"]
    assert answer["suggestions"][0]["text"] == "an "
    assert answer["sentence_end"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", 0),
        ("count", 21),
        ("words", 6),
        ("min_probability", 1.5),
        ("recent", "x" * 4097),
        ("exclude", ["x"] * 65),
        ("exclude", [1]),
        ("fresh", "yes"),
        ("text", None),
        ("wrong", 1),
    ],
)
def test_what_is_out_of_bounds_is_named(client: TestClient, field: str, value: object) -> None:
    reply = client.post("/v1/suggest", json={"text": "this ", field: value})
    assert reply.status_code == 422
    assert reply.json()["code"] == "invalid_request"
    assert reply.json()["errors"][0]["pointer"].startswith(f"/{field}")
