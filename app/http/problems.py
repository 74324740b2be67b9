"""Errors as RFC 9457 problem documents. What the caller sent is not echoed back."""

from collections.abc import Iterable, Mapping
from typing import Any, NotRequired

import orjson
from pydantic import ValidationError
from typing_extensions import TypedDict

from app.errors import (
    FieldProblem,
    InvalidJson,
    InvalidRequest,
    MethodNotAllowed,
    NotReady,
    Overloaded,
    RequestError,
    Unauthorized,
    UnknownWord,
    UnknownWords,
    UnrolledError,
    UnsupportedEncoding,
    UnsupportedMediaType,
)
from app.http.exchange import Headers, Reply

CONTENT_TYPE = b"application/problem+json"
ACCEPT_QUERY = (b"accept-query", b"application/json")
_MOST_LISTED = 1_000  # faults of one request that are looked at
_MOST_PROBLEMS = 20
_LONGEST_WORD = 64


class Problem(TypedDict):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: NotRequired[str]
    errors: NotRequired[list[FieldProblem]]
    unknown: NotRequired[list[UnknownWord]]


def problem(error: UnrolledError, request_id: str | None = None) -> dict[str, Any]:
    """The members of a problem document."""
    members: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": str(error),
        "code": error.code,
    }
    if request_id is not None:
        members["request_id"] = request_id
    if isinstance(error, UnknownWords):
        members["unknown"] = [
            {
                "word": unknown.word[:_LONGEST_WORD],
                "position": unknown.position,
                "span": unknown.span,
                "suggestions": unknown.suggestions,
            }
            for unknown in error.unknown[:_MOST_PROBLEMS]
        ]
    if isinstance(error, RequestError) and error.problems:
        members["errors"] = [
            {"pointer": one.pointer, "message": one.message} for one in error.problems
        ]
    return members


def reply(error: UnrolledError, request_id: str) -> Reply:
    """An error as it is answered."""
    body = encode(problem(error, request_id))
    return Reply(body, CONTENT_TYPE, error.status, headers(error))


def headers(error: UnrolledError) -> Headers:
    """What goes with some statuses, in any protocol."""
    if isinstance(error, Overloaded | NotReady):
        return ((b"retry-after", b"%d" % Overloaded.retry_after),)
    if isinstance(error, MethodNotAllowed):
        allow = (b"allow", ", ".join(error.allowed).encode())
        return (allow, ACCEPT_QUERY) if "QUERY" in error.allowed else (allow,)
    if isinstance(error, UnsupportedMediaType):
        return (ACCEPT_QUERY,)
    if isinstance(error, UnsupportedEncoding):
        return ((b"accept-encoding", b"gzip, deflate"),)
    if isinstance(error, Unauthorized):
        return ((b"www-authenticate", b"Bearer"),)
    return ()


def encode(members: Mapping[str, Any]) -> bytes:
    """A problem document as JSON; what cannot be written in UTF-8 is replaced."""
    try:
        return orjson.dumps(members)
    except TypeError:  # a lone surrogate
        return orjson.dumps(_writable(members))


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {key: _writable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(inner) for inner in value]
    return value


def from_validation(error: ValidationError) -> RequestError:
    """Pydantic's complaint as ours: the body is no JSON, or a field is at fault.

    Pydantic lists all faults or none, and that of a megabyte of them takes it 0.2 s.
    """
    if (count := error.error_count()) > _MOST_LISTED:
        return InvalidRequest(f"the body has {count} faults: its fields are not those of a request")
    listed = error.errors(include_url=False, include_context=False, include_input=False)
    for one in listed:
        if one["type"] == "json_invalid":
            why = one["msg"].removeprefix("Invalid JSON: ")
            return InvalidJson(f"the body is not valid JSON: {why}")
    problems = [FieldProblem(pointer(one["loc"]), one["msg"]) for one in listed[:_MOST_PROBLEMS]]
    first = problems[0]
    return InvalidRequest(f"{first.pointer or 'the body'}: {first.message}", problems=problems)


def pointer(location: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901); a name of the caller's own is cut short."""
    parts = (str(part)[:_LONGEST_WORD].replace("~", "~0").replace("/", "~1") for part in location)
    return "".join(f"/{part}" for part in parts)
