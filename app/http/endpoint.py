"""An endpoint as a value, and a protocol as a tuple of them: all that this package knows of either.

FastAPI's routing, dependencies and response models cost more than a prediction does. An Endpoint
says which path and methods it answers, how a request is read, what runs, and what an error looks
like; what runs gives a Reply, whole or in pieces. `openapi.py` documents it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError

from app.errors import FieldProblem, InvalidRequest, MethodNotAllowed, UnrolledError
from app.http import problems
from app.http.exchange import Exchange, Reply
from app.http.service import Service

_MOST_PARAMETERS = 20
GET = ("GET", "HEAD")
POST = ("POST",)

Read = Callable[[Service, Exchange], Awaitable[Any]]
Run = Callable[[Service, Exchange, Any], Awaitable[Reply]]
Errors = Callable[[UnrolledError, str], Reply]  # an error and the request's id


@dataclass(frozen=True)
class Endpoint:
    """One path. `{name}` in it stands for a part without slashes, `{name:path}` for the rest;
    `exchange.parameters` has what they stand for.

    `run` gets what `read` made of the request; without `read`, a `request` from GET's query or
    from a body that is JSON, whatever its content type; without either, None.

    `key`: whether it needs one where keys are set; `limited`: whether it is refused while too many
    requests are in progress. What follows is for the OpenAPI document, which leaves out what has
    no `summary`.
    """

    path: str
    run: Run
    methods: tuple[str, ...] = GET
    request: type[BaseModel] | None = None
    read: Read | None = None
    errors: Errors | None = None  # None: its protocol's
    key: bool = True
    limited: bool = True
    summary: str = ""
    name: str = ""  # the operation's id
    tag: str = ""
    answer: Any = None  # its type, where it is JSON
    media_type: str = "application/json"

    async def __call__(self, service: Service, exchange: Exchange) -> None:
        """Answer one exchange. Raises RequestError for what the client got wrong."""
        if exchange.scope["method"] not in self.methods:
            raise MethodNotAllowed(self.methods)
        request = await (self.read or self._read)(service, exchange)
        exchange.mark(b"parse")
        await exchange.respond(await self.run(service, exchange, request))

    async def _read(self, service: Service, exchange: Exchange) -> BaseModel | None:
        query: bytes = exchange.scope["query_string"]
        if self.request is None:
            return None
        try:
            if exchange.scope["method"] in GET:
                return self.request.model_validate_strings(_parameters(query))
            if query:
                raise InvalidRequest("a POST's parameters belong in its body, not in the URL")
            return self.request.model_validate_json(await raw(service, exchange))
        except ValidationError as error:
            raise problems.from_validation(error) from error


@dataclass(frozen=True)
class Protocol:
    """Endpoints that are answered alike. What is not found `under` these paths is an error in the
    protocol's shape too.
    """

    endpoints: tuple[Endpoint, ...]
    errors: Errors = problems.reply
    under: tuple[str, ...] = ()


async def raw(service: Service, exchange: Exchange) -> bytes:
    """A body as its bytes. Raises BodyTooLarge, ClientGone."""
    return await exchange.body(service.settings.max_body_bytes)


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
