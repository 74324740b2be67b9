"""The OpenAPI document: FastAPI's own routes, and the phrase endpoints from their table."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from app.http.endpoint import Endpoint

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
        "unknown": {"type": "array", "items": {"$ref": _REF.format(model="UnknownWord")}},
    },
}
_PART = re.compile(r"{(\w+)}")
_REFUSED = {
    "description": "A problem",
    "content": {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}},
}


def document(app: FastAPI, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    spec = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for path, operations in spec["paths"].items():
        for operation in operations.values():
            parts = [_part(name) for name in _PART.findall(path)]
            if parts:
                operation["parameters"] = parts + operation.get("parameters", [])
                operation["responses"]["4XX"] = _REFUSED
    phrases = {}
    for endpoint in endpoints:
        request = _schema(endpoint.request, "validation", schemas)
        answer = None
        if endpoint.answer is not None:
            answer = _schema(endpoint.answer, "serialization", schemas)
        phrases[endpoint.path] = _operations(endpoint, request, answer)
    spec["paths"] = phrases | spec["paths"]
    return spec


def _part(name: str) -> dict[str, Any]:
    """A part of the path that stands for something."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


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
        "4XX": _REFUSED,
        "503": _REFUSED,
    }
    shared = {"tags": ["phrases"], "summary": endpoint.summary, "responses": responses}
    name = endpoint.path.removeprefix("/v1/").replace("/", "_").replace("-", "_").split(".")[0]
    body = {"required": True, "content": {"application/json": {"schema": request}}}
    operations: dict[str, Any] = {
        "post": {**shared, "operationId": f"{name}_post", "requestBody": body}
    }
    if endpoint.get:
        operations["get"] = {
            **shared,
            "operationId": f"{name}_get",
            "parameters": list(_parameters(request)),
        }
    return operations


def _parameters(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A request's fields in a query string, where what is left out is null."""
    for name, field in request["properties"].items():
        schema = {key: value for key, value in field.items() if key not in ("anyOf", "default")}
        if "anyOf" in field:
            schema |= next(one for one in field["anyOf"] if one["type"] != "null")
        elif "default" in field:
            schema["default"] = field["default"]
        yield {
            "name": name,
            "in": "query",
            "required": name in request["required"],
            "schema": schema,
        }
