"""The life of one process that serves: starting → serving → draining → stopping → gone.

What asks it to stop, and when it may, is decided here; what a signal means to a process that has a
parent (a worker) and to one that has none is the difference between the two tables of handlers.

- starting: nobody is being answered, a signal ends the process at once;
- serving;
- draining: `/readyz` says 503, answers say `Connection: close`, all are answered;
- stopping: the port is closed, requests in flight are finished, for as long as the grace lasts.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from enum import Enum, auto
from types import FrameType
from typing import NamedTuple

import uvicorn

from app.http.service import Service
from app.http.short_way import http_protocol
from app.main import Unrolled

GRACE_SECONDS = 30  # for requests in flight, once the port is closed
BACKLOG = 2048
PATIENCE_SECONDS = 1.0  # a signal that follows another sooner is the same one, sent twice
_ASKED_TO_STOP = (signal.SIGTERM, signal.SIGINT)
_HANGUP = getattr(signal, "SIGHUP", None)

log = logging.getLogger("unrolled")
Handler = Callable[[int, FrameType | None], None] | signal.Handlers


class State(Enum):
    """How far a life has come."""

    STARTING = auto()
    SERVING = auto()
    DRAINING = auto()
    STOPPING = auto()


class Parent(NamedTuple):
    """The process that a worker belongs to: `pipe` is at its end once the parent is gone."""

    pid: int
    pipe: int


class Server(uvicorn.Server):
    """Uvicorn's server with this life. `parent` None is a process that serves alone.

    `announce` is called once it serves.
    """

    def __init__(
        self,
        app: Unrolled,
        keep_alive_seconds: int,
        drain_seconds: float,
        announce: Callable[[], None] | None = None,
        parent: Parent | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=http_protocol(),
            access_log=False,
            proxy_headers=False,  # no answer depends on where the client is
            log_config=None,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=keep_alive_seconds,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self.state = State.STARTING
        self._app = app
        self._drain_seconds = drain_seconds
        self._announce = announce
        self._parent = parent
        self._told = 0.0  # when it was asked to stop, by the monotonic clock
        self._reload_is_due = False  # asked for before there was anybody to do it

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Heed signals from now until the process is gone."""
        self._loop = asyncio.get_running_loop()
        handlers = self._alone() if self._parent is None else self._as_worker()
        for sig, handler in handlers.items():
            signal.signal(sig, handler)
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, handlers)
        if self._parent is not None:
            self._loop.add_reader(self._parent.pipe, self._stop_listening)
        yield

    def _alone(self) -> dict[signal.Signals, Handler]:
        handlers: dict[signal.Signals, Handler] = dict.fromkeys(_ASKED_TO_STOP, self._asked)
        if _HANGUP is not None:
            reloads = not has_terminal()
            if reloads or signal.getsignal(_HANGUP) is not signal.SIG_IGN:  # as nohup has it
                handlers[_HANGUP] = self._asked_to_reload if reloads else self._asked
        return handlers

    def _as_worker(self) -> dict[signal.Signals, Handler]:
        """A terminal signals all of its processes: what it means, the parent decides."""
        handlers: dict[signal.Signals, Handler] = dict.fromkeys(
            (signal.SIGINT, signal.SIGHUP), signal.SIG_IGN
        )
        handlers[signal.SIGTERM] = self._told_by_parent
        handlers[signal.SIGUSR1] = self._asked_to_reload
        return handlers

    def _asked(self, _sig: int, _frame: FrameType | None) -> None:
        """A person or a supervisor: who asks again after a while wants it now."""
        now = time.monotonic()
        if self._told and now - self._told > PATIENCE_SECONDS:
            leave(0)
        self._told = self._told or now
        self._stop(self._drain_seconds)

    def _told_by_parent(self, _sig: int, _frame: FrameType | None) -> None:
        """The parent, whose last word it may be: the kernel's, that it has died."""
        orphaned = self._parent is not None and os.getppid() != self._parent.pid
        self._stop(0 if orphaned else self._drain_seconds)

    def _asked_to_reload(self, _sig: int, _frame: FrameType | None) -> None:
        if self.state is State.STARTING:
            self._reload_is_due = True
        elif self.state is State.SERVING:
            self._loop.call_soon_threadsafe(self._service.reload.set)

    def _stop(self, drain_seconds: float) -> None:
        if self.state is State.STARTING:
            leave(0)
        if self.state is State.SERVING:
            self.state = State.DRAINING
            self._loop.call_soon_threadsafe(self._drain, drain_seconds)

    def _drain(self, seconds: float) -> None:
        self._say_that_it_ends()
        self._loop.call_later(seconds, self._stop_listening)

    def _stop_listening(self) -> None:
        if self.state is State.STARTING:
            leave(0)
        if self._parent is not None:
            self._loop.remove_reader(self._parent.pipe)
        self.state = State.STOPPING
        self._say_that_it_ends()
        self.should_exit = True

    def _say_that_it_ends(self) -> None:
        self._service.draining = True
        for connection in self.server_state.connections:
            if (drain := getattr(connection, "drain", None)) is not None:  # the short way's
                drain()

    @property
    def _service(self) -> Service:
        service: Service = self._app.state.service
        return service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Load, and listen."""
        await super().startup(sockets)
        self.state = State.SERVING
        if self._reload_is_due and self.started:
            self._service.reload.set()
        if self._announce is not None:
            self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port and finish what is in flight, of those who have connected by now, too.

        The kernel resets whoever nobody has accepted when the last process closes the port.
        """
        listeners = sockets or []
        waiting = [one for listener in listeners for one in _waiting(listener)]
        for server in self.servers:  # at once: nobody else may connect meanwhile
            server.close()
        for listener in listeners:
            listener.close()
        for one in waiting:
            await self._loop.connect_accepted_socket(self._connection, one)
        await super().shutdown(sockets)

    def _connection(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve for a lifetime. Does not return: a thread that computes for a client who is gone
        would be waited for.
        """
        await super().serve(sockets)
        leave(0 if self.started else 1)


def _waiting(listener: socket.socket) -> Iterator[socket.socket]:
    """Connections that nobody has accepted yet, and no more than can have been waiting: others may
    connect for ever. The event loop made the listener one of its own, which does not wait.
    """
    for _ in range(BACKLOG + 1):
        try:
            yield listener.accept()[0]
        except ConnectionAbortedError:  # this one has left
            continue
        except OSError:  # BlockingIOError in the end
            return


def leave(code: int) -> None:
    """End this process, whatever its threads do."""
    # Its terminal may be closed; a signal may have come while it was written to.
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        sys.stderr.flush()
    os._exit(code)


def has_terminal() -> bool:
    """Whether there is a terminal whose end would end this process."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
