"""What one request may cost and hold; who leaves is no longer worked for."""

import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from app import costs
from app.engines.numpy_engine import NumpyEngine
from app.folder.read import load_model
from app.http.uvicorn_protocol import Protocol
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.http.ways import Way, both_ways, connected, head, serving_on
from tests.small_models import model_of, small_network
from tests.test_server import Served, eventually, in_progress

ENGLISH = Path(__file__).parent.parent.parent / "models" / "english"


def post(served: Served, path: str, body: object) -> httpx.Response:
    url = "http://{}:{}{}".format(*served.address, path)
    return httpx.post(url, json=body, timeout=60)


@both_ways
def test_what_would_cost_too_much_is_refused_at_once(way: Way) -> None:
    repository = Repository.of(model_of(NumpyEngine(small_network())))
    settings = Settings(poll_seconds=0, max_seconds=1e-9)
    with serving_on(way, create_app(settings, repository)) as served:
        for path, body in (
            ("/v1/score", {"phrase": "w1 w2"}),
            ("/v1/predict/batch", {"phrases": ["w1"]}),
            ("/v1/explain", {"phrase": "w1"}),
            ("/v1/compare", {"phrases": ["w1", "w2"]}),
        ):
            told = post(served, path, body)
            assert (told.status_code, told.json()["code"]) == (422, "too_expensive")
            assert "UNROLLED_MAX_SECONDS" in told.json()["detail"]
        inputs = [{"name": "phrase", "datatype": "BYTES", "shape": [1], "data": ["w1"]}]
        told = post(served, "/v2/models/small/infer", {"inputs": inputs})
        assert (told.status_code, "UNROLLED_MAX_SECONDS" in told.text) == (400, True)
        for part in ("answer", "experiments"):
            told = post(served, "/page/look", {"phrase": "w1", "part": part})
            assert (told.status_code, told.json()["code"]) == (422, "too_expensive")
        assert served.get("/", phrase="w1").status_code == 422
        assert post(served, "/v1/predict", {"phrase": "w1"}).status_code == 200


@pytest.mark.parametrize("path", ["explain", "diagram.svg"])
def test_a_network_of_any_length_costs_as_many_steps_as_there_are_words(path: str) -> None:
    network = small_network(units=(50,))
    model = model_of(NumpyEngine(network), max_length=4096, padding="none")
    assert model.timesteps is None
    most = costs.seconds(network, 4, 4, together=False)
    app = create_app(Settings(poll_seconds=0, max_seconds=most), Repository.of(model))
    with serving_on(Protocol, app) as served:
        assert post(served, f"/v1/{path}", {"phrase": "w1 w2"}).status_code == 200
        assert post(served, f"/v1/{path}", {"phrase": "w1 w2 " * 50}).status_code == 422


def test_ids_of_a_long_phrase_among_many_are_too_many_numbers() -> None:
    model = model_of(NumpyEngine(small_network()))
    phrases = ["w1 " * 13_000] + ["w1"] * 999
    inputs = [{"name": "phrase", "datatype": "BYTES", "shape": [1000], "data": phrases}]
    with serving_on(Protocol, create_app(Settings(poll_seconds=0), Repository.of(model))) as served:
        asked = {"inputs": inputs, "outputs": [{"name": "ids"}]}
        told = post(served, "/v2/models/small/infer", asked)
        assert (told.status_code, "UNROLLED_MAX_BUFFERED_BYTES" in told.text) == (400, True)
        asked["inputs"] = [{**inputs[0], "shape": [2], "data": phrases[:2]}]
        assert post(served, "/v2/models/small/infer", asked).status_code == 200


def test_a_long_score_stops_when_its_client_leaves() -> None:
    network = small_network(units=(900,))
    model = model_of(NumpyEngine(network), max_length=200)
    phrase = " ".join(f"w{1 + (at * at) % 290}" for at in range(2000))
    body = json.dumps({"phrase": phrase}).encode()
    settings = Settings(poll_seconds=0, max_seconds=1000)
    with serving_on(Protocol, create_app(settings, Repository.of(model))) as served:
        with connected(served) as connection:
            connection.sendall(head("/v1/score", length=len(body)) + body)
            eventually(lambda: in_progress(served) == 2)
        eventually(lambda: in_progress(served) == 1)
        # The threads are free again: were the whole score computed, this would wait for it.
        assert post(served, "/v1/score", {"phrase": "w1 w2"}).status_code == 200


@pytest.mark.parametrize("path", ["weights", "weights/dense/kernel"])
def test_large_answers_are_streamed_and_right(path: str) -> None:
    network = small_network(units=(500,), classes=2000)
    model = model_of(NumpyEngine(network))
    with serving_on(Protocol, create_app(Settings(poll_seconds=0), Repository.of(model))) as served:
        answer = served.get(f"/v1/models/small/{path}", values="true")
        assert answer.headers["transfer-encoding"] == "chunked"
        listed = answer.json().get("weights", [answer.json()])
        for one in listed:
            array = network.weights[one["name"]]
            assert np.array_equal(np.array(one["values"], np.float32), np.asarray(array))
            assert one["shape"] == list(array.shape)


@pytest.mark.skipif(not (ENGLISH / "model.keras").exists(), reason="the English model is not here")
def test_clients_that_do_not_read_weights_do_not_fill_the_memory() -> None:
    settings = Settings(poll_seconds=0, log_requests=False)
    app = create_app(settings, Repository.of(load_model(ENGLISH)))
    with serving_on(Protocol, app) as served:
        before = _resident()
        asked = [connected(served) for _ in range(30)]
        ask = b"GET /v1/models/english/weights?values=true HTTP/1.1\r\nHost: x\r\n\r\n"
        for connection in asked:
            connection.sendall(ask)
        eventually(lambda: in_progress(served) == 31)
        for connection in asked:
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        assert _resident() - before < 300 << 20  # 3 GB before
        assert served.get("/livez").status_code == 200
        for connection in asked:
            connection.close()
        eventually(lambda: in_progress(served) == 1)


@pytest.mark.skipif(not (ENGLISH / "model.keras").exists(), reason="the English model is not here")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/predict/batch", {"phrases": ["a"] * 1000, "top_k": 1000}),
        ("/v1/predict/batch", {"phrases": ["a"] * 1000, "prefix": "t"}),
    ],
)
def test_large_requests_of_clients_that_do_not_read_are_counted(
    path: str, body: dict[str, object]
) -> None:
    """Those that are one too many are told to come back, and memory stays bounded."""
    settings = Settings(poll_seconds=0, log_requests=False)
    sent = json.dumps(body).encode()
    app = create_app(settings, Repository.of(load_model(ENGLISH)))
    with serving_on(Protocol, app) as served:
        before = _resident()
        asked = [connected(served) for _ in range(50)]
        for connection in asked:
            connection.sendall(head(path, length=len(sent)) + sent)
        told = [connection.recv(12) for connection in asked]
        assert set(told) <= {b"HTTP/1.1 200", b"HTTP/1.1 503"}
        assert told.count(b"HTTP/1.1 200") >= 8
        assert _resident() - before < 900 << 20
        for connection in asked:
            connection.close()
        eventually(lambda: in_progress(served) == 1)
        assert served.get("/livez").status_code == 200


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096
