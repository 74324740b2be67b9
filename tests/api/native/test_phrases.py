"""Every phrase endpoint answers with the notebook's published numbers."""

import json
import math
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from app.folder.read import load_model
from tests.keras_files import write_folder

HIDDEN = [-0.9999972, -0.99459434]
LOGITS = [-1.5883551, -1.000689, 1.8420448, -0.8857199, 1.8248894]
SOFTMAX = [0.01513512, 0.02723994, 0.46750897, 0.03055882, 0.45955703]
WORDS = [None, "is", "an", "this", "example"]
KERNEL, RECURRENT, BIAS = -2.1041462, 0.42572525, -0.42550597


def near(expected: Any) -> Any:
    return pytest.approx(expected, abs=2e-7, rel=2e-6)


def get(client: TestClient, path: str, **parameters: object) -> Any:
    response = client.get(f"/v1/{path}", params={k: str(v) for k, v in parameters.items()})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("how", ["get", "post", "curl"])
def test_get_post_and_plain_curl_give_the_same_answer(client: TestClient, how: str) -> None:
    body = json.dumps({"phrase": "this is", "model": "notebook"})
    form = {"content-type": "application/x-www-form-urlencoded"}
    response = {
        "get": lambda: client.get("/v1/predict?phrase=this%20is&model=notebook"),
        "post": lambda: client.post("/v1/predict", json=json.loads(body)),
        "curl": lambda: client.post("/v1/predict", content=body, headers=form),
    }[how]()
    answer = response.json()
    assert (answer["model"], answer["phrase"]) == ("notebook", "this is")
    assert answer["next_word"] == "an"
    assert [p["word"] for p in answer["predictions"]] == ["an", "example", "this", "is"]
    assert [p["id"] for p in answer["predictions"]] == [2, 4, 3, 1]
    assert [p["probability"] for p in answer["predictions"]] == near(
        [SOFTMAX[2], SOFTMAX[4], SOFTMAX[3], SOFTMAX[1]]
    )


def test_floats_are_written_with_float32_s_precision(client: TestClient) -> None:
    assert b'"probability":0.46750897}' in client.get("/v1/predict?phrase=this%20is").content


def test_tokenize(client: TestClient) -> None:
    answer = get(client, "tokenize", phrase="this is")
    assert answer == {
        "model": "notebook",
        "phrase": "this is",
        "tokens": ["this", "is"],
        "ids": [3, 1],
        "spans": [[0, 4], [5, 7]],
        "unknown": [],
    }


@pytest.mark.parametrize(
    ("phrase", "padded", "mask", "dropped"),
    [
        ("this is", [3, 1], [True, True], 0),
        ("this", [0, 3], [False, True], 0),
        ("this is an", [1, 2], [True, True], 1),
    ],
)
def test_pad(
    client: TestClient, phrase: str, padded: list[int], mask: list[bool], dropped: int
) -> None:
    answer = get(client, "pad", phrase=phrase)
    assert answer["padded"] == padded
    assert answer["mask"] == mask
    assert answer["dropped"] == dropped
    assert answer["max_length"] == 2


def test_hidden_states_at_every_timestep(client: TestClient) -> None:
    answer = get(client, "hidden-states", phrase="this is")
    assert (answer["layer"], answer["units"]) == ("simple_rnn", 1)
    assert [step["hidden_state"][0] for step in answer["timesteps"]] == near(HIDDEN)
    assert [(s["position"], s["token"], s["id"]) for s in answer["timesteps"]] == [
        (0, "this", 3),
        (1, "is", 1),
    ]
    assert get(client, "hidden-states", phrase="this is", layer="simple_rnn") == answer


def test_padding_that_is_not_masked_moves_the_state(client: TestClient) -> None:
    steps = get(client, "hidden-states", phrase="this")["timesteps"]
    first = math.tanh(BIAS)
    second = math.tanh(3 * KERNEL + first * RECURRENT + BIAS)
    assert [step["hidden_state"][0] for step in steps] == near([first, second])
    assert [(step["token"], step["masked"]) for step in steps] == [(None, False), ("this", False)]


def test_distribution_in_id_order(client: TestClient) -> None:
    answer = get(client, "distribution", phrase="this is")
    assert answer["words"] == WORDS
    assert answer["probabilities"] == near(SOFTMAX)
    assert answer["logits"] == near(LOGITS)


def test_a_prefix_renormalises_over_the_words_that_begin_with_it(client: TestClient) -> None:
    answer = get(client, "predict", phrase="this is", prefix="E", top_k=3)
    assert [p["word"] for p in answer["predictions"]] == ["example"]
    assert answer["predictions"][0]["probability"] == near(1.0)
    assert answer["prefix_mass"] == near(SOFTMAX[4])
    nothing = get(client, "predict", phrase="this is", prefix="zz")
    assert (nothing["next_word"], nothing["predictions"], nothing["prefix_mass"]) == (None, [], 0)


