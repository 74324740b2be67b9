"""`tritonclient.http`, unmodified, and any other client of the protocol, against the service as
its users start it: either way.
"""

import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from app.folder.read import load_model
from app.model import Model
from tests.api.clients import COMMANDS, NOTEBOOK, process, url
from tests.small_models import sentences
from tests.test_server import Served

triton = pytest.importorskip("tritonclient.http", reason="tritonclient is not installed")
INFER = "/v2/models/notebook/infer"
MODELS = {"notebook": load_model(NOTEBOOK), "english": sentences()}
PHRASES = {"notebook": ["this is", "is this", "an"], "english": ["af ag ah", "", "ai", "zzz ab"]}


@pytest.fixture(scope="module", params=COMMANDS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with process(request.param, tmp_path_factory.mktemp("models")) as served:
        yield served


@pytest.fixture
def client(served: Served) -> Iterator[Any]:
    with triton.InferenceServerClient("{}:{}".format(*served.address)) as client:
        yield client


def tensor(name: str, values: Any, datatype: str, binary: bool = True) -> Any:
    array = np.array(values, {"BYTES": object, "INT32": np.int32, "INT64": np.int64}[datatype])
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def expected(model: Model, phrases: list[str]) -> dict[str, Any]:
    """Every output, from one phrase's own trace after the other."""
    padded = [model.pad(model.encode(phrase)) for phrase in phrases]
    traces = [model.trace(one) for one in padded]
    ids = [model.encode(phrase).ids for phrase in phrases]
    longest = max(map(len, ids))
    layer = model.network.recurrent[-1].name
    hidden = np.stack([trace.recurrent[-1].hidden_state for trace in traces])
    return {
        "ids": np.array([[*one, *[0] * (longest - len(one))] for one in ids]),
        "padded": np.stack([one.ids for one in padded]),
        "hidden_states": hidden,
        f"hidden_states/{layer}": hidden,
        "logits": np.stack([trace.logits for trace in traces]),
        "probabilities": np.stack([trace.probabilities for trace in traces]),
        "next_word": [str(model.predict(phrase, 1).next_word).encode() for phrase in phrases],
    }


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("name", ["notebook", "english"])
def test_all_outputs_of_phrases(client: Any, name: str, binary: bool) -> None:
    phrases = PHRASES[name]
    outputs = expected(MODELS[name], phrases)
    wanted = [triton.InferRequestedOutput(one, binary_data=binary) for one in outputs]
    everything = client.infer(name, [tensor("phrase", phrases, "BYTES", binary)])
    listed = client.infer(name, [tensor("phrase", phrases, "BYTES", binary)], outputs=wanted)
    for answer in (everything, listed):
        for output, values in outputs.items():
            found = answer.as_numpy(output)
            if output == "next_word":
                words = [one if isinstance(one, bytes) else one.encode() for one in found]
                assert words == values
            else:
                assert found.shape == values.shape
                np.testing.assert_allclose(found, values, atol=1e-6)


def test_probabilities_are_those_of_distribution(served: Served, client: Any) -> None:
    phrases = [f"a{chr(97 + n % 10)} b{chr(97 + n // 10)}" for n in range(64)]
    answer = client.infer("english", [tensor("phrase", phrases, "BYTES")])
    for phrase, row in zip(phrases, answer.as_numpy("probabilities"), strict=True):
        alone = httpx.post(url(served, "/v1/distribution"), json={"phrase": phrase}).json()
        np.testing.assert_allclose(row, alone["probabilities"], atol=1e-6)


@pytest.mark.parametrize("datatype", ["INT32", "INT64"])
@pytest.mark.parametrize("binary", [True, False])
def test_padded_ids_may_be_sent(client: Any, datatype: str, binary: bool) -> None:
    for name, model in MODELS.items():
        outputs = expected(model, PHRASES[name])
        rows = [*outputs["padded"].tolist(), [0] * model.options.max_length]
        answer = client.infer(name, [tensor("ids", rows, datatype, binary)])
        for output in ("padded", "hidden_states", "logits", "probabilities"):
            np.testing.assert_allclose(answer.as_numpy(output)[:-1], outputs[output], atol=1e-6)
        nothing = model.engine.trace(np.zeros(model.options.max_length, np.int32))
        np.testing.assert_allclose(answer.as_numpy("logits")[-1], nothing.logits, atol=1e-6)


def test_binary_and_json_may_be_mixed_and_compressed(client: Any) -> None:
    wanted = [
        triton.InferRequestedOutput("logits", binary_data=False),
        triton.InferRequestedOutput("next_word", binary_data=True),
        triton.InferRequestedOutput("probabilities", binary_data=True),
    ]
    phrases = ["af ag"] * 40  # so many that the answer is compressed
    for sent in (None, "gzip", "deflate"):
        for back in (None, "gzip", "deflate"):
            answer = client.infer(
                "english",
                [tensor("phrase", phrases, "BYTES")],
                outputs=wanted,
                request_id="mine",
                request_compression_algorithm=sent,
                response_compression_algorithm=back,
            )
            logits = answer.as_numpy("logits")
            np.testing.assert_allclose(
                logits, [MODELS["english"].outputs("af ag").logits] * 40, atol=1e-6
            )
            assert answer.get_response()["id"] == "mine"
            assert "data" in answer.get_output("logits")
            assert answer.get_output("next_word")["parameters"]["binary_data_size"] == 6 * 40


def test_servers_and_models_describe_themselves(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("notebook")
    fingerprint = MODELS["notebook"].fingerprint
    assert client.is_model_ready("notebook", fingerprint)
    assert not client.is_model_ready("notebook", "2")
    assert not client.is_model_ready("none")
    server = client.get_server_metadata()
    assert server["name"] == "unrolled"
    assert "binary_tensor_data" in server["extensions"]
    model = client.get_model_metadata("notebook", "1")
    assert (model["name"], model["versions"]) == ("notebook", ["1"])
    assert {one["name"]: one["shape"] for one in model["inputs"]} == {
        "phrase": [-1],
        "ids": [-1, 2],
    }
    shapes = {one["name"]: one["shape"] for one in model["outputs"]}
    assert shapes["hidden_states"] == [-1, 2, 1]
    assert shapes["probabilities"] == [-1, 5]
    config = client.get_model_config("notebook")
    assert {one["name"]: one["data_type"] for one in config["input"]}["phrase"] == "TYPE_STRING"
    index = client.get_model_repository_index()
    assert [(one["name"], one["state"]) for one in index] == [
        ("english", "READY"),
        ("notebook", "READY"),
    ]


def test_statistics_are_true(client: Any) -> None:
    def counted() -> dict[str, Any]:
        [entry] = client.get_inference_statistics("english")["model_stats"]
        assert entry == next(
            one
            for one in client.get_inference_statistics()["model_stats"]
            if one["name"] == "english"
        )
        return dict(entry)

    before = counted()
    for phrases in (["af"], ["af", "ag", "ah"]):
        client.infer("english", [tensor("phrase", phrases, "BYTES")])
    with pytest.raises(triton.InferenceServerException):
        client.infer("english", [tensor("ids", [[999] * 6], "INT32")])
    after = counted()
    assert after["inference_count"] - before["inference_count"] == 4
    assert after["execution_count"] - before["execution_count"] == 2
    stages, earlier = after["inference_stats"], before["inference_stats"]
    for stage, count in (("success", 2), ("fail", 1), ("compute_infer", 2), ("queue", 2)):
        assert stages[stage]["count"] - earlier[stage]["count"] == count
        assert stages[stage]["ns"] > earlier[stage]["ns"]
    assert after["last_inference"] >= before["last_inference"]


@pytest.mark.parametrize(
    ("ask", "status", "why"),
    [
        ({"model_name": "none"}, "404", "loaded: english, notebook"),
        ({"model_version": "2"}, "404", "has the version 1"),
        ({"inputs": [tensor("phrase", ["zebra"], "BYTES")]}, "400", "phrase 0: .*'zebra'"),
        ({"inputs": [tensor("words", ["a"], "BYTES")]}, "400", "not words"),
        ({"inputs": [tensor("phrase", [1], "INT32")]}, "400", "phrase is BYTES"),
        ({"inputs": [tensor("ids", [[1, 2, 3]], "INT32")]}, "400", r"\[B, 2\]"),
        ({"inputs": [tensor("ids", [[1, 5]], "INT32")]}, "400", "outside 0..4"),
        ({"inputs": [tensor("ids", [[1, -1]], "INT64")]}, "400", "outside 0..4"),
        ({"inputs": [tensor("phrase", [b"\xff"], "BYTES")]}, "400", "not UTF-8"),
        ({"outputs": [triton.InferRequestedOutput("words")]}, "400", "no output words"),
        (
            {"outputs": [triton.InferRequestedOutput("logits", class_count=2)]},
            "400",
            "classification",
        ),
        ({"sequence_id": 4}, "400", "sequence_id"),
    ],
)
def test_errors_are_the_protocol_s(client: Any, ask: Any, status: str, why: str) -> None:
    usual = {"model_name": "notebook", "inputs": [tensor("phrase", ["this"], "BYTES")]}
    with pytest.raises(triton.InferenceServerException, match=why) as refused:
        client.infer(**{**usual, **ask})
    assert refused.value.status() == status


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (lambda client: client.load_model("notebook"), "from their folder alone"),
        (lambda client: client.unload_model("notebook"), "from their folder alone"),
        (lambda client: client.get_system_shared_memory_status(), "send tensors in the body"),
        (lambda client: client.register_system_shared_memory("a", "/a", 8), "shared memory"),
        (lambda client: client.unregister_system_shared_memory(), "shared memory"),
        (lambda client: client.get_cuda_shared_memory_status("a"), "shared memory"),
        (lambda client: client.register_cuda_shared_memory("a", b"x", 0, 8), "shared memory"),
        (lambda client: client.unregister_cuda_shared_memory(), "shared memory"),
        (lambda client: client.get_trace_settings("notebook"), "traces and logs"),
        (lambda client: client.update_trace_settings(settings={}), "traces and logs"),
        (lambda client: client.update_log_settings({}), "traces and logs"),
        (lambda client: client.get_model_metadata("a/b"), "loaded: english, notebook"),
        (lambda client: client.get_model_config("a/b", "1"), "loaded: english, notebook"),
        (lambda client: client.get_inference_statistics("a/b"), "loaded: english, notebook"),
        (lambda client: client.infer("a/b", [tensor("phrase", ["this"], "BYTES")]), "loaded: "),
        (lambda client: client.infer("notebook/b", [tensor("phrase", ["this"], "BYTES")]), "path"),
    ],
)
def test_what_there_is_not_says_why(client: Any, ask: Any, why: str) -> None:
    with pytest.raises(triton.InferenceServerException, match=why) as refused:
        ask(client)
    assert refused.value.status() == "404"


