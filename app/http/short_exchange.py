"""A request on the short way: its body collected and its answer written without ASGI's messages."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.errors import BodyTooLarge, RequestError
from app.http.edge import Edge
from app.http.exchange import PIECE, ClientGone, Exchange, Headers
from app.http.table import Found

if TYPE_CHECKING:
    from app.http.uvicorn_protocol import Protocol


@dataclass(slots=True)
class ShortExchange(Exchange):
    """To uvicorn's protocol it is the cycle that is under way."""

    protocol: "Protocol" = field(init=False)
    edge: Edge = field(init=False)
    found: Found = field(init=False)
    collected: bytearray = field(default_factory=bytearray)
    whole: bool = False  # whether the body is
    keep_alive: bool = True  # uvicorn takes it back where the server shuts down
    response_complete: bool = False
    task: asyncio.Task[None] | None = None
    _most: int = 0
    _failed: RequestError | None = None
    _wanted: asyncio.Future[None] | None = None  # somebody waits for the body

    @classmethod
    def on(cls, protocol: "Protocol", scope: Any, found: Found, keep_alive: bool) -> Self:
        """A request that came in on this connection."""
        exchange = cls.of(scope, _no_message, _no_message)
        exchange.protocol, exchange.found, exchange.keep_alive = protocol, found, keep_alive
        exchange.edge = protocol.edge  # type: ignore[assignment] # there is one
        exchange._most = exchange.edge.service.settings.max_body_bytes
        return exchange

    def collect(self, body: bytes) -> None:
        """A piece of the body has come; of one that is too large, no more than that is kept."""
        if len(self.collected) <= self._most:
            self.collected += body
            if len(self.collected) > self._most:
                self.unread = True
                self._wake()

    def complete(self) -> None:
        """The body is whole."""
        self.whole = True
        self._wake()

    def fail(self, error: RequestError) -> None:
        """The rest of the body will not come."""
        self.keep_alive = False
        self._failed = error
        self._wake()

    def _wake(self) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    async def body(self, limit: int) -> bytes:
        """The request's body. Raises BodyTooLarge past `limit` bytes, TooSlow."""
        if self.declared > limit:
            self.unread = True
            raise BodyTooLarge(f"the body is larger than {limit} bytes")
        if not (self.whole or self.unread or self._failed):
            self.hold(self.declared or limit)
            self._wanted = self.protocol.loop.create_future()
            await self._wanted
        if self._failed is not None:
            raise self._failed
        if len(self.collected) > limit:
            raise BodyTooLarge(f"the body is larger than {limit} bytes")
        return bytes(self.collected)

    def while_connected(self) -> AbstractAsyncContextManager[None]:
        """The task is cancelled when the connection is lost: there is nothing to watch."""
        return nullcontext()

    async def deliver(self, status: int, headers: Headers, body: bytes) -> None:
        """Write the answer, unless the connection is closed by now, and see to what comes next."""
        if not await self._is_open():
            return
        write = self.protocol.transport.write
        if len(body) <= PIECE:
            write(b"".join([*self._head(status, headers), b"\r\n", body]))
        else:
            write(b"".join([*self._head(status, headers), b"\r\n"]))
            pieces = memoryview(body)
            for start in range(0, len(body), PIECE):
                if not await self._is_open():
                    raise ClientGone
                write(pieces[start : start + PIECE])
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
            if self.scope["method"] != "HEAD":
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
        self.collected.clear()
        if not self.whole:
            self.protocol.not_awaited()
            if not self.keep_alive:
                self.protocol.hang_up()
                return
        elif not self.keep_alive:
            self.protocol.transport.close()
        self.protocol.on_response_complete()


async def _no_message(*_: Any) -> Any:
    raise AssertionError("there are no ASGI messages on the short way")
