"""What a connection sends at once, parsed in parts: others are heard between them.

Thousands of requests fit into what is read at once. To begin them all would keep the event loop
from others for a second, and megabytes for a client that may read none of the answers.
"""

from app.errors import Overloaded
from app.http.bounded import Bounded
from app.http.flow import Flow
from app.http.heads import LARGEST
from app.http.turns import Turns

_MOST_AHEAD = 16  # requests behind the one that is answered, behind which none is begun
_A_TURN = 4  # of those that came at once, requests that are begun in one turn of the loop
PART = 16 << 10  # bytes that are parsed in one
_HEAD_END = b"\r\n\r\n"


class InParts(Bounded):
    """Hands what has come to `_parse`, and keeps what is for later."""

    flow: Flow
    _turns: Turns
    _kept = b""  # what has come and is not parsed
    _ends = 1  # of heads, as far as they look like it, that are parsed at once
    _waits = False  # whether that is until there is room ahead

    def data_received(self, data: bytes) -> None:
        """Take in a piece of a request, or several requests, in a later turn where many come."""
        if self.lingering or self._pending:
            self._keep(b"")
            return
        if self.reading and not self.begun:
            self.begun = True
            self.deadline = self.loop.time() + self.bounds.read_seconds
        self._turns.hear(self, data)

    def take_in(self, data: bytes) -> None:
        """Parse what has come: usually a request, or a part of one."""
        if self._kept or len(data) > PART or data.count(_HEAD_END) > 1:
            self._take_part(data)
        elif data and not (self.lingering or self._pending):
            data = self._parse(data)
            if data:
                self._take_part(data)

    def _take_part(self, data: bytes) -> None:
        """Parse some of what has come, and keep the rest: others are heard before it."""
        data = self._kept + data
        part, rest = data[:PART], data[PART:]
        begun = 0
        while part and begun < _A_TURN and not (self._is_over() or self._is_full()):
            cycle, ends = self.cycle, min(self._ends, _MOST_AHEAD - len(self.pipeline))
            behind = b"".join(part.split(_HEAD_END, ends)[ends:])
            again = self._parse(part[: len(part) - len(behind)])
            part = again + behind
            if again or self.cycle is not cycle:
                begun, self._ends = begun + ends, 1
            else:  # no head ended there: a body may be full of what looks like it
                self._ends = min(2 * self._ends, _MOST_AHEAD)
        self._keep(b"" if self._is_over() else part + rest)

    def _keep(self, data: bytes) -> None:
        """Have this parsed in a later turn, once there is room ahead; no more is read until then.

        It counts as half-read.
        """
        try:
            self.bounds.take(len(data) - len(self._kept))
        except Overloaded as error:
            self.bounds.take(-len(self._kept))
            data = b""
            self.refuse(error)
        self._kept = data
        self.flow.hold(bool(data))
        self._waits = bool(data) and self._is_full()
        if self._waits:
            self.deadline = float("inf")  # it is not the client that is slow
        elif data:  # the rest of a body waits for nobody
            self.loop.call_soon(self.data_received if self.in_head else self.take_in, b"")

    def _is_over(self) -> bool:
        """Whether nothing more is parsed."""
        return self.lingering or self._pending is not None or self.transport.is_closing()

    def _is_full(self) -> bool:
        """Whether so much is ahead that no more is begun."""
        ahead = self.pipeline
        return len(ahead) >= _MOST_AHEAD or sum(len(cycle.body) for cycle, _ in ahead) >= LARGEST

    def _parse(self, data: bytes) -> bytes:
        """Parse it; what is to be parsed instead."""
        raise NotImplementedError
