"""A phrase endpoint: one request type, one function, one answer type, on raw ASGI.

FastAPI's routing, dependencies and response models cost more than a prediction does. An Endpoint
reads GET's query or POST's body (JSON, whatever its content type) into the same request, and writes
the answer's bytes. `openapi.py` documents it beside FastAPI's own routes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError

from app.answers import Answer
from app.errors import FieldProblem, InvalidRequest, MethodNotAllowed
from app.http import problems
from app.http.exchange import Exchange, encode
from app.http.service import Service
from app.model import Model

_MOST_PARAMETERS = 20
Compute = Callable[[Model, Any], Answer]
Respond = Callable[[Service, Model, Any], Awaitable[Answer]]


@dataclass(frozen=True)
class Endpoint:
    """One path. `run` answers a validated request for a model that is loaded."""

    path: str
    request: type[BaseModel]
    answer: Any
    run: Respond
    summary: str
    get: bool = True  # whether GET with a query string is answered too

    async def __call__(self, service: Service, exchange: Exchange) -> None:
        """Answer one exchange. Raises RequestError for what the client got wrong."""
        request = await self._read(service, exchange)
        exchange.phrase = getattr(request, "phrase", None)
        exchange.mark(b"parse")
        model = service.model(request.model)  # type: ignore[attr-defined]
        exchange.model = model.id
        answer = await self.run(service, model, request)
        exchange.mark(b"compute")
        content_type = b"application/json"
        if isinstance(answer, str):
            body, content_type = answer.encode(), b"image/svg+xml"
        else:
            body = encode(answer)
        exchange.mark(b"encode")
        await exchange.respond(200, body, content_type)

    @property
    def methods(self) -> tuple[str, ...]:
        """Allowed methods."""
        return ("GET", "HEAD", "POST") if self.get else ("POST",)

    async def _read(self, service: Service, exchange: Exchange) -> BaseModel:
        method = exchange.scope["method"]
        query: bytes = exchange.scope["query_string"]
        if method not in self.methods:
            raise MethodNotAllowed(self.methods)
        try:
            if method != "POST":
                return self.request.model_validate_strings(_parameters(query))
            if query:
                raise InvalidRequest("a POST's parameters belong in its body, not in the URL")
            body = await exchange.body(service.settings.max_body_bytes)
            return self.request.model_validate_json(body)
        except ValidationError as error:
            raise problems.from_validation(error) from error


def _parameters(query: bytes) -> dict[str, str]:
    """A query string as a dict.

    Raises InvalidRequest where it is not UTF-8, repeats a name, or has very many.
    """
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except UnicodeDecodeError as error:
        raise InvalidRequest("the query string is not percent-encoded UTF-8") from error
    except ValueError as error:
        raise InvalidRequest(f"there are more than {_MOST_PARAMETERS} parameters") from error
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        where = FieldProblem(problems.pointer([twice]), "given more than once")
        raise InvalidRequest("a parameter is given more than once", problems=[where])
    return parameters


def in_thread(compute: Compute) -> Respond:
    """Run a computation beside the event loop, which goes on answering others."""

    async def run(_service: Service, model: Model, request: Any) -> Answer:
        return await asyncio.to_thread(compute, model, request)

    return run
