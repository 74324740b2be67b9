"""The OpenAPI document: the endpoints from their tables, and FastAPI's own routes.

It is made when it is first asked for. What its types do not say of their fields and of the parts of
their paths, each protocol says in its `fields`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from app.http.endpoint import Endpoint, Protocol

Schema = dict[str, Any]

_REF = "#/components/schemas/{model}"
_PART = re.compile(r"{(\w+)")
_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key as a bearer token"},
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key in a header of its own",
    },
}
# What every protocol's types share.
_FIELDS = {
    "Problem.type": "The URL of a page that says what it means and what to do",
    "Problem.title": "What went wrong, in general",
    "Problem.status": "The HTTP status",
    "Problem.detail": "What went wrong this time, in a sentence for a person",
    "Problem.code": "What went wrong, for a program: it never changes",
    "Problem.request_id": "The X-Request-Id; a problem among other results has none of its own",
    "Problem.errors": "The fields at fault",
    "Problem.unknown": "The words that the model does not know",
    "FieldProblem.pointer": "Which field: a JSON pointer (RFC 6901)",
    "FieldProblem.message": "What is wrong with it",
    "UnknownWord.word": "The word",
    "UnknownWord.position": "The token that it is, counted from 0",
    "UnknownWord.span": "Where it stands in the phrase: character offsets [start, end)",
    "UnknownWord.suggestions": "The closest words that the model knows, best first",
}


def document(
    app: FastAPI, protocols: Sequence[Protocol], *, keys_are_set: bool = False
) -> dict[str, Any]:
    """The whole document. Where no keys are set, none is needed: sending one does no harm."""
    spec = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    components = spec.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    components["securitySchemes"] = _KEYS
    keys: list[Schema] = [{name: []} for name in _KEYS]
    security = keys if keys_are_set else [{}, *keys]
    for protocol in protocols:
        writer = _Writer(protocol, schemas, security)
        for endpoint in protocol.endpoints:
            if endpoint.summary:
                path = endpoint.path.replace(":path}", "}")
                spec["paths"][path] = writer.operations(endpoint)
    return spec


class _Writer:
    """One protocol's operations, and the `schemas` that they refer to."""

    def __init__(
        self, protocol: Protocol, schemas: dict[str, Schema], security: list[Schema]
    ) -> None:
        self._schemas, self._security = schemas, security
        self._said = {**_FIELDS, **protocol.fields}
        self._examples = protocol.examples
        problem = self._named(self._schema(protocol.problem, "serialization"))
        content = {protocol.problem_media_type: {"schema": problem}}
        self._refused = {"description": "A problem", "content": content}

    def operations(self, endpoint: Endpoint) -> dict[str, Any]:
        """By method. The id is the endpoint's name; where there are both, GET's has a suffix."""
        asked = endpoint.request
        request = {} if asked is None else self._schema(asked, "validation")
        shared = {
            "tags": [endpoint.tag],
            "summary": endpoint.summary,
            "responses": self._responses(endpoint),
            "security": self._security if endpoint.key else [],
        }
        parts = [self._part(name) for name in _PART.findall(endpoint.path)]
        operations: dict[str, Any] = {}
        if "GET" in endpoint.methods:
            name = f"{endpoint.name}_get" if "POST" in endpoint.methods else endpoint.name
            parameters = [*parts, *_parameters(request)]
            operations["get"] = {**shared, "operationId": name, "parameters": parameters}
        if "POST" in endpoint.methods:
            operations["post"] = {**shared, "operationId": endpoint.name, "parameters": parts}
            if request:
                content = {"application/json": {"schema": self._named(request)}}
                operations["post"]["requestBody"] = {"required": True, "content": content}
        return operations

    def _responses(self, endpoint: Endpoint) -> dict[str, Any]:
        schema: Schema = {"type": "string"}
        if endpoint.answer is not None:
            schema = self._named(self._schema(endpoint.answer, "serialization"))
        elif endpoint.media_type == "application/zip":
            schema["format"] = "binary"
        content = {endpoint.media_type: {"schema": schema}}
        if endpoint.streamed:
            content[endpoint.streamed] = {"schema": {"type": "string"}}
        answer = {"description": "The answer", "content": content}
        return {"200": answer, "4XX": self._refused, "503": self._refused}

    def _part(self, name: str) -> Schema:
        """A part of the path that stands for something."""
        part: Schema = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        if name in self._said:
            part["description"] = self._said[name]
        if name in self._examples:
            part["example"] = self._examples[name]
        return part

    def _schema(self, type_: Any, mode: Any) -> Schema:
        schema = TypeAdapter(type_).json_schema(mode=mode, ref_template=_REF)
        parts = schema.pop("$defs", {})
        _describe([*parts.values(), schema], self._said)
        self._schemas.update(parts)
        return schema

    def _named(self, schema: Schema) -> Schema:
        """A reference to the schema, where it has a name: generated clients call a class by it."""
        name = schema.get("title")
        if name is None or self._schemas.setdefault(name, schema) != schema:
            return schema
        return {"$ref": _REF.format(model=name)}


def _describe(schemas: Iterable[Schema], said: Mapping[str, str]) -> None:
    """Every field that does not describe itself: as one of this type, or as one of this name."""
    for schema in schemas:
        for name, field in schema.get("properties", {}).items():
            text = said.get(f"{schema.get('title')}.{name}", said.get(name))
            if text is not None:
                field.setdefault("description", text)


def _parameters(request: Schema) -> Iterator[Schema]:
    """A request's fields in a query string, where what is left out is null."""
    for name, field in request.get("properties", {}).items():
        apart = ("anyOf", "default", "description", "examples")
        schema = {key: value for key, value in field.items() if key not in apart}
        if "anyOf" in field:
            schema |= next(one for one in field["anyOf"] if one["type"] != "null")
        if field.get("default") is not None:
            schema["default"] = field["default"]
        parameter = {"name": name, "in": "query", "required": name in request.get("required", ())}
        if schema.get("type") == "object":  # JSON within the query string
            parameter["content"] = {"application/json": {"schema": schema}}
        else:
            parameter["schema"] = schema
        if schema.get("type") == "array":
            parameter["explode"] = False  # with commas between
        if "description" in field:
            parameter["description"] = field["description"]
        if "examples" in field:
            parameter["example"] = field["examples"][0]
        yield parameter
