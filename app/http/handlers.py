"""Errors on FastAPI's own routes, as the same problem documents."""

from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from app.errors import (
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    RequestError,
)
from app.http import problems


def install(app: FastAPI) -> None:
    """Answer what routes raise. Anything unexpected goes on to the edge."""
    app.add_exception_handler(RequestError, _request_error)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(Exception, _unexpected)


async def _request_error(request: Request, error: Any) -> Response:
    return _respond(request, error)


async def _unexpected(_request: Request, error: Any) -> Response:
    """Starlette would answer it with a text, and raise it all the same."""
    raise error


async def _no_route(request: Request, error: Any) -> Response:
    status = error.status_code
    if status == 405:
        allowed = (error.headers or {}).get("Allow", "GET").split(", ")
        return _respond(request, MethodNotAllowed(["GET", "HEAD"] if "GET" in allowed else allowed))
    if status == 404:
        return _respond(request, NotFound("there is nothing at this path"))
    return _respond(request, InvalidRequest("the request is not valid"))


def _respond(request: Request, error: RequestError) -> Response:
    reply = problems.reply(error, request.scope["exchange"].request_id)
    headers = {name.decode(): value.decode() for name, value in reply.headers}
    return Response(reply.body, reply.status, headers, reply.media_type.decode())
