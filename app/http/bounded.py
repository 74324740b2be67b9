"""How a connection is kept, and how it ends: deadlines, refusals, draining, its last answer."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import InvalidHttp, RequestError, TooSlow
from app.http.bounds import Bounds
from app.http.deadlines import LINGER_SECONDS
from app.http.diagnosis import refusal
from app.http.short_exchange import ShortExchange

_LAST_WORDS_SECONDS = 1.0  # that a client has been idle when its connection is closed


class Bounded(HttpToolsProtocol):
    """Uvicorn's protocol with what `Deadlines` looks at; it knows nothing of what is asked."""

    bounds = Bounds()
    deadline = float("inf")  # by the loop's clock: what is awaited of the client by then
    idle_since = 0.0  # by the same, of a connection that no request has begun on
    reading = True  # whether a request is awaited or under way that is not whole
    begun = False  # whether any of it has come
    lingering = False  # the answer is sent, what still comes in is thrown away
    moved = True  # whether the client has read of the answer since the deadlines were looked at
    in_head = True  # whether a head is awaited or under way
    partial = False  # whether a request is under way that is not whole
    _pending: RequestError | None = None  # to be answered behind what is under way

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
        elif not self.begun:
            self.deadline = min(self.deadline, self.idle_since + _LAST_WORDS_SECONDS)

    def await_next(self) -> None:
        """Wait for the next request, or for the rest of one that is under way."""
        self.reading, self.begun = True, self.partial
        seconds = self.bounds.read_seconds if self.partial else self.timeout_keep_alive
        self.idle_since = self.loop.time()
        self.deadline = self.idle_since + seconds

    def pause_writing(self) -> None:
        """The client is slow to read."""
        self.moved = True
        super().pause_writing()

    def resume_writing(self) -> None:
        """It has read."""
        self.moved = True
        super().resume_writing()

    def expire(self) -> None:
        """The deadline has passed: close what is idle, refuse what is too slow."""
        if self.lingering or not self.begun:
            self.transport.close()
            return
        if self.in_head:
            self.refuse(TooSlow("the request took too long to arrive"))
        elif self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self.refuse(TooSlow("the body took too long to arrive"))

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not HTTP."""
        self.refuse(InvalidHttp(msg))

    def refuse(self, error: RequestError) -> None:
        """Answer what is no request, behind the answers that are under way, and hang up."""
        cycle: Any = self.cycle
        self.headers = []  # there may be thousands, and the client stays for a while
        if cycle is not None and not cycle.response_complete:
            if self.in_head or not self.partial:
                self._pending = error
            elif isinstance(cycle, ShortExchange):
                cycle.fail(error)
                self.not_awaited()
            elif self.pipeline and self.pipeline[0][0] is cycle:
                # Sent ahead, and not begun: those before it are answered first.
                self.pipeline.popleft()
                cycle.response_complete, self._pending = True, error
                self.deadline = float("inf")
            else:
                self.transport.close()
            return
        if not self.transport.is_closing():
            self.transport.write(refusal(error))
        self.hang_up()

    def not_awaited(self) -> None:
        """What is still to come of a request is of no use: its answer is sent, or on its way."""
        self.deadline = self.loop.time() + LINGER_SECONDS

    def hang_up(self) -> None:
        """Close, once the client has had time to read: what it still sends is thrown away, since a
        connection closed on unread bytes is reset, and the answer lost.
        """
        if self.lingering or self.transport.is_closing():
            return
        self.lingering = True
        self.deadline = self.loop.time() + LINGER_SECONDS
        if self.transport.can_write_eof():
            self.transport.write_eof()
