"""Where every request enters: ids, keys, limits, problems, metrics and the log, for all routes.

Phrase endpoints are answered here by their exact path; everything else goes on to FastAPI.
"""

import asyncio
import hmac
import logging
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import Overloaded, RequestError, Unauthorized, UnrolledError
from app.http import problems
from app.http.endpoint import Endpoint
from app.http.exchange import ClientGone, Exchange
from app.http.request_log import RequestLog
from app.http.service import Service

log = logging.getLogger("unrolled")

# Answered without a key and however many requests are in progress.
PROBES = frozenset({"/livez", "/readyz", "/metrics"})


class InternalError(UnrolledError):
    """Something that no client can cause; what it was stands in the log alone."""

    code = "internal_error"
    title = "The service has a fault"


class Edge:
    """The outermost ASGI application for HTTP."""

    def __init__(self, service: Service, endpoints: tuple[Endpoint, ...], rest: ASGIApp) -> None:
        self.service = service
        self.endpoints = {endpoint.path: endpoint for endpoint in endpoints}
        self._rest = rest
        self._log = RequestLog(service.settings) if service.settings.log_requests else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of an ASGI server."""
        await self.answer(Exchange.of(scope, receive, send))

    async def answer(self, exchange: Exchange) -> None:
        """Answer one request."""
        service = self.service
        service.metrics.in_progress[0] += 1
        try:
            await self._answer(exchange)
        except ClientGone:
            exchange.status = 499
        except asyncio.CancelledError:
            exchange.status = 499
            raise
        except RequestError as error:
            await _respond_problem(exchange, error)
        except Exception:
            log.exception("request %s failed", exchange.request_id)
            if exchange.status:  # the answer is under way: it can only be cut off
                raise
            await _respond_problem(exchange, InternalError("the service has a fault"))
        finally:
            service.metrics.in_progress[0] -= 1
            seconds = time.perf_counter() - exchange.started
            service.metrics.answered(exchange.route, exchange.status, seconds, exchange.model)
            if self._log is not None:
                self._log.add(exchange, seconds)

    async def _answer(self, exchange: Exchange) -> None:
        path: str = exchange.scope["path"]
        if path not in PROBES:
            self._admit(exchange)
        endpoint = self.endpoints.get(path)
        if endpoint is not None:
            exchange.route = path
            await endpoint(self.service, exchange)
            return
        scope = {**exchange.scope, "exchange": exchange}
        if scope["method"] == "HEAD":  # the server, which has its own scope, sends the head alone
            scope["method"] = "GET"
        await self._rest(scope, exchange.receive, exchange.send_noted)
        exchange.route = getattr(scope.get("route"), "path", "other")

    def _admit(self, exchange: Exchange) -> None:
        """Raises Unauthorized without a key where one is needed, Overloaded past the limit."""
        settings = self.service.settings
        if settings.keys and not _has_key(exchange, settings.keys):
            raise Unauthorized("send a key: Authorization: Bearer … or X-API-Key: …")
        if self.service.in_progress > settings.max_queue:
            raise Overloaded("too many requests are in progress")


def _has_key(exchange: Exchange, keys: tuple[bytes, ...]) -> bool:
    scheme, _, bearer = (exchange.header(b"authorization") or b"").partition(b" ")
    sent = bearer.strip() if scheme.lower() == b"bearer" else exchange.header(b"x-api-key") or b""
    return any(hmac.compare_digest(sent, key) for key in keys)


async def _respond_problem(exchange: Exchange, error: UnrolledError) -> None:
    body = problems.encode(problems.problem(error, exchange.request_id))
    headers = tuple((name.encode(), value.encode()) for name, value in problems.headers(error))
    await exchange.respond(error.status, body, problems.CONTENT_TYPE, headers)
