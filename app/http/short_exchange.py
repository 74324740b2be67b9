"""A request on the short way: its body collected and its answer written without ASGI's messages."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.errors import BodyTooLarge, RequestError
from app.http.edge import Edge
from app.http.exchange import PIECE, Exchange, Headers, hear_others
from app.http.leaving import ClientGone
from app.http.table import Found

if TYPE_CHECKING:
    from app.http.uvicorn_protocol import Protocol


class ShortExchange(Exchange):
    """To uvicorn's protocol it is the cycle that is under way."""

    __slots__ = (
        "_chunked",
        "_failed",
        "_first",
        "_most",
        "_others",
        "_size",
        "_wanted",
        "edge",
        "found",
        "keep_alive",
        "protocol",
        "response_complete",
        "whole",
    )

    def __init__(self, protocol: "Protocol", edge: Edge, scope: Any, found: Found) -> None:
        super().__init__(scope, _no_message, _no_message, edge.bounds)
        self.protocol = protocol
        self.edge = edge
        self.found = found
        # HTTP/1.0 knows no chunks: its pieces end with the connection.
        self._chunked = scope["http_version"] == "1.1"
        # Taken back at the end.
        self.keep_alive: bool = self._chunked and protocol.parser.should_keep_alive()
        self.response_complete = False
        self.whole = False  # whether the body is
        self._first = b""  # piece of the body, which is usually all of it
        # A list of very small ones would take twenty times as much.
        self._others: bytearray | None = None
        self._size = 0
        self._most = edge.service.settings.max_body_bytes
        self._failed: RequestError | None = None
        self._wanted: asyncio.Future[None] | None = None  # somebody waits for the body

    def collect(self, piece: bytes) -> None:
        """A piece of the body has come; of one that is too large, no more than that is kept."""
        if self._size <= self._most:
            if not self._size:
                self._first = piece
            elif self._others is None:
                self._others = bytearray(piece)
            else:
                self._others += piece
            self._size += len(piece)
            if self._size > self._most:
                self.unread = True
                self._wake()

    def complete(self) -> None:
        """The body is whole."""
        self.whole = True
        if self._wanted is not None:
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
            raise BodyTooLarge(limit)
        if not (self.whole or self.unread or self._failed):
            self.hold(self.declared or limit)
            self._wanted = self.protocol.loop.create_future()
            await self._wanted
        if self._failed is not None:
            raise self._failed
        if self._size > limit:
            raise BodyTooLarge(limit)
        return self._first + self._others if self._others else self._first

    def while_connected(self) -> AbstractAsyncContextManager[None]:
        """The task is cancelled when the connection is lost: there is nothing to watch."""
        return nullcontext()

    async def deliver(self, status: int, headers: Headers, body: bytes) -> None:
        """Write the answer, unless the connection is closed by now, and see to what comes next."""
        flow, transport = self.protocol.flow, self.protocol.transport
        if flow.write_paused:  # a client that is slow to read
            await flow.drain()
        if transport.is_closing():
            return
        if len(body) <= PIECE:
            transport.write(self._head(status, headers) + body)
        else:
            transport.write(self._head(status, headers))
            pieces, sent = memoryview(body), 0
            for start in range(0, len(body), PIECE):
                if not await self._is_open():
                    raise ClientGone
                transport.write(pieces[start : start + PIECE])
                sent = await hear_others(sent + PIECE)
        self._complete()

    async def begin(self, status: int, headers: Headers) -> None:
        """Write the head of an answer in pieces."""
        if not await self._is_open():
            raise ClientGone
        if self._chunked:
            headers = (*headers, (b"transfer-encoding", b"chunked"))
        self.protocol.transport.write(self._head(status, headers))

    async def write(self, piece: bytes) -> None:
        """Write a piece, once the client has read enough of those before."""
        if not await self._is_open():
            raise ClientGone
        chunk = b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked else piece
        self.protocol.transport.write(chunk)

    async def finish(self) -> None:
        """Write what ends the pieces."""
        if await self._is_open():
            if self._chunked and self.scope["method"] != "HEAD":
                self.protocol.transport.write(b"0\r\n\r\n")
            self._complete()

    def cut_off(self, error: Exception) -> None:
        """Leave the answer unfinished; the connection is closed on it."""

    async def _is_open(self) -> bool:
        if self.protocol.flow.write_paused:
            await self.protocol.flow.drain()
        return not self.protocol.transport.is_closing()

    def _head(self, status: int, headers: Headers) -> bytes:
        fields = [*self.protocol.server_state.default_headers, *headers]
        if not self.keep_alive:
            fields.append((b"connection", b"close"))
        return STATUS_LINE[status] + b"\r\n".join([*map(b": ".join, fields), b"\r\n"])

    def _complete(self) -> None:
        self.response_complete = True
        self._first, self._others = b"", None
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
