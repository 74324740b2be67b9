"""Where every request enters: ids, keys, limits, errors, metrics and the log, for all protocols.

Endpoints are found by their path; everything else goes on to another ASGI application.
"""

import asyncio
import hmac
import logging
import time
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import (
    InternalError,
    NotFound,
    Overloaded,
    RequestError,
    Unauthorized,
    UnrolledError,
)
from app.http.bounds import Bounds
from app.http.cors import Cors
from app.http.endpoint import Protocol
from app.http.exchange import Exchange, Reply
from app.http.leaving import ClientGone
from app.http.request_log import RequestLog
from app.http.service import Service
from app.http.table import Found, Table

log = logging.getLogger("unrolled")

_NO_STORE = (b"cache-control", b"no-store")  # whoever has no key should not find it in a cache


class Edge:
    """The outermost ASGI application for HTTP. `public` are paths of `rest` that need no key."""

    def __init__(
        self,
        service: Service,
        protocols: Sequence[Protocol],
        rest: ASGIApp,
        public: tuple[str, ...] = (),
    ) -> None:
        settings = service.settings
        self.service = service
        self.bounds = Bounds.of(settings)
        self.table = Table(protocols, settings.root_path)
        self.probes = self.table.unlimited
        self._rest = rest
        self._public = public
        self._keys = settings.keys
        self._most = settings.max_queue
        self._log = RequestLog(settings) if settings.log_requests else None
        self._cors = Cors(settings.cors_origins) if settings.cors_origins else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of an ASGI server."""
        await self.answer(Exchange(scope, receive, send, self.bounds))

    async def answer(self, exchange: Exchange, found: Found | None = None) -> None:
        """Answer one request; `found` is what the table has for its path, where that is known."""
        metrics = self.service.metrics
        metrics.in_progress[0] += 1
        try:
            try:
                if found is None:
                    found = self.table.find(self._path(exchange.scope))
                if (preflight := self._enter(exchange, found)) is not None:
                    await exchange.respond(preflight)
                elif found is not None:
                    await found.endpoint(self.service, exchange)
                else:
                    await self._pass_on(exchange)
            except RequestError as error:
                await self._refuse(exchange, found, error, error)
            except ClientGone:
                raise
            except Exception as error:
                log.exception("request %s failed", exchange.request_id)
                fault = InternalError("the service has a fault")
                await self._refuse(exchange, found, fault, error)
        except ClientGone:  # also while it is told what was wrong
            exchange.status = 499
        except asyncio.CancelledError:
            exchange.status = 499
            raise
        finally:
            metrics.in_progress[0] -= 1
            self.bounds.held -= exchange.held
            seconds = time.perf_counter() - exchange.started
            metrics.answered(exchange.route, exchange.status, seconds, exchange.model)
            if self._log is not None and (found is None or found.endpoint.limited):
                self._log.add(exchange, seconds)  # a probe is no news

    def _enter(self, exchange: Exchange, found: Found | None) -> Reply | None:
        """Look whether a request may be answered, and note by what; a preflight's reply.

        Raises RequestError where its head is at fault, Unauthorized, Overloaded.
        """
        if exchange.fault is not None:
            raise exchange.fault
        if self._cors is not None:
            if (preflight := self._cors.preflight(exchange)) is not None:
                return preflight
            exchange.shared = self._cors.headers(exchange)
        if found is not None:
            endpoint = found.endpoint
            if endpoint.key and self._keys:
                exchange.shared = (*exchange.shared, _NO_STORE)
            exchange.parameters = found.parameters
            exchange.route = endpoint.path
            self._admit(exchange, endpoint.key, endpoint.limited)
        return None

    async def _refuse(
        self, exchange: Exchange, found: Found | None, told: UnrolledError, cause: Exception
    ) -> None:
        """Answer with an error, unless an answer is under way: it can only be cut off."""
        if exchange.status:
            exchange.cut_off(cause)
            return
        path = self._path(exchange.scope)
        errors = self.table.errors(path) if found is None else found.errors
        if told.takes_long:
            await exchange.respond(await asyncio.to_thread(errors, told, exchange.request_id))
        else:
            await exchange.respond(errors(told, exchange.request_id))

    async def _pass_on(self, exchange: Exchange) -> None:
        scope = exchange.scope
        path = self.table.within(self._path(scope)).rstrip("/") or "/"
        self._admit(exchange, not path.startswith(self._public), True)
        if self.table.owner(path) is not None:
            raise NotFound("there is nothing at this path")
        root = scope.get("root_path", "") or self.table.root
        scope = {**scope, "root_path": root, "path": root + path, "exchange": exchange}
        if scope["method"] == "HEAD":  # the server, which has its own scope, sends the head alone
            scope["method"] = "GET"
        await self._rest(scope, exchange.receive, exchange.send_noted)
        exchange.route = getattr(scope.get("route"), "path", "other")

    def _path(self, scope: Scope) -> str:
        """The path below the root path, which a server may have put in front of it."""
        path: str = scope["path"]
        root = scope.get("root_path", "")
        if root and path.startswith(root + "/"):
            path = path[len(root) :]
        return path

    def _admit(self, exchange: Exchange, key: bool, limited: bool) -> None:
        """Raises Unauthorized without a key where one is needed, Overloaded past the limit."""
        if key and self._keys and not _has_key(exchange, self._keys):
            raise Unauthorized("send a key: Authorization: Bearer … or X-API-Key: …")
        if limited and self.service.metrics.in_progress[0] > self._most:
            raise Overloaded("too many requests are in progress")


def _has_key(exchange: Exchange, keys: tuple[bytes, ...]) -> bool:
    scheme, _, bearer = (exchange.header(b"authorization") or b"").partition(b" ")
    sent = bearer if scheme.lower() == b"bearer" else exchange.header(b"x-api-key") or b""
    sent = sent.strip()
    return any(hmac.compare_digest(sent, key) for key in keys)
