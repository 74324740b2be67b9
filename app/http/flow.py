"""When a connection is read from: uvicorn has a say in it, and who parses what was read."""

import asyncio

from uvicorn.protocols.http.flow_control import FlowControl


class Flow(FlowControl):
    """Uvicorn's, for a connection that is not read from either while it is `held`: some of what
    was read waits to be parsed.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self.held = False
        self._connection = transport

    def pause_reading(self) -> None:
        """Uvicorn has enough."""
        if not self.read_paused:
            self.read_paused = True
            if not self.held:
                self._connection.pause_reading()

    def resume_reading(self) -> None:
        """It would have more."""
        if self.read_paused:
            self.read_paused = False
            if not self.held:
                self._connection.resume_reading()

    def hold(self, held: bool) -> None:
        """Whether something waits."""
        if held != self.held:
            self.held = held
            if not self.read_paused:
                (self._connection.pause_reading if held else self._connection.resume_reading)()
