"""One HTTP exchange on raw ASGI: a bounded body, the reply to it, and what is noted of both."""

import asyncio
import contextlib
import random
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
from starlette.types import Message, Receive, Scope, Send

from app.errors import (
    BodyTooLarge,
    InvalidHttp,
    RequestError,
    TooSlow,
    UnsupportedVersion,
)
from app.http.bounds import BODY_RATE, Bounds
from app.http.deadlines import LINGER_SECONDS
from app.http.framing import is_withheld, number_of_bytes, transfer_fault
from app.http.leaving import ClientGone, hand, while_connected

# The parser leaves the blanks behind a value, which are no part of it (RFC 9112, 5.1).
_REQUEST_ID = re.compile(rb"([A-Za-z0-9._:+/=-]{1,128})[ \t]*")
# https://www.w3.org/TR/trace-context: no version ff, and ids that are not all zeros.
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}[ \t]*"
)
_HOST = re.compile(rb"(\[[\w:.%~-]+\]|[\w.~!$&'()*+,;=%-]*)(:\d*)?[ \t]*")  # RFC 9110, 7.2
_READ_HERE = frozenset(  # names that an Exchange looks at
    (
        b"host",
        b"content-length",
        b"content-encoding",
        b"transfer-encoding",
        b"x-request-id",
        b"traceparent",
        b"expect",
    )
)
_VERSIONS = ("1.1", "1.0", "2", "3")  # of the last two, a server has made the same
PIECE = 64 << 10  # bytes of an answer that are handed to the server at once
_A_TURN = 1 << 20  # bytes of an answer behind which the event loop hears others
JSON = b"application/json"
_NONE: Mapping[str, str] = MappingProxyType({})
_CLOSE = (b"connection", b"close")
_NO_CONTENT = (204, 304)  # statuses that end with their head (RFC 9110, 8.6)

Headers = Sequence[tuple[bytes, bytes]]


class Reply(NamedTuple):
    """What is sent back: its bytes, or a generator of them that is closed when it is over.

    Without a media type there is no content, as with 304 and 308. What a generator raises before
    its first piece is answered as an error; later, the answer can only be cut off.
    """

    body: bytes | AsyncGenerator[bytes, None]
    media_type: bytes = JSON
    status: int = 200
    headers: Headers = ()


def encode(answer: Any) -> bytes:
    """An answer as JSON."""
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


async def hear_others(sent: int) -> int:
    """Let others be heard where so many bytes were sent since they were: a client that reads as
    fast as it is sent to never makes the loop wait. How many were sent since then.
    """
    if sent < _A_TURN:
        return sent
    await asyncio.sleep(0)
    return 0


