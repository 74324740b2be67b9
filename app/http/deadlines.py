"""How long a connection may take, looked at for all of them from time to time.

A timer for every request costs more than its answer; a connection notes its deadline instead, and
one timer of the loop looks through them.
"""

import asyncio
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from app.http.bounds import Bounds

LINGER_SECONDS = 3.0  # for a client to read a refusal
_SHORTEST, _LONGEST = 0.02, 0.5  # seconds between two looks


class Connection(Protocol):
    """What is looked at. `moved`: whether the client has read since the last look."""

    deadline: float
    bounds: Bounds
    moved: bool
    timeout_keep_alive: Any
    transport: asyncio.Transport

    def expire(self) -> None:
        """The deadline has passed."""


class Deadlines:
    """The connections of an event loop. What a client does not read is cut off too."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._connections: dict[Connection, tuple[int, float]] = {}  # unsent bytes, since when
        self._timer: asyncio.TimerHandle | None = None
        self._every = _LONGEST

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> "Deadlines":
        """Those of this loop."""
        deadlines = _of_loops.get(loop)
        if deadlines is None:
            deadlines = _of_loops[loop] = cls(loop)
        return deadlines

    def watch(self, connection: Connection) -> None:
        """Look at a connection from now on."""
        bounds = connection.bounds
        soonest = min(bounds.read_seconds, bounds.write_seconds, connection.timeout_keep_alive)
        self._every = max(_SHORTEST, min(self._every, soonest / 10))
        self._connections[connection] = (0, 0.0)
        if self._timer is None:
            self._timer = self._loop.call_later(self._every, self._look)

    def leave(self, connection: Connection) -> None:
        """It is closed."""
        self._connections.pop(connection, None)

    def _look(self) -> None:
        now = self._loop.time()
        for connection, (unsent, since) in list(self._connections.items()):
            if connection.deadline < now:
                connection.deadline = float("inf")
                connection.expire()
            left = connection.transport.get_write_buffer_size()
            if left and left == unsent and not connection.moved:
                if now - since > connection.bounds.write_seconds:
                    connection.transport.abort()
            elif left or unsent:
                self._connections[connection] = (left, now)
            connection.moved = False
        alive = bool(self._connections)
        self._timer = self._loop.call_later(self._every, self._look) if alive else None


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Deadlines] = WeakKeyDictionary()
