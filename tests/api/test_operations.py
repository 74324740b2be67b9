"""Probes, metrics, the documents, and the models themselves."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings

ROOT = Path(__file__).parent.parent.parent


def test_probes_answer(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/v1/models", "/docs"])
def test_head_answers_what_get_does_without_its_body(client: TestClient, path: str) -> None:
    response = client.head(path)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == client.get(path).headers["content-type"]


def test_a_draining_service_is_alive_and_not_ready(repository: Repository) -> None:
    app = create_app(Settings(), repository)
    with TestClient(app) as client:
        app.state.service.draining = True
        response = client.get("/readyz")
        assert (response.status_code, response.json()["code"]) == (503, "not_ready")
        assert response.headers["retry-after"] == "1"
        assert client.get("/livez").status_code == 200


def test_past_the_limit_requests_are_refused_and_probes_answered(repository: Repository) -> None:
    app = create_app(Settings(max_queue=1), repository)
    with TestClient(app) as client:
        app.state.service.metrics.in_progress[0] = 1  # as if one were being answered
        response = client.get("/v1/predict?phrase=this%20is")
        assert (response.status_code, response.json()["code"]) == (503, "overloaded")
        assert response.headers["retry-after"] == "1"
        assert client.get("/readyz").status_code == 200


def test_models_have_openai_s_fields_and_their_architecture(client: TestClient) -> None:
    answer = client.get("/v1/models").json()
    assert answer["object"] == "list"
    (model,) = answer["data"]
    assert (model["id"], model["object"], model["owned_by"]) == ("notebook", "model", "unrolled")
    assert model["parameters"] == 13
    assert [layer["parameters"] for layer in model["architecture"]] == [3, 10]
    assert client.get("/v1/models/notebook").json() == model


def test_weights_are_the_published_ones(client: TestClient) -> None:
    listed = client.get("/v1/models/notebook/weights").json()["weights"]
    assert [(one["name"], one["shape"]) for one in listed] == [
        ("simple_rnn/kernel", [1, 1]),
        ("simple_rnn/recurrent_kernel", [1, 1]),
        ("simple_rnn/bias", [1]),
        ("dense/kernel", [1, 5]),
        ("dense/bias", [5]),
    ]
    for name in ("dense/kernel", "dense%2Fkernel"):
        kernel = client.get(f"/v1/models/notebook/weights/{name}").json()
        assert kernel["values"] == [[0.9820599, 0.38863012, -1.2549587, 0.27253923, -1.2005792]]


@pytest.mark.parametrize("what", ["vocabulary", "weights", "summary"])
def test_what_a_client_has_is_not_sent_again(client: TestClient, what: str) -> None:
    first = client.get(f"/v1/models/notebook/{what}")
    etag = first.headers["etag"]
    assert etag == f'"{client.get("/v1/models/notebook").json()["fingerprint"]}"'
    again = client.get(f"/v1/models/notebook/{what}", headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(f"/v1/models/notebook/{what}", headers={"if-none-match": '"other"'})
    assert other.content == first.content


def test_the_documentation_needs_no_internet(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "swagger" in page
    for elsewhere in ("cdn.", "https://", "http://"):
        assert elsewhere not in page
    for part in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"):
        assert f'"swagger/{part}"' in page
        assert client.get(f"/swagger/{part}").status_code == 200


def test_the_openapi_document_is_compressed_for_whoever_accepts_it(client: TestClient) -> None:
    plain = client.get("/openapi.json", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    for coding in ("gzip", "deflate"):
        small = client.get("/openapi.json", headers={"accept-encoding": coding})
        assert (small.headers["content-encoding"], small.headers["vary"]) == (
            coding,
            "Accept-Encoding",
        )
        assert int(small.headers["content-length"]) < len(plain.content) / 3
        assert small.json() == plain.json()
    assert client.head("/openapi.json").headers["content-type"] == "application/json"
    assert client.post("/openapi.json").status_code == 405


def test_the_documentation_s_policy_allows_its_own_script_and_no_other(client: TestClient) -> None:
    answer = client.get("/docs")
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    scripts = re.findall("<script>(.*?)</script>", answer.text, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert policy["script-src"].split() == ["'self'", f"'sha256-{digest}'"]
    assert policy["default-src"] == "'none'"
    assert {"base-uri", "form-action", "frame-ancestors"} <= policy.keys()
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_every_phrase_endpoint_is_in_the_openapi_document(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"get", "post"} <= paths["/v1/predict"].keys()
    assert paths["/v1/compare"].keys() == {"post"}
    names = [parameter["name"] for parameter in paths["/v1/predict"]["get"]["parameters"]]
    assert sorted(names) == ["model", "phrase", "prefix", "top_k"]


def test_the_openapi_document_says_what_is_answered(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in ("/v1/predict", "/v1/models/{model_id}", "/v1/models/{model_id}/weights"):
        responses = document["paths"][path]["get"]["responses"]
        assert responses["4XX"]["content"] == problem
        assert "422" not in responses
    for path in ("/metrics", "/v1/models/{model_id}/summary"):
        answer = document["paths"][path]["get"]["responses"]["200"]
        assert list(answer["content"]) == ["text/plain"]
    body = document["paths"]["/v1/predict"]["post"]["requestBody"]
    schema = document["components"]["schemas"]["PredictRequest"]
    assert body["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/PredictRequest"
    }
    assert (body["required"], schema["required"]) == (True, ["phrase"])
    assert schema["additionalProperties"] is False
    by_name = {one["name"]: one for one in document["paths"]["/v1/predict"]["get"]["parameters"]}
    assert by_name["phrase"]["required"] is True
    assert (by_name["top_k"]["required"], by_name["top_k"]["schema"]["default"]) == (False, 5)
    assert by_name["model"]["schema"]["type"] == "string"
    refs = re.findall(r"#/components/schemas/(\w+)", json.dumps(document))
    assert set(refs) == document["components"]["schemas"].keys()


def test_requests_are_counted_by_route(client: TestClient) -> None:
    client.get("/v1/score?phrase=this%20is")
    text = client.get("/metrics").text
    assert 'unrolled_requests_total{route="/v1/score",status="200",model="notebook"}' in text
    assert 'unrolled_model_parameters{engine="numpy"' in text


def test_whether_weights_have_their_values_is_said_as_pydantic_reads_it(client: TestClient) -> None:
    for given, listed in (("true", True), ("t", True), ("Y", True), ("1", True), ("off", False)):
        answer = client.get(f"/v1/models/notebook/weights?values={given}").json()
        assert ("values" in answer["weights"][0]) is listed
    problem = client.get("/v1/models/notebook/weights?values=perhaps").json()
    assert problem["errors"][0]["pointer"] == "/values"
    other = client.get("/v1/models/notebook/weights?value=true").json()
    assert (other["code"], other["errors"][0]["pointer"]) == ("invalid_request", "/value")