def test_a_prefix_s_accent_may_be_a_character_of_its_own(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "one")
    words = {"café": 1, "cafe": 2, "c'est": 3, "d": 4, "e": 5}
    (folder / "vocabulary.json").write_text(json.dumps(words))
    model = load_model(folder)
    for prefix in ("café", "cafe\u0301"):
        assert [one.word for one in model.predict("d", prefix=prefix).predictions] == ["café"]


def test_explain_has_every_number_of_the_hand_calculation(client: TestClient) -> None:
    answer = get(client, "explain", phrase="this is")
    assert answer["bag_of_words"] == {"this": 1, "is": 1}
    before = 0.0
    for x, step, state in zip((3, 1), answer["timesteps"], HIDDEN, strict=True):
        (layer,) = step["layers"]
        assert layer["input"] == [x]
        assert layer["input_term"] == near([x * KERNEL])
        assert layer["recurrent_term"] == near([before * RECURRENT])
        assert layer["bias"] == near([BIAS])
        assert layer["pre_activation"] == near([x * KERNEL + before * RECURRENT + BIAS])
        assert layer["hidden_state"] == near([state])
        before = state
    assert answer["timesteps"][0]["predictions"][0]["word"] == "an"
    assert answer["logits"] == near(LOGITS)
    assert answer["dense"] == [{"name": "dense", "output": near(SOFTMAX)}]
    assert answer["entropy"] == pytest.approx(-sum(p * math.log2(p) for p in SOFTMAX), abs=1e-6)


def test_one_bag_of_words_is_two_hidden_states(client: TestClient) -> None:
    answer = client.post("/v1/compare", json={"phrases": ["this is", "is this"]}).json()
    assert answer["same_bag_of_words"] is True
    first, second = answer["results"]
    assert first["bag_of_words"] == second["bag_of_words"] == {"this": 1, "is": 1}
    h = [
        math.tanh(b * KERNEL + math.tanh(a * KERNEL + BIAS) * RECURRENT + BIAS)
        for a, b in ((3, 1), (1, 3))
    ]
    assert [first["hidden_state"][0], second["hidden_state"][0]] == near(h)
    distance = abs(h[0] - h[1])
    for row, column in ((0, 1), (1, 0)):
        assert answer["hidden_state_distance"][row][column] == pytest.approx(distance, abs=1e-6)
    assert answer["hidden_state_distance"][0][0] == 0
    assert 0 < answer["distribution_distance"][0][1] < 1


def test_score_is_the_chain_of_predictions(client: TestClient) -> None:
    answer = get(client, "score", phrase="this is an")
    first, second, third = answer["words"]
    assert first["probability"] is None
    after_this = get(client, "distribution", phrase="this")["probabilities"]
    assert second["probability"] == after_this[1]  # the very same float32
    assert third["probability"] == near(SOFTMAX[2])
    assert (third["log_probability"], answer["perplexity"]) == (-0.7603367, 8.897227)
    assert (second["rank"], third["rank"]) == (4, 1)
    total = math.log(after_this[1]) + math.log(SOFTMAX[2])
    assert answer["log_probability"] == pytest.approx(total, abs=1e-5)
    assert answer["perplexity"] == pytest.approx(math.exp(-total / 2), rel=1e-5)


def test_a_text_too_long_to_score_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/score", json={"phrase": "is " * 4097})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/phrase")


def test_a_batch_answers_or_refuses_each_phrase_on_its_own(client: TestClient) -> None:
    body = {"phrases": ["this is", "zebra", "", "this is"], "top_k": 1}
    results = client.post("/v1/predict/batch", json=body).json()["results"]
    assert [one.get("code") for one in results] == [None, "unknown_words", "empty_phrase", None]
    assert results[0] == results[3]
    assert results[0]["predictions"][0]["probability"] == near(SOFTMAX[2])


def test_the_diagram_shows_the_numbers(client: TestClient) -> None:
    response = client.get("/v1/diagram.svg?phrase=" + quote("this is"))
    assert response.headers["content-type"] == "image/svg+xml"
    texts = [node.text for node in ElementTree.fromstring(response.content).iter() if node.text]
    for number in ("−6.3124", "−0.4257", "−0.4255", "h −1.0000", "h −0.9946", "46.8"):
        assert number in texts


@pytest.mark.parametrize(
    ("given", "status"), [("3", 200), ("0", 422), ("x", 422), ("1001", 422), ("9" * 40, 422)]
)
def test_a_query_string_s_numbers_are_read(client: TestClient, given: str, status: int) -> None:
    answer = client.get("/v1/predict", params={"phrase": "this is", "top_k": given})
    assert answer.status_code == status
    if status == 200:
        assert len(answer.json()["predictions"]) == 3
    else:
        assert answer.json()["errors"][0]["pointer"] == "/top_k"
