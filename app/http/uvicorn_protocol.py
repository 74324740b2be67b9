"""Uvicorn's HTTP/1.1 protocol with bounds on a connection, and a short way to the endpoints.

For every request, uvicorn makes the objects and messages that ASGI asks for, which takes longer
than to parse it and to send the answer. A request to an endpoint does without them: its body is
collected here and its answer written as it is (`short_exchange.py`). All other requests, and those
sent ahead of an earlier one's answer, go uvicorn's way. Both ways lead through one Edge.

What uvicorn does not bound is bounded for both ways: here the bytes of a head and the number of
connections, in `bounded.py` the time that a head, a body and an unread answer may take.
"""

import asyncio
import contextlib
import re
from typing import Any

import httptools

from app.errors import InvalidHttp, Overloaded, RequestError, UnsupportedVersion
from app.http.bounds import BODY_RATE
from app.http.deadlines import LINGER_SECONDS, Deadlines
from app.http.diagnosis import diagnosis
from app.http.edge import Edge
from app.http.flow import Flow
from app.http.framing import is_withheld
from app.http.heads import (
    LARGEST,
    LONGEST_TARGET,
    SMALL,
    check_size,
    headers_too_large,
    is_http,
    origin_form,
    target_too_long,
)
from app.http.parts import PART, InParts
from app.http.short_exchange import ShortExchange
from app.http.turns import Turns
from app.http.upgrades import without_upgrade

_END = re.compile(rb"\r\n\r\n|\Z")  # of a head


