"""Cross-origin requests: what a page of another origin may read. For both ways, and for errors."""

from collections.abc import Sequence
from typing import Any

from starlette.datastructures import Headers as RequestHeaders
from starlette.middleware.cors import CORSMiddleware

from app.http.exchange import Exchange, Headers, Reply

_EXPOSED = ("x-request-id", "server-timing", "etag", "retry-after")


class Cors:
    """Starlette's rules, without its place around an ASGI application."""

    def __init__(self, origins: Sequence[str]) -> None:
        rules: Any = CORSMiddleware
        self._rules = rules(
            None,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=_EXPOSED,
        )
        simple = self._rules.simple_headers.items()
        self._simple = tuple((name.lower().encode(), value.encode()) for name, value in simple)

    def headers(self, exchange: Exchange) -> Headers:
        """What goes with every answer to this request."""
        origin = exchange.header(b"origin")
        vary = (b"vary", b"Origin")
        if origin is None:
            return (vary,)
        allowed = self._rules.is_allowed_origin(origin.decode("latin-1"))
        if self._rules.allow_all_origins or not allowed:
            return (*self._simple, vary)
        return (*self._simple, (b"access-control-allow-origin", origin), vary)

    def preflight(self, exchange: Exchange) -> Reply | None:
        """The answer to a browser that asks whether it may; None where it does not ask."""
        if exchange.scope["method"] != "OPTIONS":
            return None
        asked = RequestHeaders(scope=exchange.scope)
        if not {"origin", "access-control-request-method"} <= set(asked):
            return None
        response = self._rules.preflight_response(request_headers=asked)
        told = {b"content-type", b"content-length"}
        headers = tuple(pair for pair in response.raw_headers if pair[0] not in told)
        return Reply(response.body, b"text/plain; charset=utf-8", response.status_code, headers)