def test_tensors_in_shared_memory_are_refused(client: Any) -> None:
    wanted = {"inputs": [tensor("phrase", ["this"], "BYTES")], "outputs": []}
    wanted["inputs"][0].set_shared_memory("region", 8)
    with pytest.raises(triton.InferenceServerException, match="shared_memory_region is not"):
        client.infer("notebook", **wanted)
    wanted = {"inputs": [tensor("phrase", ["this"], "BYTES")]}
    wanted["outputs"] = [triton.InferRequestedOutput("logits")]
    wanted["outputs"][0].set_shared_memory("region", 8)
    with pytest.raises(triton.InferenceServerException, match="shared_memory_region is not"):
        client.infer("notebook", **wanted)


def inference(**changed: object) -> dict[str, object]:
    one = {"name": "phrase", "shape": [1], "datatype": "BYTES", "data": ["this is"], **changed}
    return {"inputs": [{name: value for name, value in one.items() if value is not None}]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"inputs": []}',
        json.dumps(inference(shape=[2])).encode(),
        json.dumps(inference(shape=[-1])).encode(),
        json.dumps(inference(shape=[0], data=[])).encode(),
        json.dumps(inference(data=[1])).encode(),
        json.dumps(inference(data=None)).encode(),
        json.dumps(inference(datatype="FP32")).encode(),
        json.dumps(inference(parameters={"binary_data_size": 4})).encode(),
        json.dumps(inference(data=None, parameters={"binary_data_size": 4})).encode(),
        json.dumps(inference(data=None, parameters={"binary_data_size": "4"})).encode(),
        json.dumps({**inference(), "parameters": {"binary_data_output": "false"}}).encode(),
        json.dumps(
            {**inference(), "outputs": [{"name": "ids", "parameters": {"binary_data": 1}}]}
        ).encode(),
        json.dumps(inference(shape=[2**62, 4])).encode(),
        json.dumps(inference(shape=[10**4000, 10**4000])).encode(),  # more digits than are written
        json.dumps(inference(name="x" * 5000)).encode(),
        json.dumps({"inputs": inference()["inputs"] * 2}).encode(),  # type: ignore[operator]
        b"\xff\xfe{\0",
    ],
)
def test_bodies_that_are_no_inference_are_refused(served: Served, body: bytes) -> None:
    answer = httpx.post(url(served, INFER), content=body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert len(answer.text) < 300


@pytest.mark.parametrize("tail", [b"\xff\xff\xff\xff", b"\x02\0\0\0a", b"\x01\0", b"\x01\0\0\0a+"])
def test_tensors_that_end_too_soon_or_too_late_are_refused(served: Served, tail: bytes) -> None:
    for size in (len(tail), len(tail) + 1, -1, 0):
        asked = inference(data=None, parameters={"binary_data_size": size})
        head = json.dumps(asked).encode()
        for length in (len(head), len(head) + len(tail) + 1, -1):
            answer = httpx.post(
                url(served, INFER),
                content=head + tail,
                headers={"inference-header-content-length": str(length)},
            )
            assert answer.status_code == 400
            assert set(answer.json()) == {"error"}


def test_the_length_of_the_json_is_a_number_however_it_is_written(served: Served) -> None:
    tail = b"\x07\0\0\0this is"
    head = json.dumps(inference(data=None, parameters={"binary_data_size": len(tail)})).encode()
    for length, status in (
        ("0" * 5_000 + str(len(head)), 200),  # more digits than Python reads
        ("0" * 25 + str(len(head + tail) + 1), 400),
        ("9" * 5_000, 400),
    ):
        named = {"inference-header-content-length": length}
        answer = httpx.post(url(served, INFER), content=head + tail, headers=named)
        assert answer.status_code == status


def test_what_inflates_beyond_the_limit_is_refused(served: Served) -> None:
    bomb = b" " * (50 << 20)
    for coding, small in (("gzip", gzip.compress(bomb)), ("deflate", zlib.compress(bomb))):
        answer = httpx.post(url(served, INFER), content=small, headers={"content-encoding": coding})
        assert answer.status_code == 413
        assert "inflated" in answer.json()["error"]


def test_a_repository_s_index_may_be_asked_with_or_without_a_body(served: Served) -> None:
    for body in (b"", b"{}", b'{"ready": true}'):
        assert len(httpx.post(url(served, "/v2/repository/index"), content=body).json()) == 2
    assert httpx.post(url(served, "/v2/repository/index"), content=b"[]").status_code == 400


def test_a_plain_json_client_needs_no_content_type(served: Served) -> None:
    answer = httpx.post(url(served, INFER), content=json.dumps(inference()).encode()).json()
    outputs = {one["name"]: one for one in answer["outputs"]}
    assert outputs["next_word"]["data"] == ["an"]
    assert httpx.post(url(served, INFER), json=inference(shape=[1.0])).json() == answer
    assert outputs["hidden_states"]["shape"] == [1, 2, 1]
    raw = httpx.post(
        url(served, INFER),
        json={**inference(), "parameters": {"binary_data_output": True}},
    )
    length = int(raw.headers["inference-header-content-length"])
    described = json.loads(raw.content[:length])["outputs"]
    sizes = [one["parameters"]["binary_data_size"] for one in described]
    assert length + sum(sizes) == len(raw.content)
    assert raw.content[-sizes[-1] :] == struct.pack("<I", 2) + b"an"


def test_kserve_s_own_client_names_the_model_in_the_body_too(served: Served) -> None:
    """Version 0.21's `InferRequest.to_rest`."""
    plain = httpx.post(url(served, INFER), json=inference()).json()
    for version in (None, "", "1", MODELS["notebook"].fingerprint):
        more = {"id": "r1", "model_name": "notebook", "model_version": version}
        answer = httpx.post(url(served, INFER), json={**more, **inference()}).json()
        assert answer == {**plain, "id": "r1"}
    for other, why in (
        ({"model_name": "english"}, "model_name: the path names notebook, and not english"),
        ({"model_version": "2"}, "model_version: notebook has the version 1, and not 2"),
    ):
        refused = httpx.post(url(served, INFER), json={**other, **inference()})
        assert (refused.status_code, refused.json()) == (400, {"error": why})
