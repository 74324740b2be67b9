"""How many connections are read in a turn of the event loop: what comes at once is not all heard at
once.

Two thousand clients that ask together would keep the loop from everything else until the last of
them is answered, be it with a refusal. They wait for a later turn, in the order in which they came;
a probe is heard at once, and never waits for more than what a turn or two take. Threads that
compute have turns of their own then.
"""

import asyncio
from typing import Protocol
from weakref import WeakKeyDictionary

from app.http.large import Large

MOST_A_TURN = 64  # connections: more than are multiplied together, and a few milliseconds
_OF_MANY = 16  # while as many as that wait: their clients wait longer, fewer of them are refused
_BESIDE_LARGE = 8  # while threads compute, too: what is admitted should be done by the next turn
LONGEST = 16 << 10  # bytes that are kept of a connection meanwhile; more is parts of large bodies


class Connection(Protocol):
    """What has something to read."""

    def take_in(self, data: bytes) -> None:
        """Read it."""


class Turns:
    """Those of an event loop. `urgent` are beginnings of what is heard at once, `large` the threads
    that get turns of their own while many wait.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.urgent: tuple[bytes, ...] = ()
        self.large: Large | None = None
        self._loop = loop
        self._heard = 0  # in this turn
        self._most = MOST_A_TURN
        self._hurry = False  # whether what is urgent was heard since the last turn
        self._stood_back = False  # whether this turn comes later for it
        self._waiting: dict[Connection, bytes] = {}

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> "Turns":
        """Those of this loop."""
        turns = _of_loops.get(loop)
        if turns is None:
            turns = _of_loops[loop] = cls(loop)
        return turns

    def hear(self, connection: Connection, data: bytes) -> None:
        """Have it read now, or in one of the next turns."""
        if not self._heard:
            self._loop.call_soon(self._next)
        if self._waiting:
            data = self._waiting.get(connection, b"") + data
        if self._heard < self._most or len(data) > LONGEST or self._is_urgent(data):
            if self._waiting:
                self._waiting.pop(connection, None)
            self._heard += 1
            connection.take_in(data)
        else:
            self._waiting[connection] = data

    def _is_urgent(self, data: bytes) -> bool:
        """Whether it is to be heard before all that wait."""
        urgent = bool(self.urgent) and data.startswith(self.urgent)
        self._hurry = self._hurry or urgent
        return urgent

    def leave(self, connection: Connection) -> None:
        """It is closed."""
        self._waiting.pop(connection, None)

    def _next(self) -> None:
        """A turn is over."""
        # A probe is answered behind this: for it the turn comes later, once, lest nobody else be
        # heard where very many ask for probes.
        self._stood_back = self._hurry and not self._stood_back
        self._hurry = False
        if self._stood_back:
            self._loop.call_soon(self._next)
            return
        self._heard = 0
        self._most = self._most_now()
        if not self._waiting:
            return
        self._loop.call_soon(self._next)  # whatever becomes of those that are heard now
        while self._waiting and self._heard < self._most:
            connection = next(iter(self._waiting))
            self._heard += 1
            connection.take_in(self._waiting.pop(connection))

    def _most_now(self) -> int:
        """How many are heard in this turn. Threads that compute have theirs first."""
        if len(self._waiting) < MOST_A_TURN:
            if self.large is not None:
                self.large.go_on()
            return MOST_A_TURN
        return _BESIDE_LARGE if self.large is not None and self.large.take_turn() else _OF_MANY


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()
