"""What clients get wrong is answered with a problem document, and never with a 500."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings

PATHS = ("tokenize", "pad", "hidden-states", "distribution", "predict", "explain", "score")


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        (b"", 400, "invalid_json", None),
        (b"{", 400, "invalid_json", None),
        (b"\xff\xfe", 400, "invalid_json", None),
        (b'{"phrase": "\\ud800"}', 400, "invalid_json", None),
        (b"[" * 4_000, 400, "invalid_json", None),
        (b"[" * 100_000, 422, "invalid_request", None),  # too many values: it is not parsed
        (b"null", 422, "invalid_request", ""),
        (b"[]", 422, "invalid_request", ""),
        (b"{}", 422, "invalid_request", "/phrase"),
        (b'{"phrase": 5}', 422, "invalid_request", "/phrase"),
        (b'{"phrase": null}', 422, "invalid_request", "/phrase"),
        (b'{"phrase": NaN}', 422, "invalid_request", "/phrase"),
        (b'{"phrase": "this is", "top_k": 1e999}', 422, "invalid_request", "/top_k"),
        (b'{"phrase": "this is", "top_k": NaN}', 422, "invalid_request", "/top_k"),
        (b'{"phrase": "this is", "top_k": 0}', 422, "invalid_request", "/top_k"),
        (b'{"phrase": "this is", "top_k": "5"}', 422, "invalid_request", "/top_k"),
        (b'{"phrase": "this is", "top_k": true}', 422, "invalid_request", "/top_k"),
        (b'{"phrase": "this is", "top_k": ' + b"9" * 50 + b"}", 422, "invalid_request", "/top_k"),
        (b'{"phrase": "this is", "a/b": 1}', 422, "invalid_request", "/a~1b"),
        (b'{"phrase": "this is", "model": "nope"}', 404, "model_not_found", None),
        (b'{"phrase": ""}', 422, "empty_phrase", None),
        (
            b"{" + b", ".join(b'"a%d": 1' % at for at in range(2_000)) + b"}",
            422,
            "invalid_request",
            None,
        ),
        (b'{"phrase": " \\u0000\\t"}', 422, "unknown_words", None),
        (b'{"phrase": "this zebra"}', 422, "unknown_words", None),
        (b'{"phrase": "' + b"a" * 70_000 + b'"}', 422, "invalid_request", "/phrase"),
        (b'{"phrase": "' + b"a" * 2_000_000 + b'"}', 413, "body_too_large", None),
    ],
)
def test_a_bad_body_gets_its_code(
    client: TestClient, body: bytes, status: int, code: str, pointer: str | None
) -> None:
    response = client.post("/v1/predict", content=body)
    problem = response.json()
    assert (response.status_code, problem["code"], problem["status"]) == (status, code, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == response.headers["x-request-id"]
    assert {"type", "title", "detail"} <= problem.keys()
    assert [e["pointer"] for e in problem.get("errors", [])] == (
        [] if pointer is None else [pointer]
    )
    assert len(response.content) < 2000


def test_unknown_words_come_with_place_and_suggestions(client: TestClient) -> None:
    problem = client.get("/v1/predict?phrase=this%20exmple").json()
    assert problem["unknown"] == [
        {"word": "exmple", "position": 1, "span": [5, 11], "suggestions": ["example"]}
    ]


def test_of_very_many_unknown_words_the_first_are_named(client: TestClient) -> None:
    problem = client.post("/v1/predict", json={"phrase": "x " * 30_000}).json()
    assert [one["position"] for one in problem["unknown"]] == list(range(20))
    assert problem["detail"].endswith("'x', 'x' and 29992 more")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "invalid_request"),
        ("phrase=%ff", "invalid_request"),
        ("phrase=this&phrase=is", "invalid_request"),
        ("&".join(f"a{number}=1" for number in range(21)), "invalid_request"),
        ("phrase=this&colour=red", "invalid_request"),
        ("phrase=this&top_k=many", "invalid_request"),
        ("phrase=%00", "unknown_words"),
        ("phrase=this&model=", "model_not_found"),
    ],
)
def test_a_bad_query_gets_its_code(client: TestClient, query: str, code: str) -> None:
    response = client.get("/v1/predict?" + query)
    assert response.json()["code"] == code


def test_parameters_of_a_post_belong_in_its_body(client: TestClient) -> None:
    response = client.post("/v1/predict?model=notebook", json={"phrase": "this is"})
    assert response.json()["code"] == "invalid_request"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1/models/nope", 404, "model_not_found"),
        ("GET", "/v1/models/notebook/weights/nope", 404, "not_found"),
        ("DELETE", "/v1/predict", 405, "method_not_allowed"),
        ("GET", "/v1/compare", 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("GET", "/v1/hidden-states?phrase=this&layer=nope", 404, "not_found"),
        ("GET", "/v1/models/notebook/weights?values=perhaps", 422, "invalid_request"),
    ],
)
def test_other_mistakes_are_problems_too(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    response = client.request(method, path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/predict", "GET, HEAD, POST, QUERY"),
        ("/v1/compare", "POST, QUERY"),
        ("/v1/models", "GET, HEAD"),
        ("/livez", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(client: TestClient, path: str, allowed: str) -> None:
    response = client.delete(path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)


def test_what_is_wrong_with_the_json_and_where_is_said(client: TestClient) -> None:
    problem = client.post("/v1/predict", content=b'{"phrase": "this is",}').json()
    assert problem["detail"] == "the body is not valid JSON: trailing comma at line 1 column 22"


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
bodies = st.one_of(
    st.binary(max_size=60),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(
        st.sampled_from(["phrase", "phrases", "model", "top_k", "prefix", "layer"]), json_values
    ).map(lambda value: json.dumps(value).encode()),
)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(path=st.sampled_from([*PATHS, "predict/batch", "compare", "diagram.svg"]), body=bodies)
def test_no_body_causes_a_500(client: TestClient, path: str, body: bytes) -> None:
    response = client.post(f"/v1/{path}", content=body)
    assert response.status_code < 500
    if response.headers["content-type"].endswith("json"):
        json.loads(response.content, parse_constant=_refuse)


def _refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is not strict JSON")


def test_a_key_is_needed_where_keys_are_set(repository: Repository) -> None:
    with TestClient(create_app(Settings(api_keys=("one", "two")), repository)) as client:
        url = "/v1/predict?phrase=this%20is"
        assert client.get(url).json()["code"] == "unauthorized"
        assert client.get(url, headers={"x-api-key": "three"}).status_code == 401
        assert client.get(url, headers={"x-api-key": "two"}).status_code == 200
        assert client.get(url, headers={"authorization": "Bearer one"}).status_code == 200
        for probe in ("/livez", "/readyz", "/metrics"):
            assert client.get(probe).status_code == 200


def test_a_request_id_is_kept_where_it_is_sound(client: TestClient) -> None:
    given = client.get("/livez", headers={"x-request-id": "abc-123"})
    assert given.headers["x-request-id"] == "abc-123"
    made = client.get("/livez", headers={"x-request-id": "a b\tc"})
    assert made.headers["x-request-id"] not in ("", "a b\tc")


def test_a_route_of_one_s_own_that_fails_is_a_problem_that_says_no_more(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(request: Request) -> Response:
        raise RuntimeError("secret")

    app = create_app(Settings(poll_seconds=0), repository)
    app.add_route("/own", fails)
    with TestClient(app, raise_server_exceptions=False) as client:
        told = client.get("/own")
        page = client.get(told.json()["type"])
    assert (told.status_code, told.json()["code"]) == (500, "internal_error")
    assert (page.status_code, page.text.count("<h1>500: ")) == (200, 1)
    assert told.headers["content-type"] == "application/problem+json"
    assert "secret" not in told.text
    assert capsys.readouterr().err.count("RuntimeError: secret") == 1


@pytest.mark.parametrize("ranges", ["bytes=0-0", "bytes=5-2", "lines=1-2", "bytes=" + "9" * 5000])
def test_files_are_sent_whole_whatever_part_is_asked_for(client: TestClient, ranges: str) -> None:
    whole = client.get("/swagger/swagger-ui.css")
    part = client.get("/swagger/swagger-ui.css", headers={"Range": ranges})
    assert (part.status_code, part.content) == (200, whole.content)


@pytest.mark.parametrize("path", ["/livez", "/v1/models", "/openapi.json", "/nowhere"])
def test_a_server_that_runs_no_lifespan_is_told(path: str) -> None:
    told = TestClient(create_app()).get(path)  # as `uvicorn --lifespan off`
    assert (told.status_code, told.json()["code"]) == (503, "not_ready")
    assert "lifespan" in told.json()["detail"]
