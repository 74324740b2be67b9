"""The OpenAPI document: the endpoints from their tables, and FastAPI's own routes."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from app.http.endpoint import Endpoint, Protocol

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
_PART = re.compile(r"{(\w+)")
_REFUSED = {
    "description": "A problem",
    "content": {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}},
}


def document(app: FastAPI, protocols: Sequence[Protocol]) -> dict[str, Any]:
    """The whole document."""
    spec = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for endpoint in (one for protocol in protocols for one in protocol.endpoints):
        if endpoint.summary:
            path = endpoint.path.replace(":path}", "}")
            spec["paths"][path] = _operations(endpoint, schemas)
    return spec


def _part(name: str) -> dict[str, Any]:
    """A part of the path that stands for something."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _schema(type_: Any, mode: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = TypeAdapter(type_).json_schema(mode=mode, ref_template=_REF)
    schemas.update(schema.pop("$defs", {}))
    return schema


def _named(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """A reference to the schema, where it has a name: generated clients call its class by it."""
    name = schema.get("title")
    if name is None or schemas.setdefault(name, schema) != schema:
        return schema
    return {"$ref": _REF.format(model=name)}


def _operations(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    asked = endpoint.request
    request = {} if asked is None else _schema(asked, "validation", schemas)
    schema = {"type": "string"} if endpoint.media_type != "application/json" else {}
    if endpoint.answer is not None:
        schema = _named(_schema(endpoint.answer, "serialization", schemas), schemas)
    responses = {
        "200": {"description": "The answer", "content": {endpoint.media_type: {"schema": schema}}},
        "4XX": _REFUSED,
        "503": _REFUSED,
    }
    parts = [_part(name) for name in _PART.findall(endpoint.path)]
    shared = {"tags": [endpoint.tag], "summary": endpoint.summary, "responses": responses}
    operations: dict[str, Any] = {}
    if "GET" in endpoint.methods:
        parameters = [*parts, *_parameters(request)]
        operations["get"] = {**shared, "operationId": endpoint.name, "parameters": parameters}
    if "POST" in endpoint.methods:
        body = {
            "required": True,
            "content": {"application/json": {"schema": _named(request, schemas)}},
        }
        operations["post"] = {
            **shared,
            "operationId": f"{endpoint.name}_post",
            "parameters": parts,
            "requestBody": body,
        }
    return operations


def _parameters(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A request's fields in a query string, where what is left out is null."""
    for name, field in request.get("properties", {}).items():
        schema = {key: value for key, value in field.items() if key not in ("anyOf", "default")}
        if "anyOf" in field:
            schema |= next(one for one in field["anyOf"] if one["type"] != "null")
        elif "default" in field:
            schema["default"] = field["default"]
        yield {
            "name": name,
            "in": "query",
            "required": name in request.get("required", ()),
            "schema": schema,
        }
