"""Uvicorn's HTTP/1.1 protocol, with a short way to the endpoints.

For every request, uvicorn makes the objects and messages that ASGI asks for, which takes longer
than to parse it and to send the answer. A POST to an endpoint that declares its length does without
them: its body is collected here and its answer written as it is. All other requests, and those sent
ahead of an earlier one's answer, go uvicorn's way. Both ways lead through one Edge.
"""

import asyncio
import re
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.errors import InvalidHttp
from app.http import problems
from app.http.edge import Edge
from app.http.exchange import ClientGone, Exchange, Headers, new_id
from app.http.table import Found

_LAST_WORDS_SECONDS = 1.0  # that a client has been idle when its connection is closed
_PLAIN = re.compile(r"[A-Za-z0-9/._~:@!$&'()*+,;=-]*").fullmatch  # no query, nothing encoded


@dataclass(slots=True)
class _Direct(Exchange):
    """A request on the short way. To uvicorn's protocol it is the cycle that is under way."""

    protocol: "Protocol" = field(init=False)
    edge: Edge = field(init=False)
    found: Found = field(init=False)
    collected: bytearray = field(default_factory=bytearray)
    keep_alive: bool = True  # uvicorn takes it back where the server shuts down
    response_complete: bool = False
    task: asyncio.Task[None] | None = None

    async def body(self, limit: int) -> bytes:
        """The request's body; its length, which was declared, is within the limit."""
        return bytes(self.collected)

    def while_connected(self) -> AbstractAsyncContextManager[None]:
        """The task is cancelled when the connection is lost: there is nothing to watch."""
        return nullcontext()

    async def deliver(self, status: int, headers: Headers, body: bytes) -> None:
        """Write the answer, unless the connection is closed by now, and see to what comes next."""
        if await self._is_open():
            self.protocol.transport.write(b"".join([*self._head(status, headers), b"\r\n", body]))
            self._complete()

    async def begin(self, status: int, headers: Headers) -> None:
        """Write the head of an answer in pieces."""
        if not await self._is_open():
            raise ClientGone
        head = (*self._head(status, headers), b"transfer-encoding: chunked\r\n\r\n")
        self.protocol.transport.write(b"".join(head))

    async def write(self, piece: bytes) -> None:
        """Write a piece, once the client has read enough of those before."""
        if not await self._is_open():
            raise ClientGone
        self.protocol.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    async def finish(self) -> None:
        """Write what ends the pieces."""
        if await self._is_open():
            self.protocol.transport.write(b"0\r\n\r\n")
            self._complete()

    def cut_off(self, error: Exception) -> None:
        """Leave the answer unfinished; the connection is closed on it."""

    async def _is_open(self) -> bool:
        flow = self.protocol.flow
        if flow.write_paused:  # a client that is slow to read
            await flow.drain()
        return not self.protocol.transport.is_closing()

    def _head(self, status: int, headers: Headers) -> list[bytes]:
        head = [STATUS_LINE[status]]
        for name, value in (*self.protocol.server_state.default_headers, *headers):
            head += name, b": ", value, b"\r\n"
        if not self.keep_alive:
            head.append(b"connection: close\r\n")
        return head

    def _complete(self) -> None:
        self.response_complete = True
        if not self.keep_alive:
            self.protocol.transport.close()
        self.protocol.on_response_complete()


class Protocol(HttpToolsProtocol):
    """One connection. `edge` of the application is the Edge that the short way leads to.

    Uvicorn starts and cancels a timer for every request, to close a connection that stays idle.
    Here one timer goes on, and looks how long the connection has been idle when it ends.
    """

    _idle_since: float | None = None  # by the loop's clock; None from new data to the next answer
    _idle_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take in a piece of a request, or several requests."""
        self._idle_since = None
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Go on with what was sent ahead of this answer, or wait for the next request."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._close_if_idle_after(self.timeout_keep_alive)

    def _close_if_idle_after(self, seconds: float) -> None:
        self._idle_timer = self.loop.call_later(seconds, self._close_if_idle)

    def _close_if_idle(self) -> None:
        self._idle_timer = None
        if self._idle_since is not None:
            left = self._idle_since + self.timeout_keep_alive - self.loop.time()
            if left > 0:
                self._close_if_idle_after(left)
            else:
                self.timeout_keep_alive_handler()

    def on_headers_complete(self) -> None:
        """Choose the way."""
        exchange = self._direct()
        if exchange is None:
            super().on_headers_complete()
        else:
            self.cycle = exchange  # type: ignore[assignment] # it has what is asked of a cycle
        edge: Edge | None = getattr(self.app, "edge", None)
        if edge is not None and edge.service.draining:
            self.drain()

    def drain(self) -> None:
        """Say with the answer that is under way that it is the last one."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Close the connection with its next answer, or once it has been idle for a moment.

        A request may be on its way: closed at once, the connection would lose it.
        """
        if self.cycle is not None and not self.cycle.response_complete:
            self.drain()
            return
        since = self.loop.time() if self._idle_since is None else self._idle_since
        left = since + _LAST_WORDS_SECONDS - self.loop.time()
        if left > 0:
            self.loop.call_later(left, self._close_unless_busy)
        else:
            self.transport.close()

    def _close_unless_busy(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def _direct(self) -> _Direct | None:
        """The request as one for the short way, None where it cannot go there."""
        edge: Edge | None = getattr(self.app, "edge", None)
        parser, cycle = self.parser, self.cycle
        if (
            edge is None
            or parser.get_method() != b"POST"
            or (found := edge.table.find(path := self.url.decode("latin-1"))) is None
            or not _PLAIN(path)
            or parser.get_http_version() != "1.1"
            or parser.should_upgrade()
            or self.expect_100_continue
            or not (cycle is None or cycle.response_complete)
        ):
            return None
        scope: dict[str, Any] = self.scope  # type: ignore[assignment] # the keys that are missing
        scope["method"], scope["path"], scope["query_string"] = "POST", path, b""
        exchange = _Direct.of(scope, _no_message, _no_message)
        if not 0 < exchange.declared <= edge.service.settings.max_body_bytes:
            return None
        exchange.protocol, exchange.edge, exchange.found = self, edge, found
        exchange.keep_alive = parser.should_keep_alive()
        return exchange

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        if isinstance(self.cycle, _Direct):
            self.cycle.collected += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Answer, now that the request is whole."""
        exchange: Any = self.cycle
        if not isinstance(exchange, _Direct):
            super().on_message_complete()
            return
        task = exchange.task = self.loop.create_task(self._answer(exchange))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _answer(self, exchange: _Direct) -> None:
        try:
            await exchange.edge.answer(exchange, exchange.found)
        finally:
            if not exchange.response_complete:
                self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop what nobody waits for any more."""
        exchange: Any = self.cycle
        if isinstance(exchange, _Direct):
            self.cycle = None  # type: ignore[assignment] # as before the first request
            if exchange.task is not None:
                exchange.task.cancel()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not HTTP, such as a letter that is not percent-encoded."""
        error = InvalidHttp("a URL has only ASCII characters; others are percent-encoded")
        body = problems.encode(problems.problem(error, new_id()))
        head = (
            f"HTTP/1.1 400 Bad Request\r\ncontent-type: {problems.CONTENT_TYPE.decode()}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


async def _no_message(*_: Any) -> Any:
    raise AssertionError("there are no ASGI messages on the short way")
