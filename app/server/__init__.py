"""`unrolled serve`: load the models, listen, and serve in one process or several.

On SIGTERM the service says that it is not ready, waits `drain_seconds` for load balancers to see
it, lets requests in flight finish, and exits with 0 (`lifecycle.py`, `supervisor.py`).
"""

import gc
import logging
import os
import socket
from functools import partial
from pathlib import Path

from app import logs
from app.errors import SettingsError
from app.http.processes import PARENT
from app.main import create_app
from app.metrics import Metrics
from app.server.lifecycle import BACKLOG, Parent, Server
from app.server.supervisor import Workers
from app.serving.repository import Repository
from app.settings import Settings

log = logging.getLogger("unrolled")

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


def serve(settings: Settings) -> int:
    """Serve until a signal; returns the exit code, or ends the process with it.

    Raises ModelError where no model can be loaded, SettingsError where it cannot listen.
    """
    logs.configure(settings)
    keys = settings.keys  # before models are loaded, which takes long: their file may be at fault
    log.info("models are read from %s", settings.models_dir.resolve())
    repository = Repository(
        settings.models_dir, settings.engine, settings.default_model, settings.poll_seconds
    )
    repository.load()
    gc.enable()  # it was off until here, where the command line began
    with _listen(settings) as listener:
        if not (keys or settings.unix_socket or settings.host in _THIS_MACHINE):
            log.warning("listening on %s without a key: whoever reaches it may ask", settings.host)
        if settings.workers == 1:
            metrics = Metrics()
            metrics.is_process(PARENT, os.getpid())
            _serve(settings, repository, listener, 0, None, metrics)
            return 1  # it does not come back unless it could not start
        serve_one = partial(_serve, settings, repository, listener)
        return Workers(settings.workers, settings.drain_seconds, listener, serve_one).supervise()


def _listen(settings: Settings) -> socket.socket:
    if settings.unix_socket is not None:
        return _listen_at(settings.unix_socket)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        address = f"{settings.host} port {settings.port}"
        raise SettingsError(f"cannot listen on {address}: {error.strerror}") from error
    listener.listen(BACKLOG)
    return listener


def _listen_at(path: Path) -> socket.socket:
    """Listen on a socket file; one that an earlier process left behind is taken over."""
    if path.exists() and not path.is_socket():
        raise SettingsError(f"cannot listen on {path}: it is there, and is no socket")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and not _is_answered(path):
            path.unlink()
        listener.bind(str(path))
        path.chmod(0o666)  # who may reach it is for its folder to say, as with uvicorn's own
    except OSError as error:
        listener.close()
        raise SettingsError(f"cannot listen on {path}: {error.strerror or error}") from error
    listener.listen(BACKLOG)
    return listener


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return False
        return True


def _serve(
    settings: Settings,
    repository: Repository,
    listener: socket.socket,
    worker: int,
    parent: Parent | None,
    metrics: Metrics,
) -> None:
    """Serve in this process, the first of them saying where."""
    app = create_app(settings, repository, metrics)
    announce = partial(_announce, listener) if worker == 0 else None
    server = Server(app, settings.keep_alive_seconds, settings.drain_seconds, announce, parent)
    server.run(sockets=[listener])


def _announce(listener: socket.socket) -> None:
    if listener.family == socket.AF_UNIX:
        log.info("listening on %s", listener.getsockname())
        return
    host, port, *_ = listener.getsockname()
    where = f"[{host}]" if listener.family == socket.AF_INET6 else host
    log.info("listening on http://%s:%d — try /docs", where, port)
