"""The notebook over HTTP: its steps, its bounds, its downloads; and what-ifs of explain."""

import io
import json
import zipfile
from urllib.parse import quote

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.costs import training_seconds
from app.main import create_app
from app.notebook.answer import run
from app.notebook.steps import MOST_WORDS
from app.serving.repository import Repository
from app.settings import Settings


def test_every_step_is_answered(client: TestClient) -> None:
    answer = client.post("/v1/notebook", json={"text": "This is an example", "epochs": 50}).json()
    ours = run("This is an example", 2, 1, 50, 56)
    assert answer["word_to_int"] == {"is": 1, "an": 2, "this": 3, "example": 4}
    assert answer["padded_docs"] == [[3, 1], [1, 2]]
    assert answer["one_hot_labels"] == [[0, 0, 1, 0, 0], [0, 0, 0, 0, 1]]
    assert answer["input_shape"] == [2, 2, 1]
    assert answer["parameters"] == 13
    assert "Total params: 13 " in answer["summary"]
    assert [record["epoch"] for record in answer["history"]][::50] == [0, 50]
    assert np.float32(answer["weights"]["simple_rnn/kernel"]) == ours.weights["simple_rnn/kernel"]
    hand = answer["predictions"][0]["by_hand"]
    assert hand["probabilities"] == answer["predictions"][0]["probabilities"]
    assert hand["timesteps"][1]["recurrent_terms"] is not None


def test_get_answers_the_default_text(client: TestClient) -> None:
    answer = client.get("/v1/notebook?epochs=500").json()
    assert [one["next_word"] for one in answer["predictions"]] == ["an", "an"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"text": "two words"}, "/text"),
        ({"text": "w " * 201}, "/text"),
        ({"window": 11}, "/window"),
        ({"units": 17}, "/units"),
        ({"epochs": 5001}, "/epochs"),
        ({"seed": -1}, "/seed"),
        ({"model": "notebook"}, "/model"),
    ],
)
def test_bounds(client: TestClient, change: dict[str, object], pointer: str) -> None:
    response = client.post("/v1/notebook", json=change)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("path", ["/v1/notebook", "/v1/notebook.py", "/page/notebook"])
def test_a_training_that_would_take_too_long_is_refused_before_it_begins(
    repository: Repository, path: str
) -> None:
    with TestClient(create_app(Settings(max_seconds=0.1), repository)) as client:
        refused = client.get(f"{path}?epochs=5000&units=16")
        assert (refused.status_code, refused.json()["code"]) == (422, "too_expensive")
        assert "UNROLLED_MAX_SECONDS): ask for fewer epochs" in refused.json()["detail"]
        assert client.get(f"{path}?epochs=20").status_code == 200
        page = client.get("/notebook?epochs=5000")
        assert page.status_code == 422
        assert "fewer epochs" in page.text


def test_what_its_bounds_allow_is_not_refused_by_the_usual_setting() -> None:
    most = training_seconds(MOST_WORDS - 1, 10, 16, MOST_WORDS + 1, 5000)
    assert 1 < most < Settings().max_seconds


def test_downloads(client: TestClient) -> None:
    program = client.get("/v1/notebook.py?epochs=5")
    assert program.headers["content-disposition"] == 'attachment; filename="my_notebook.py"'
    assert "def predict(phrase):" in program.text
    archive = zipfile.ZipFile(io.BytesIO(client.get("/v1/notebook.zip?epochs=5").content))
    assert sorted(archive.namelist()) == [
        "my-notebook/model.json",
        "my-notebook/model.keras",
        "my-notebook/vocabulary.json",
    ]


def test_overridden_weights_change_the_answer_alone(client: TestClient) -> None:
    body = {"phrase": "this is", "weights": {"simple_rnn/kernel": [[0.5]]}}
    changed = client.post("/v1/explain", json=body).json()
    first = changed["timesteps"][0]["layers"][0]
    assert first["input_term"] == [1.5]
    query = quote(json.dumps(body["weights"]))
    assert client.get(f"/v1/explain?phrase=this+is&weights={query}").json() == changed
    plain = client.get("/v1/explain?phrase=this+is").json()
    assert plain["predictions"][0]["probability"] == 0.46750897


@pytest.mark.parametrize("weights", ['{"nope": [1]}', '{"dense/bias": "x"}', "[1]", "{", "7"])
def test_weights_that_cannot_be_used_are_refused(client: TestClient, weights: str) -> None:
    response = client.get(f"/v1/explain?phrase=this+is&weights={quote(weights)}")
    assert response.status_code == 422
    error = response.json()["errors"][0]
    assert error["pointer"].startswith("/weights")
    assert "Value error" not in error["message"]  # pydantic's word for it


def test_a_picture_s_form_and_weights(client: TestClient) -> None:
    rolled = client.get("/v1/diagram.svg?phrase=this+is&form=rolled").text
    assert "h, 2 ×" in rolled
    body = {"phrase": "this is", "weights": {"simple_rnn/kernel": [[0.5]]}}
    assert "1.5000" in client.post("/v1/diagram.svg", json=body).text
