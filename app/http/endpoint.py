"""An endpoint as a value, and a protocol as a tuple of them: all that this package knows of either.

FastAPI's routing, dependencies and response models cost more than a prediction does. An Endpoint
says which path and methods it answers, how a request is read, what runs, and what an error looks
like; what runs gives a Reply, whole or in pieces. `openapi.py` documents it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError

from app.errors import (
    FieldProblem,
    InvalidRequest,
    MethodNotAllowed,
    UnrolledError,
    UnsupportedMediaType,
)
from app.http import problems
from app.http.addresses import address
from app.http.coding import LEAST, compressed, inflated, is_known, json_letters
from app.http.exchange import JSON, Exchange, Reply
from app.http.parsing import LARGE, MOST_VALUES, parsed
from app.http.problems import ACCEPT_QUERY
from app.http.service import Service

_MOST_PARAMETERS = 20
_TAGGED_HERE = 256 << 10  # bytes, about 300 µs
GET = ("GET", "HEAD")
POST = ("POST",)
QUERY = "QUERY"

Read = Callable[[Service, Exchange], Awaitable[Any]]
Run = Callable[[Service, Exchange, Any], Awaitable[Reply]]
Errors = Callable[[UnrolledError, str], Reply]  # an error and the request's id


class Endpoint(NamedTuple):
    """One path. `{name}` in it stands for a part without slashes, `{name:path}` for the rest;
    `exchange.parameters` has what they stand for.

    `run` gets what `read` made of the request; without `read`, a `request` from GET's query or
    from a body that is JSON, whatever its content type; without either, None.

    `page`: whether what it answers has relative addresses, which hold at one address alone: who
    asks with a slash too many, or without the root's, is sent there.

    `key`: whether it needs one where keys are set; `limited`: whether it is refused while too many
    requests are in progress; `most_values`: how many its JSON may have. What follows is for the
    OpenAPI document, which leaves out what has no `summary`.
    """

    path: str
    run: Run
    methods: tuple[str, ...] = GET
    request: type[BaseModel] | None = None
    read: Read | None = None
    errors: Errors | None = None  # None: its protocol's
    page: bool = False
    key: bool = True
    limited: bool = True
    most_values: int = MOST_VALUES
    summary: str = ""
    name: str = ""  # the operation's id
    tag: str = ""
    answer: Any = None  # its type; without one it is text, or bytes
    media_type: str = "application/json"
    streamed: str = ""  # another media type, of an answer that is streamed where that is asked for
    tagged: bool = False  # whether a GET's answer has an ETag of its bytes

    async def __call__(self, service: Service, exchange: Exchange) -> None:
        """Answer one exchange. Raises RequestError for what the client got wrong."""
        method = exchange.scope["method"]
        if method not in self.methods:
            if method not in self.allowed:
                raise MethodNotAllowed(self.allowed)
            _check_query(exchange)
        if self.page and (there := address(self.path, exchange.scope)) is not None:
            await exchange.respond(Reply(b"", b"", 308, ((b"location", there),)))
            return
        request = await (self.read or self._read)(service, exchange)
        exchange.mark(b"parse")
        reply = await self.run(service, exchange, request)
        if self.tagged and method in GET:
            reply = await _with_tag(reply, exchange)
        if isinstance(reply.body, bytes) and len(reply.body) >= LEAST:
            reply = await compressed(reply, reply.body, exchange.header(b"accept-encoding"))
        await exchange.respond(reply)

    @property
    def allowed(self) -> tuple[str, ...]:
        """All methods: whatever may be POSTed may also be asked with QUERY (RFC 10008)."""
        return (*self.methods, QUERY) if "POST" in self.methods else self.methods

    async def _read(self, service: Service, exchange: Exchange) -> BaseModel | None:
        if self.request is None:
            return None
        query: bytes = exchange.scope["query_string"]
        try:
            if exchange.scope["method"] in GET:
                return _from_query(self.request, _parameters(query))
            if query:
                method = exchange.scope["method"]
                raise InvalidRequest(f"a {method}'s parameters belong in its body, not in the URL")
            body = await raw(service, exchange)
            if body[:2] != b'{"':
                body = json_letters(body)
            parse = self.request.__pydantic_validator__.validate_json
            if len(body) <= LARGE:  # as `parsed` would, without a coroutine of its own
                request: BaseModel = parse(body)
                return request
            return await parsed(body, parse, self.most_values)
        except ValidationError as error:
            raise problems.from_validation(error) from error


@dataclass(frozen=True)
class Protocol:
    """Endpoints that are answered alike. What is not found `under` these paths is an error in the
    protocol's shape too.

    What follows is for the OpenAPI document: the type of an error and how it is written, what each
    field is ("Type.field", or "field" wherever it stands; a part of a path by its name), and
    examples of the parts of paths.
    """

    endpoints: tuple[Endpoint, ...]
    errors: Errors = problems.reply
    under: tuple[str, ...] = ()
    problem: Any = problems.Problem
    problem_media_type: str = problems.CONTENT_TYPE.decode()
    fields: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)


async def raw(service: Service, exchange: Exchange) -> bytes:
    """A body as its bytes, inflated. Raises BodyTooLarge, UnsupportedEncoding, ClientGone."""
    most = service.settings.max_body_bytes
    body = await exchange.body(most)
    return body if exchange.coding is None else await inflated(body, exchange.coding, most)


def _check_query(exchange: Exchange) -> None:
    """Raises UnsupportedMediaType: RFC 10008 has a QUERY say what its content is."""
    media_type = (exchange.header(b"content-type") or b"").split(b";")[0].strip().lower()
    if media_type != JSON and not media_type.endswith(b"+json"):
        raise UnsupportedMediaType("a QUERY needs a Content-Type, which is application/json")


async def _with_tag(reply: Reply, exchange: Exchange) -> Reply:
    """The reply with a strong ETag and what may be queried; 304 where the client has it."""
    body = reply.body
    if not isinstance(body, bytes) or reply.status != 200:
        return reply
    etag = _tag(body) if len(body) < _TAGGED_HERE else await asyncio.to_thread(_tag, body)
    headers = (*reply.headers, (b"etag", etag), (b"cache-control", b"no-cache"), ACCEPT_QUERY)
    if is_known(etag, exchange.header(b"if-none-match")):
        return Reply(b"", b"", 304, headers)
    return reply._replace(headers=headers)


def _tag(body: bytes) -> bytes:
    return b'"%b"' % blake2b(body, digest_size=16).hexdigest().encode()


def _from_query(kind: type[BaseModel], parameters: dict[str, str]) -> BaseModel:
    """A request whose values are letters. Raises InvalidRequest for 2_0, which Python calls 20."""
    request = kind.model_validate_strings(parameters)
    for name, text in parameters.items():
        if "_" in text and isinstance(getattr(request, name, None), int | float):
            where = FieldProblem(
                problems.pointer([name]), "Input should be a number of digits alone"
            )
            raise InvalidRequest(f"{where.pointer}: {where.message}", problems=[where])
    return request


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
