"""What takes long runs on another thread than the event loop's."""

import threading
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.api import training
from app.api.native import predictions
from app.engines.topk import BATCHED_K
from app.http.exchange import encode
from app.notebook.answer import Training
from app.suggesting import suggester
from app.text.typed import read_typed
from app.text.vocabulary import Vocabulary


class Noted:
    """Calls through, and notes on which threads."""

    def __init__(self, called: Any) -> None:
        self._called = called
        self.threads: set[str] = set()

    def __call__(self, *told: Any, **more: Any) -> Any:
        self.threads.add(threading.current_thread().name)
        return self._called(*told, **more)

    def taken(self) -> set[str]:
        threads, self.threads = self.threads, set()
        return threads


# With something recent, which is not answered from memory.
SHORT = {"text": "this is ", "recent": "an"}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Noted:
    """What reads the text of a text box."""
    noted = Noted(read_typed)
    monkeypatch.setattr(suggester, "read_typed", noted)
    return noted


@pytest.fixture
def loop(client: TestClient, read: Noted) -> str:
    """The event loop's thread, on which a short text is read."""
    assert client.post("/v1/suggest", json=SHORT).status_code == 200
    (thread,) = read.taken()
    return thread


def test_long_texts_are_read_beside_the_loop(client: TestClient, read: Noted, loop: str) -> None:
    for longer in ({"text": "this is " * 200}, {"recent": "an " * 1_000}):
        answer = client.post("/v1/suggest", json={**SHORT, **longer})
        assert answer.json()["suggestions"][0]["text"] == "an "
        assert loop not in (threads := read.taken())
        assert threads


def test_words_like_unknown_ones_are_looked_for_beside_the_loop(
    client: TestClient, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even of a short phrase: with a large vocabulary, 3 ms for each."""
    closest = Noted(Vocabulary.closest)
    monkeypatch.setattr(Vocabulary, "closest", lambda *told, **more: closest(*told, **more))
    for path in ("/v1/predict", "/v1/distribution"):
        problem = client.post(path, json={"phrase": "this exmple"}).json()
        assert problem["unknown"][0]["suggestions"] == ["example"]
    assert "look" in client.get("/?phrase=this exmple").text
    assert closest.threads
    assert loop not in closest.threads


def test_very_many_words_are_written_beside_the_loop(
    client: TestClient, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Noted(encode)
    monkeypatch.setattr(predictions, "encode", write)
    few, many = (
        client.post("/v1/predict", json={"phrase": "this is", "top_k": k}).json()
        for k in (BATCHED_K, BATCHED_K + 1)
    )
    assert [one["word"] for one in many["predictions"]] == ["an", "example", "this", "is"]
    assert many == few
    assert loop not in write.threads
    assert write.threads


def test_nobody_looks_for_words_like_those_of_a_text_box(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    closest = Noted(Vocabulary.closest)
    monkeypatch.setattr(Vocabulary, "closest", lambda *told, **more: closest(*told, **more))
    answer = client.post("/v1/suggest", json={**SHORT, "text": "this exmple is "}).json()
    assert answer["unknown"] == ["exmple"]
    assert not closest.threads


def test_the_examples_of_a_long_notebook_are_made_beside_the_loop(
    client: TestClient, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Noted(Training)
    monkeypatch.setattr(training, "Training", made)
    for text, window, beside in (("this is it", 2, False), ("this is it " * 50, 10, True)):
        asked = {"text": text, "window": window, "epochs": 1}
        assert client.post("/v1/notebook", json=asked).status_code == 200
        assert (loop not in made.taken()) is beside