class Protocol(InParts):
    """One connection. `edge` of the application is the Edge that the short way leads to."""

    edge: Edge | None = None
    url = b""
    _barren = 0  # bytes in which neither a request began nor a part of a body was
    _fruitful = False
    _begin = b""  # of a head that is not whole: what came of it, or more
    _said = b""  # that and the piece that is being parsed, where their names may be in them
    _end = 0  # in that, of the head that is complete
    _large = False  # whether the head may be too large
    _refusal: RequestError | None = None
    _upgrade = False
    _task: asyncio.Task[None] | None = None
    _cycles: tuple[Any, ...] = ()  # that went uvicorn's way and are not over
    _next: asyncio.Future[ShortExchange]  # that its task waits for

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; refuse one connection too many."""
        super().connection_made(transport)
        self.flow = Flow(transport)
        # What is looked at for every request is the connection's own: it is found sooner than
        # what is its class's.
        self.lingering, self._pending, self._upgrade, self._task = False, None, False, None
        self._kept = b""
        self.headers = []  # uvicorn has none before the first request begins
        self.edge = getattr(self.app, "edge", None)
        if self.edge is not None:
            self.bounds = self.edge.bounds
        Deadlines.of(self.loop).watch(self)
        self._turns = Turns.of(self.loop)
        self._turns.urgent = () if self.edge is None else self.edge.probes
        self._turns.large = None if self.edge is None else self.edge.service.large
        self.idle_since = self.loop.time()
        self.deadline = self.idle_since + self.bounds.read_seconds
        too_many = len(self.connections) - self.bounds.connections
        if too_many > self.bounds.refused:
            transport.abort()
        elif too_many > 0:
            self.refuse(Overloaded("there are too many connections"))

    def _parse(self, data: bytes) -> bytes:
        """Parse up to a wish for another protocol; what is to be parsed then, without the wish."""
        self._fruitful, begin = False, self._begin
        self._large = self._barren + len(data) > SMALL
        try:
            if begin or b"RTSP/" in data or b"ICE/" in data:
                self._feed_heads(data)
            else:
                self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self.refuse(self._refusal or diagnosis(error, data))
        else:
            self._barren = 0 if self._fruitful else self._barren + len(data)
            if self.partial or self._barren:
                self._check_half(begin, data)
        return b""

    def _check_half(self, begin: bytes, data: bytes) -> None:
        """Refuse what is too large already, be it a head or what comes behind a body."""
        if self.partial and self.in_head:
            self._begin = (begin + data)[-LARGEST:]
            if self._fruitful:
                self._barren = len(data)  # where the head begins in it is not known
        try:
            check_size(self.headers)
            if self._barren > LARGEST + PART:
                without_headers = self.in_head and not (self.headers or self.url)
                raise target_too_long() if without_headers else headers_too_large()
        except RequestError as error:
            self.refuse(error)

    def _feed_heads(self, data: bytes) -> None:
        """Have what may be RTSP or ICE, which the parser takes for HTTP, parsed up to the end of
        each head: there its lines are counted from.
        """
        fed = begun = len(self._begin)
        self._said = self._begin + data
        try:
            for end in _END.finditer(self._said, max(fed - 3, 0)):
                self._end = end.end()
                self.parser.feed_data(self._said[fed : self._end])
                fed = self._end
        except httptools.HttpParserUpgrade as upgrade:
            upgrade.args = (fed - begun + upgrade.args[0],)
            raise
        finally:
            self._said = self._begin = b""

    def on_message_begin(self) -> None:
        """A request begins. What uvicorn makes for ASGI is made once it is to go there."""
        self.partial = True
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. The parser leaves the blanks behind its value."""
        name = name.lower()
        if name == b"expect" and is_withheld(value):
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_url(self, url: bytes) -> None:
        """A request begins: collect its target."""
        self._fruitful = True
        self.url += url
        if len(self.url) > LONGEST_TARGET:
            self._refusal = target_too_long()
            raise self._refusal

    def on_headers_complete(self) -> None:
        """Choose the way."""
        self._fruitful = True
        try:
            if self._large:
                check_size(self.headers)
            if self._said and not is_http(self._said[: self._end], len(self.headers)):
                raise UnsupportedVersion("HTTP/1.1 is spoken here, no RTSP and no ICE")
            if self.parser.should_upgrade():
                self._upgrade = True
                return
            if self.url[:1] != b"/":
                self.url = origin_form(self.url)
        except RequestError as error:
            self._refusal = error
            raise
        self.in_head = False
        exchange = self._short()
        if exchange is None:
            self._go_through_asgi()
        else:
            self.cycle = exchange  # type: ignore[assignment] # it has what is asked of a cycle
            self.deadline += exchange.declared / BODY_RATE
            self._ask(exchange)
        self.headers = []  # what comes behind the body is no header of the request
        if self.edge is not None and self.edge.service.draining:
            self.drain()

    def _short(self) -> ShortExchange | None:
        """The request as one for the short way, None where it cannot go there."""
        edge, parser, cycle = self.edge, self.parser, self.cycle
        target, _, query = self.url.partition(b"?")
        if (
            edge is None
            or (found := edge.table.find(path := target.decode("latin-1"))) is None
            or b"%" in target
            or (version := parser.get_http_version()) not in ("1.1", "1.0")
            or (self.expect_100_continue and version == "1.1")
            or not (cycle is None or cycle.response_complete)
        ):
            return None
        scope = {
            "method": parser.get_method().decode("ascii"),
            "path": path,
            "query_string": query.partition(b"#")[0],
            "headers": self.headers,
            "http_version": version,
        }
        return ShortExchange(self, edge, scope, found)

    def _go_through_asgi(self) -> None:
        # Its exchange waits for the body no longer than this connection, which leaves it the time
        # to say so.
        self.deadline += LINGER_SECONDS
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url = url
        self.expect_100_continue = expects and self.parser.get_http_version() == "1.1"
        self.headers += headers  # the list that the scope has, too
        super().on_headers_complete()
        if not self._is_full():
            self.flow.resume_reading()  # uvicorn paused it; who is not read is not seen to leave
        self._cycles = (*(one for one in self._cycles if not one.response_complete), self.cycle)

    def _ask(self, exchange: ShortExchange) -> None:
        """Have a request answered. A connection has one task for all of its requests: to make one
        for each costs more than to wake it.
        """
        if self._task is None:
            self._task = self.loop.create_task(self._answer(exchange))
        else:
            self._next.set_result(exchange)
        self.tasks.add(self._task)  # uvicorn waits for these before it ends

    async def _answer(self, exchange: ShortExchange) -> None:
        """Answer one request after the other until the connection is lost."""
        # A task that ended with an exception would have it and all that it came through, which has
        # the task: megabytes of answers that wait for the garbage collector.
        with contextlib.suppress(asyncio.CancelledError):
            task: Any = self._task
            while True:
                self._next = self.loop.create_future()
                try:
                    await exchange.edge.answer(exchange, exchange.found)
                finally:
                    self.tasks.discard(task)
                    if not exchange.response_complete:
                        self.transport.close()
                exchange = await self._next

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self._fruitful = True
        cycle: Any = self.cycle
        if isinstance(cycle, ShortExchange):
            if not cycle.response_complete:
                cycle.collect(body)
            if not cycle.declared:
                self.deadline += len(body) / BODY_RATE
        else:
            self.deadline += len(body) / BODY_RATE
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._upgrade:
            return
        self.reading = self.partial = False
        self.in_head, self.deadline = True, float("inf")
        exchange: Any = self.cycle
        if self.headers and not self.parser.should_keep_alive():
            self.drain()  # a trailer has it: the parser takes no further request
        if not isinstance(exchange, ShortExchange):
            super().on_message_complete()
        elif exchange.response_complete:
            self.await_next()
        else:
            exchange.complete()

    def on_response_complete(self) -> None:
        """Go on with what was sent ahead of this answer, or wait for the next request."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            if self._waits and not self.pipeline:
                self._keep(self._kept)
            if self.partial and not self._waits:
                self.await_next()
            return
        if self._pending is not None:
            self.refuse(self._pending)
            return
        self.server_state.total_requests += 1
        if self.flow.read_paused:
            self.flow.resume_reading()
        if not self.reading:
            self.await_next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop what nobody waits for any more."""
        Deadlines.of(self.loop).leave(self)
        self._turns.leave(self)
        self._keep(b"")
        exchange: Any = self.cycle
        if isinstance(exchange, ShortExchange):
            self.cycle = None  # type: ignore[assignment] # as before the first request
        if self._task is not None:
            self._task.cancel()
        self.pipeline.clear()
        for cycle in self._cycles:  # uvicorn tells the last one alone
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def _without_upgrade(self, rest: bytes) -> bytes:
        """A server may ignore what a client would like to speak instead (RFC 9110, 7.8)."""
        self._upgrade = False
        parser = self.parser
        version = parser.get_http_version()
        head = without_upgrade(parser.get_method(), self.url, version, self.headers)
        if head is None:
            self.refuse(InvalidHttp("CONNECT is for proxies"))
            return b""
        self.parser = httptools.HttpRequestParser(self)
        return head + rest
