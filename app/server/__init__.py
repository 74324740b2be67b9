"""`unrolled serve`: load the models, listen, and serve in one process or several.

On SIGTERM the service says that it is not ready, waits `drain_seconds` for load balancers to see
it, lets requests in flight finish, and exits with 0 (`lifecycle.py`, `supervisor.py`).
"""

import gc
import logging
import os
import socket
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from app import logs
from app.errors import SettingsError
from app.folder.files import resolved
from app.http.processes import PARENT
from app.main import create_app
from app.metrics import Metrics
from app.server.descriptors import make_room
from app.server.lifecycle import BACKLOG, Parent, Server
from app.server.supervisor import Workers
from app.serving.repository import Repository
from app.settings import Settings

log = logging.getLogger("unrolled")


def serve(settings: Settings) -> int:
    """Serve until a signal; returns the exit code, or ends the process with it.

    Raises ModelError where no model can be loaded, SettingsError where it cannot listen.
    """
    logs.configure(settings)
    make_room(settings.max_connections)
    keys = settings.keys  # before models are loaded, which takes long: their file may be at fault
    with _bound(settings) as listener:  # likewise: somebody else may have the port
        log.info("models are read from %s", resolved(settings.models_dir))
        repository = Repository(
            settings.models_dir, settings.engine, settings.default_model, settings.poll_seconds
        )
        repository.load()
        gc.enable()  # it was off until here, where the command line began
        try:
            listener.listen(BACKLOG)
        except OSError as error:  # somebody has begun to, meanwhile
            raise _cannot_listen(settings, error) from error
        if not keys and _is_reached_from_outside(listener):
            log.warning("listening on %s without a key: whoever reaches it may ask", settings.host)
        if settings.workers == 1:
            metrics = Metrics()
            metrics.is_process(PARENT, os.getpid())
            _serve(settings, repository, listener, 0, None, metrics)
            return 1  # it does not come back unless it could not start
        serve_one = partial(_serve, settings, repository, listener)
        return Workers(settings.workers, settings.drain_seconds, listener, serve_one).supervise()


def _bound(settings: Settings) -> socket.socket:
    """A socket at the address of these settings. Whoever connects before it listens is refused."""
    path = settings.unix_socket
    if path is not None and path.exists() and not path.is_socket():
        raise SettingsError(f"cannot listen on {path}: it is there, and is no socket")
    inet = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(inet if path is None else socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path is None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((settings.host, settings.port))
        else:
            _bind_at(path, listener)
    except OSError as error:
        listener.close()
        raise _cannot_listen(settings, error) from error
    return listener


def _cannot_listen(settings: Settings, error: OSError) -> SettingsError:
    where = settings.unix_socket or f"{settings.host} port {settings.port}"
    return SettingsError(f"cannot listen on {where}: {error.strerror or error}")


def _bind_at(path: Path, listener: socket.socket) -> None:
    """To a socket's file; one that an earlier process left behind is taken over."""
    if path.is_socket() and not _is_answered(path):
        path.unlink()
    listener.bind(str(path))
    path.chmod(0o666)  # who may reach it is for its folder to say, as with uvicorn's own


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return False
        return True


def _is_reached_from_outside(listener: socket.socket) -> bool:
    if listener.family == socket.AF_UNIX:
        return False
    host, *_ = listener.getsockname()  # an address, whatever it was called
    return not ip_address(host.partition("%")[0]).is_loopback


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