class Exchange:
    """A request being answered. `timing` has where the time went, in order: names and milliseconds.

    Its id is the client's, where that is sound, or a new one.
    """

    __slots__ = (
        "bounds",
        "coding",
        "declared",
        "fault",
        "held",
        "marked",
        "model",
        "parameters",
        "phrase",
        "receive",
        "request_id",
        "route",
        "scope",
        "send",
        "shared",
        "started",
        "status",
        "timing",
        "traceparent",
        "unread",
        "withheld",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, bounds: Bounds) -> None:
        self.started = self.marked = time.perf_counter()
        self.scope = scope
        self.receive = receive
        self.send = send
        self.bounds = bounds
        self.held = 0  # bytes, of all that `bounds` allow
        self.declared = 0  # bytes of the body, as its header has it; 0 where there is none
        self.coding: bytes | None = None  # of the body
        self.traceparent: str | None = None
        self.fault: RequestError | None = None  # of the head
        self.unread = False  # whether the client may still be sending a body that is refused
        self.withheld = False  # whether the client waits to be asked for the body
        self.route = "other"
        self.parameters = _NONE  # of the path
        self.model: str | None = None
        self.phrase: str | None = None
        self.shared: Headers = ()  # headers of every answer, whatever it is
        self.status = 0
        self.timing: tuple[bytes | float, ...] = ()
        request_id = b""
        hosts, transfer = 0, b""
        for name, value in scope["headers"]:
            if name not in _READ_HERE:
                continue
            if name == b"host":
                hosts += 1
                if not _is_host(value):
                    self.fault = InvalidHttp("the Host is no host")
            elif name == b"content-length":
                if (length := number_of_bytes(value)) is None:
                    self.fault = InvalidHttp("Content-Length is not a number of bytes")
                else:
                    self.declared = length
            elif name == b"content-encoding":
                self.coding = value if self.coding is None else self.coding + b"," + value
            elif name == b"transfer-encoding":
                transfer = transfer + b"," + value if transfer else value
            elif name == b"x-request-id" and (sound := _REQUEST_ID.fullmatch(value)):
                request_id = sound[1]
            elif name == b"traceparent" and _TRACEPARENT.fullmatch(value):
                self.traceparent = value.decode().rstrip()
            elif name == b"expect":
                self.withheld = is_withheld(value)
        self.request_id = request_id.decode() if request_id else new_id()
        if transfer:
            self.fault = transfer_fault(transfer, self.declared) or self.fault
        version = scope.get("http_version", "1.1")
        if self.withheld:
            self.withheld = version != "1.0" and (self.declared > 0 or transfer != b"")
        if hosts != 1 and (hosts or version == "1.1"):
            self.fault = InvalidHttp("there are several Hosts" if hosts else "there is no Host")
        if version not in _VERSIONS:
            self.fault = UnsupportedVersion("HTTP/1.1 is spoken here, and HTTP/1.0")

    def header(self, wanted: bytes) -> bytes | None:
        """The first header of this (lower-case) name."""
        for name, value in self.scope["headers"]:
            if name == wanted:
                return bytes(value).strip(b" \t")
        return None

    def mark(self, name: bytes) -> None:
        """Note that the time since the last mark went into `name`."""
        now = time.perf_counter()
        self.timing += name, 1e3 * (now - self.marked)
        self.marked = now

    def hold(self, count: int) -> None:
        """Count bytes kept until the exchange is over; below 0, kept no more. Raises Overloaded."""
        self.bounds.take(count)
        self.held += count

    async def body(self, limit: int) -> bytes:
        """The request's body. Raises BodyTooLarge past `limit` bytes, TooSlow, ClientGone."""
        if self.declared > limit:
            self.unread = True
            raise BodyTooLarge(limit)
        self.withheld = False
        try:
            body = await self._whole(limit)
        except TimeoutError:
            self.unread, self.shared = True, (*self.shared, _CLOSE)
            raise TooSlow("the body took too long to arrive") from None
        if len(body) > limit:
            raise BodyTooLarge(limit)
        return body

    async def _whole(self, limit: int) -> bytes:
        """All pieces, or more than `limit` bytes of them. There is a second for every `BODY_RATE`
        bytes, beside `read_seconds`, from the beginning: the first piece may never come.
        """
        latest = asyncio.get_running_loop().time() + self.bounds.read_seconds
        latest += self.declared / BODY_RATE
        body = bytearray()
        async with asyncio.timeout_at(latest) as deadline:
            while True:
                message = await self.receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                body += message.get("body", b"")
                if not message.get("more_body"):
                    return bytes(body)
                if len(body) > limit:
                    self.unread = True
                    return bytes(body)
                if not self.held:
                    self.hold(self.declared or limit)
                if not self.declared:
                    deadline.reschedule(latest + len(body) / BODY_RATE)

    def while_connected(self) -> AbstractAsyncContextManager[None]:
        """Cancel what runs inside once the client is gone, and raise ClientGone.

        For what takes long, once the body is read; it costs a task.
        """
        return while_connected(self.receive)

    async def respond(self, reply: Reply) -> None:
        """Send a reply; a HEAD request gets its headers alone."""
        body = reply.body
        if not isinstance(body, bytes):
            async with self.while_connected(), contextlib.aclosing(body):
                await self._stream(reply, body)
            return
        if len(body) > PIECE:
            self.hold(len(body))
        self.status = reply.status
        head: list[tuple[bytes, bytes]] = []
        if reply.media_type:
            head.append((b"content-type", reply.media_type))
        if reply.status not in _NO_CONTENT:  # else what comes next is taken for its content
            head.append((b"content-length", b"%d" % len(body)))
        head += reply.headers
        head += self._own_headers()
        await self.deliver(reply.status, head, b"" if self.scope["method"] == "HEAD" else body)

    async def _stream(self, reply: Reply, pieces: AsyncIterator[bytes]) -> None:
        piece, sent = await anext(pieces, b""), 0
        self.status = reply.status
        head = ((b"content-type", reply.media_type), *reply.headers, *self._own_headers())
        await self.begin(reply.status, head)
        if self.scope["method"] != "HEAD":
            if piece:
                await self.write(piece)
            async for piece in pieces:
                if piece:  # an empty one would end it
                    await self.write(piece)
                    sent = await hear_others(sent + len(piece))
        await self.finish()

    async def deliver(self, status: int, headers: Headers, body: bytes) -> None:
        """Hand a whole answer with all its headers to the server."""
        await self.begin(status, headers)
        if self.unread or self.withheld:
            await self.write(body)
            await self._linger()
            body = b""
        sent = 0
        for start in range(0, len(body) - PIECE, PIECE):
            await self.write(body[start : start + PIECE])
            sent = await hear_others(sent + PIECE)
        last = body[(max(len(body) - 1, 0) // PIECE) * PIECE :]
        await hand(self.send, {"type": "http.response.body", "body": last})

    async def begin(self, status: int, headers: Headers) -> None:
        """Hand the head of an answer to the server."""
        await hand(self.send, {"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, piece: bytes) -> None:
        """Hand a piece of the answer to the server, once it has room for it.

        Raises ClientGone where the client has read nothing for `write_seconds`.
        """
        message = {"type": "http.response.body", "body": piece, "more_body": True}
        try:
            async with asyncio.timeout(self.bounds.write_seconds):
                await hand(self.send, message)
        except TimeoutError:
            raise ClientGone from None

    async def finish(self) -> None:
        """Say that there are no more pieces."""
        await hand(self.send, {"type": "http.response.body", "body": b""})

    def cut_off(self, error: Exception) -> None:
        """Give up an answer that is under way. An ASGI server does it for what is raised."""
        raise error

    async def _linger(self) -> None:
        """Take in what is still sent: a connection closed on it is reset, the answer unread."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while (await self.receive()).get("more_body"):
                    pass

    async def send_noted(self, message: Message) -> None:
        """Pass a message on; the start of a response gets the exchange's own headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self._own_headers()]
        elif self.withheld and not message.get("more_body"):
            await self.write(message.get("body", b""))
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await hand(self.send, message)

    def _own_headers(self) -> list[tuple[bytes, bytes]]:
        spent = *self.timing, b"total", 1e3 * (time.perf_counter() - self.started)
        own = [
            *self.shared,
            (b"x-content-type-options", b"nosniff"),
            (b"x-request-id", self.request_id.encode()),
            (b"server-timing", _timed(len(spent) // 2) % spent),
        ]
        if self.withheld:  # else it may send the next request, to be taken for this one's body
            own.append(_CLOSE)
        return own


@lru_cache(16)  # most requests have the same
def _is_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


@cache
def _timed(count: int) -> bytes:
    """How so many names and milliseconds are written."""
    return b", ".join([b"%b;dur=%.3f"] * count)


def new_id() -> str:
    """128 random bits in hexadecimal. Need not be unguessable, only unlike any other."""
    return f"{random.getrandbits(128):032x}"
