"""The OpenAPI document: complete, and true of what is really answered."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from app.folder.read import load_model
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.keras_files import write_folder

METHODS = ("get", "post")
PHRASE = {"phrase": "this is", "model": "notebook"}
PHRASES = {"phrases": ["this is", "is an"], "model": "notebook"}
TEXT = {"text": "this is", "model": "notebook"}
NOTEBOOK = {"epochs": 3}
PREFIXED = {**PHRASE, "prefix": "e"}
KERNEL = {"simple_rnn/kernel": [[-1.0]]}
TENSOR = {"name": "phrase", "shape": [1], "datatype": "BYTES", "data": ["this is"]}
MODEL = {"model_id": "notebook"}
OIP = {"model": "notebook"}

# operation's id -> what to send: a body, or a query; for each, parts of the path.
CALLS: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    *((name, PHRASE, {}) for name in ("tokenize", "pad", "hidden_states", "distribution")),
    *((name, PHRASE, {}) for name in ("predict", "explain", "score", "diagram")),
    *((f"{name}_get", PHRASE, {}) for name in ("tokenize", "pad", "hidden_states", "distribution")),
    *((f"{name}_get", PHRASE, {}) for name in ("predict", "explain", "score", "diagram")),
    ("predict", PREFIXED, {}),
    ("predict_get", PREFIXED, {}),
    ("predict_get", {**PHRASE, "top_k": 2}, {}),
    ("predict_batch", PHRASES, {}),
    ("predict_batch", {**PHRASES, "prefix": "e"}, {}),
    ("predict_batch", {**PHRASES, "phrases": ["this is", "zebra", ""]}, {}),
    ("explain", {**PHRASE, "weights": KERNEL}, {}),
    ("explain", {**PHRASE, "units": 1}, {}),
    ("explain_get", {**PHRASE, "units": 1}, {}),
    ("compare", PHRASES, {}),
    ("suggest", TEXT, {}),
    ("suggest_get", TEXT, {}),
    ("suggest_batch", {"texts": ["this is"], "model": "notebook"}, {}),
    *((name, NOTEBOOK, {}) for name in ("notebook", "notebook_py", "notebook_zip")),
    *((f"{name}_get", NOTEBOOK, {}) for name in ("notebook", "notebook_py", "notebook_zip")),
    ("list_models", {}, {}),
    *((f"get_{name}", {}, MODEL) for name in ("model", "vocabulary", "summary")),
    ("list_weights", {}, MODEL),
    ("list_weights", {"values": "true"}, MODEL),
    ("get_weight", {}, {**MODEL, "name": "simple_rnn/kernel"}),
    ("get_weight", {}, {**MODEL, "name": "dense/bias"}),
    ("create_completion", {"prompt": "this is", "max_tokens": 1}, {}),
    ("create_completion", {"prompt": "this is", "max_tokens": 1, "logprobs": 2, "echo": True}, {}),
    ("tokenize_text", {"prompt": "this is"}, {}),
    ("tokenize_text", {"prompt": "this is", "return_token_strs": True}, {}),
    ("detokenize_ids", {"tokens": [3, 1]}, {}),
    ("tokenizer_info", {"model": "notebook"}, {}),
    *((name, {}, {}) for name in ("v2", "v2_health_live", "v2_health_ready", "v2_models_stats")),
    ("v2_repository_index", {}, {}),
    *((f"v2_model{tail}", {}, OIP) for tail in ("", "_ready", "_config", "_stats")),
    ("v2_infer", {"inputs": [TENSOR], "id": "7"}, OIP),
    *((name, {}, {}) for name in ("live", "ready", "health", "metrics")),
]
# What is refused, in the shape of its protocol.
REFUSED: list[tuple[str, dict[str, Any], dict[str, str], int]] = [
    ("predict", {"phrase": "zebra"}, {}, 422),
    ("predict_get", {"phrase": "this", "top_k": 0}, {}, 422),
    ("get_model", {}, {"model_id": "none"}, 404),
    ("create_completion", {"prompt": "this is", "n": 0}, {}, 400),
    ("v2_infer", {"inputs": []}, OIP, 400),
    ("v2_model_ready", {}, {"model": "none"}, 404),
]


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Method, path and operation, by id."""
    listed = [
        (operation["operationId"], (method, path, operation))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(dict(listed)) == len(listed)
    return dict(listed)


def everywhere(node: Any) -> Iterator[dict[str, Any]]:
    """Every object of a document."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from everywhere(value)
    elif isinstance(node, list):
        for value in node:
            yield from everywhere(value)


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    closed = json.loads(json.dumps({**schema, "components": document["components"]}))
    for one in everywhere(closed):  # a field that is not documented is an error
        if one.get("type") == "object" and "properties" in one:
            one.setdefault("additionalProperties", False)
    return Draft202012Validator(closed)


def call(
    client: TestClient,
    operation: tuple[str, str, dict[str, Any]],
    sent: dict[str, Any],
    parts: dict[str, str],
) -> Any:
    method, path, _ = operation
    url = path.format(**parts)
    return client.get(url, params=sent) if method == "get" else client.post(url, json=sent)


@pytest.mark.parametrize(("name", "sent", "parts"), CALLS)
def test_answers_are_what_the_document_says(
    client: TestClient,
    document: dict[str, Any],
    operations: dict[str, Any],
    name: str,
    sent: dict[str, Any],
    parts: dict[str, str],
) -> None:
    response = call(client, operations[name], sent, parts)
    assert response.status_code == 200, response.text
    _, _, operation = operations[name]
    (media_type, content), *_ = operation["responses"]["200"]["content"].items()
    assert response.headers["content-type"].split(";")[0] == media_type.split(";")[0]
    assert content["schema"], "an empty schema says nothing"
    if media_type == "application/json":
        assert content["schema"] not in ({"type": "object"}, {"type": "array"})
        validator(document, content["schema"]).validate(response.json())
    if "requestBody" in operation:
        asked = operation["requestBody"]["content"]["application/json"]["schema"]
        validator(document, asked).validate(sent)


def test_every_operation_is_called(operations: dict[str, Any]) -> None:
    called = {name for name, _, _ in CALLS}
    assert called == operations.keys(), "CALLS lists every operation, with its GET"


@pytest.mark.parametrize(("name", "sent", "parts", "status"), REFUSED)
def test_problems_are_what_the_document_says(
    client: TestClient,
    document: dict[str, Any],
    operations: dict[str, Any],
    name: str,
    sent: dict[str, Any],
    parts: dict[str, str],
    status: int,
) -> None:
    response = call(client, operations[name], sent, parts)
    assert response.status_code == status
    [(media_type, content)] = operations[name][2]["responses"]["4XX"]["content"].items()
    assert response.headers["content-type"] == media_type
    answer = response.json()
    if name == "get_model":  # which OpenAI's clients read too
        assert answer.pop("error")["code"] == answer["code"]
    validator(document, content["schema"]).validate(answer)


def test_words_that_are_left_out_and_answers_that_are_streamed_are_documented(
    document: dict[str, Any], operations: dict[str, Any], tmp_path: Path
) -> None:
    folder = write_folder(tmp_path / "dropping")
    card = {"max_length": 3, "drop_unknown": True}
    (folder / "model.json").write_text(json.dumps(card))
    dropping = Repository.of(load_model(folder))
    schema = {"$ref": "#/components/schemas/Predicted"}
    with TestClient(create_app(Settings(), dropping)) as client:
        answer = client.get("/v1/predict?phrase=a zebra").json()
        assert [one["word"] for one in answer["unknown"]] == ["zebra"]
        validator(document, schema).validate(answer)
        assert client.get("/v1/predict?phrase=a zebra&top_k=1000").json() == answer
        for name, sent, headers in (
            ("predict_batch", {"phrases": ["a"]}, {"accept": "application/x-ndjson"}),
            ("create_completion", {"prompt": "a", "max_tokens": 1, "stream": True}, {}),
        ):
            _, path, operation = operations[name]
            response = client.post(path, json=sent, headers=headers)
            media_type = response.headers["content-type"].split(";")[0]
            assert media_type != "application/json"
            assert media_type in operation["responses"]["200"]["content"]
            assert response.text


def test_a_validator_refuses_what_is_not_documented(document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/Predicted"}
    answer: dict[str, Any] = {"model": "notebook", "phrase": "", "next_word": None}
    answer["predictions"] = []
    assert validator(document, schema).is_valid(answer)
    assert not validator(document, schema).is_valid({**answer, "more": 1})
    assert not validator(document, schema).is_valid({**answer, "predictions": [{"word": "an"}]})


def test_every_type_and_every_field_says_what_it_is(document: dict[str, Any]) -> None:
    silent = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, described in schema.get("properties", {}).items()
        if not described.get("description")
    ]
    assert silent == [], "a protocol's FIELDS say what they are: app/api/native/glossary.py"
    for name, schema in document["components"]["schemas"].items():
        assert schema["description"], name


def test_every_parameter_says_what_it_is_and_phrases_can_be_tried(
    operations: dict[str, Any],
) -> None:
    tried: dict[str, set[Any]] = {}
    for name, (_, _, operation) in operations.items():
        for parameter in operation["parameters"]:
            said = parameter.get("description")
            assert said, f"{name}: its protocol's `fields` say what {parameter['name']} is"
            tried.setdefault(parameter["name"], set()).add(str(parameter.get("example")))
    assert tried["phrase"] == {"this is"}
    assert tried["model"] == tried["model_id"] == {"notebook"}
    assert tried["name"] == {"simple_rnn/kernel"}


def test_the_examples_are_answered(client: TestClient, operations: dict[str, Any]) -> None:
    apart = ("suggest_get", "notebook_get", "notebook_py_get", "notebook_zip_get")  # texts
    for name, (method, path, operation) in operations.items():
        if method == "post" or name in apart:
            continue
        shown = [one for one in operation["parameters"] if "example" in one]
        parts = {one["name"]: one["example"] for one in shown if one["in"] == "path"}
        query = {one["name"]: one["example"] for one in shown if one["in"] == "query"}
        if "weights" in query:
            query["weights"] = json.dumps(query["weights"])
        response = client.get(path.format(**parts), params=query)
        assert response.status_code == 200, (name, response.text)


@pytest.mark.parametrize(
    ("schema", "order"),
    [
        ("PrefixPredicted Predicted Problem", ("Batch", "results")),
        ("GatedState HiddenState", ("HiddenStates", "timesteps")),
        ("LayerExcerpt GatedExcerpt LayerStep GatedStep", ("ExplainedStep", "layers")),
    ],
)
def test_what_has_more_fields_comes_first(
    document: dict[str, Any], schema: str, order: tuple[str, str]
) -> None:
    """A generated client takes the first type that an answer fits."""
    type_, field = order
    items = document["components"]["schemas"][type_]["properties"][field]["items"]
    assert [one["$ref"].split("/")[-1] for one in items["anyOf"]] == schema.split()


def test_a_prefixed_answer_is_no_plain_one(document: dict[str, Any]) -> None:
    answer = document["paths"]["/v1/predict"]["post"]["responses"]["200"]
    schema = answer["content"]["application/json"]["schema"]
    assert [one["$ref"].split("/")[-1] for one in schema["anyOf"]] == [
        "PrefixPredicted",
        "Predicted",
    ]


def test_keys_are_declared_and_needed_where_they_are_set(
    document: dict[str, Any], repository: Repository
) -> None:
    with TestClient(create_app(Settings(api_keys="secret"), repository)) as client:
        keyed = client.get("/openapi.json").json()
    assert keyed["components"]["securitySchemes"] == document["components"]["securitySchemes"]
    schemes = document["components"]["securitySchemes"]
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")
    assert (schemes["key"]["in"], schemes["key"]["name"]) == ("header", "X-API-Key")
    keys: list[dict[str, list[str]]] = [{"bearer": []}, {"key": []}]
    for of, expected in ((document, [{}, *keys]), (keyed, keys)):
        assert of["paths"]["/v1/predict"]["post"]["security"] == expected
        assert of["paths"]["/v1/models"]["get"]["security"] == expected
        assert of["paths"]["/livez"]["get"]["security"] == []
        assert of["paths"]["/v2/health/ready"]["get"]["security"] == []


def test_many_that_ask_first_at_once_are_given_the_same_document() -> None:
    """Each had its own made, for a tenth of a second."""
    app, at_once = create_app(), Barrier(8)

    def first(_: int) -> int:
        at_once.wait()
        return id(app.openapi())

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(first, range(8)))) == 1


def test_it_is_written_once_for_each_place_where_it_is_served(client: TestClient) -> None:
    """Threads that wrote it again for everybody kept the event loop waiting for 0.4 s."""
    app = create_app(Settings(poll_seconds=0))
    written = app.document("")
    assert json.loads(written) == client.get("/openapi.json").json()
    assert app.document("") is written
    assert json.loads(app.document("/words")) == {
        **json.loads(written),
        "servers": [{"url": "/words"}],
    }
    app.openapi_schema = None  # as for routes that are added later
    app.title = "Words"
    assert json.loads(app.document(""))["info"]["title"] == "Words"
