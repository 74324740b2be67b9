"""What JSON Schema calls an integer, and what a query string has instead of JSON's types."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.native.endpoints import PROTOCOL
from app.http.endpoint import Endpoint


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/v1/explain", {"weights": None, "units": 1.0, "top_k": 2.0}),
        ("/v1/diagram.svg", {"weights": None, "columns": 3.0}),
        ("/v1/predict", {"top_k": None}),
        ("/v1/suggest", {"text": "this is", "phrase": ..., "count": 2.0, "words": 1.0}),
        ("/v1/completions", {"prompt": "this is", "phrase": ..., "max_tokens": 1.0, "seed": 1.0}),
    ],
)
def test_what_fits_the_document_is_answered(
    client: TestClient, path: str, more: dict[str, Any]
) -> None:
    asked = {
        name: value for name, value in {"phrase": "this is", **more}.items() if value is not ...
    }
    assert client.post(path, json=asked).status_code == 200


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/v1/explain", {"phrase": "this is", "weights": "{}"}),
        ("/v1/explain", {"phrase": "this is", "units": 1.5}),
        ("/v1/suggest", {"text": "this is", "exclude": "an"}),
        ("/v1/predict", {"phrase": "this is", "top_k": "3"}),
    ],
)
def test_a_body_s_types_are_json_s(client: TestClient, path: str, more: dict[str, Any]) -> None:
    answer = client.post(path, json=more)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


NEEDED: dict[str, Any] = {"phrase": "this is", "text": "this is ", "phrases": ["this is", "is an"]}
ASKED = [
    endpoint
    for endpoint in PROTOCOL.endpoints
    if "POST" in endpoint.methods and endpoint.request is not None
]


@pytest.mark.parametrize("endpoint", ASKED, ids=[endpoint.path for endpoint in ASKED])
def test_null_is_the_default_of_every_field_that_has_one(
    client: TestClient, endpoint: Endpoint
) -> None:
    assert endpoint.request is not None
    fields = endpoint.request.model_fields
    asked: dict[str, Any] = {
        name: NEEDED.get(name, ["this is"]) for name, one in fields.items() if one.is_required()
    }
    nulls = dict.fromkeys(name for name, one in fields.items() if not one.is_required())
    assert nulls
    plain, with_nulls = (
        client.post(endpoint.path, json=body) for body in (asked, {**asked, **nulls})
    )
    assert (plain.status_code, with_nulls.status_code) == (200, 200), with_nulls.text
    if endpoint.media_type != "application/zip":  # which has the time in it
        assert with_nulls.content == plain.content
    for name in asked:
        refused = client.post(endpoint.path, json={**asked, name: None})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")


def test_the_document_says_which_fields_may_be_null(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for request in {endpoint.request for endpoint in ASKED}:
        assert request is not None
        properties = schemas[request.__name__]["properties"]
        for name, one in request.model_fields.items():
            or_null = {"type": "null"} in properties[name].get("anyOf", ())
            assert or_null is not one.is_required(), (request, name)


def test_a_query_string_s_numbers_have_the_same_bounds(client: TestClient) -> None:
    for given in ("columns=-1", "columns=41", "top_k=-1", "top_k=1001", "top_k=" + "9" * 30):
        answer = client.get(f"/v1/diagram.svg?phrase=this+is&{given}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert client.get("/v1/diagram.svg?phrase=this+is&columns=40&top_k=2").status_code == 200


def test_a_query_string_s_whole_numbers_are_written_alike_in_every_field(
    client: TestClient,
) -> None:
    for given, status in {
        "1.0": 200,
        "1.00": 200,
        "%2B1": 200,
        "+1+": 200,
        "01": 200,
        "1.": 422,
        "1.5": 422,
        "1e0": 422,
        "-1.0": 422,
        "1_0": 422,
        "%D9%A1": 422,
        "9" * 30 + ".0": 422,
        "": 422,
    }.items():
        for field in ("top_k", "units"):
            answer = client.get(f"/v1/explain?phrase=this+is&{field}={given}")
            assert answer.status_code == status, (field, given)


def test_the_document_says_the_bounds_of_top_k(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    asked = document["components"]["schemas"]["PredictRequest"]["properties"]["top_k"]
    number, null = asked["anyOf"]
    assert (number["minimum"], number["maximum"], null) == (1, 1000, {"type": "null"})
    parameters = document["paths"]["/v1/predict"]["get"]["parameters"]
    [of_url] = [one["schema"] for one in parameters if one["name"] == "top_k"]
    assert (of_url["minimum"], of_url["maximum"], of_url["default"]) == (1, 1000, 5)
