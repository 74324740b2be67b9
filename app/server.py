"""`unrolled serve`: uvicorn with our lifecycle, in one process or several.

On SIGTERM the service says that it is not ready, waits `drain_seconds` for load balancers to see
it, lets requests in flight finish, and exits with 0. Several workers are forked after the models
are loaded, so that they share the weights' memory.
"""

import asyncio
import os
import signal
import socket
import sys
from types import FrameType

import uvicorn

from app import logs
from app.errors import SettingsError
from app.http.short_way import http_protocol
from app.main import Unrolled, create_app
from app.serving.repository import Repository
from app.settings import Settings

_GRACE_SECONDS = 30  # for requests in flight, once listening has stopped
_BACKLOG = 2048


class _Server(uvicorn.Server):
    """Uvicorn's server, with a drain between SIGTERM and the end of listening."""

    def __init__(self, config: uvicorn.Config, app: Unrolled, drain_seconds: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_seconds = drain_seconds
        self._draining = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: drain, then stop. Second signal: stop now."""
        # Uvicorn's own handler would raise the signal again at the end, and the exit code be its.
        if self._draining:
            self.should_exit = self.force_exit = True
            return
        self._draining = True
        service = getattr(self._app.state, "service", None)
        if service is not None:
            service.draining = True
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.call_later, self._drain_seconds, self._stop_listening)

    def _stop_listening(self) -> None:
        self.should_exit = True


def serve(settings: Settings) -> int:
    """Serve until a signal; returns the exit code.

    Raises ModelError where no model can be loaded, SettingsError where it cannot listen.
    """
    logs.configure(settings)
    repository = Repository(settings.models_dir, settings.engine, settings.default_model)
    repository.load()
    with _listen(settings) as listener:
        if settings.workers == 1:
            return _run(settings, repository, listener)
        return _Workers(settings, repository, listener).supervise()


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        address = f"{settings.host} port {settings.port}"
        raise SettingsError(f"cannot listen on {address}: {error.strerror}") from error
    listener.listen(_BACKLOG)
    return listener


def _run(settings: Settings, repository: Repository, listener: socket.socket) -> int:
    app = create_app(settings, repository)
    config = uvicorn.Config(
        app,
        http=http_protocol(),
        access_log=False,
        proxy_headers=False,  # no answer depends on where the client is
        log_config=None,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config, app, settings.drain_seconds)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return 0
    return 0 if server.started else 1


class _Workers:
    """Forked copies of the service on one listening socket; one that dies is replaced."""

    def __init__(self, settings: Settings, repository: Repository, listener: socket.socket) -> None:
        self._settings = settings
        self._repository = repository
        self._listener = listener
        self._pids: set[int] = set()
        self._stopping = False

    def supervise(self) -> int:
        """Keep the workers running until a signal, then wait for them."""
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, self._stop)
        worst = 0
        while len(self._pids) < self._settings.workers:
            self._pids.add(self._fork())
        while self._pids:
            pid, status = os.wait()
            self._pids.discard(pid)
            if self._stopping:
                worst = max(worst, abs(os.waitstatus_to_exitcode(status)))
            else:
                self._pids.add(self._fork())
        return worst

    def _fork(self) -> int:
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            return pid
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, signal.SIG_DFL)
        try:
            code = _run(self._settings, self._repository, self._listener)
        finally:
            sys.stderr.flush()
        os._exit(code)

    def _stop(self, sig: int, _frame: FrameType | None) -> None:
        self._stopping = True
        for pid in self._pids:
            os.kill(pid, signal.SIGTERM)
