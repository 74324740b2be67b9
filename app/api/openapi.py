"""The OpenAPI document: FastAPI's own routes, and the phrase endpoints from their table."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from app.api.endpoint import Endpoint

_REF = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "examples": ["unknown_words"]},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def document(app: FastAPI, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    spec = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    phrases = {}
    for endpoint in endpoints:
        request = _schema(endpoint.request, "validation", schemas)
        answer = None
        if endpoint.answer is not None:
            answer = _schema(endpoint.answer, "serialization", schemas)
        phrases[endpoint.path] = _operations(endpoint, request, answer)
    spec["paths"] = phrases | spec["paths"]
    return spec


def _schema(type_: Any, mode: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = TypeAdapter(type_).json_schema(mode=mode, ref_template=_REF)
    schemas.update(schema.pop("$defs", {}))
    return schema


def _operations(
    endpoint: Endpoint, request: dict[str, Any], answer: dict[str, Any] | None
) -> dict[str, Any]:
    content = (
        {"image/svg+xml": {"schema": {"type": "string"}}}
        if answer is None
        else {"application/json": {"schema": answer}}
    )
    responses = {
        "200": {"description": "The answer", "content": content},
        "4XX": {
            "description": "A problem",
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        },
    }
    shared = {"tags": ["phrases"], "summary": endpoint.summary, "responses": responses}
    name = endpoint.path.removeprefix("/v1/").replace("/", "_").replace("-", "_").split(".")[0]
    body = {"required": True, "content": {"application/json": {"schema": request}}}
    operations: dict[str, Any] = {
        "post": {**shared, "operationId": f"{name}_post", "requestBody": body}
    }
    if endpoint.get:
        parameters = [
            {"name": field, "in": "query", "required": field in request["required"], "schema": one}
            for field, one in request["properties"].items()
        ]
        operations["get"] = {**shared, "operationId": f"{name}_get", "parameters": parameters}
    return operations
