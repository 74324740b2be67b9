"""Few descriptors are allowed, and clients would take them all."""

import re
import socket
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

from tests.attack.processes import Session, session, until
from tests.keras_files import write_folder
from tests.test_server import PATIENCE


def port_of(service: Session) -> int:
    service.wait_for("listening on")
    found = re.search(r"listening on http://127.0.0.1:(\d+)", service.log.read_text())
    assert found is not None
    return int(found[1])


def limited(limit: str) -> tuple[str, ...]:
    return "bash", "-c", f'ulimit {limit}; exec "$@"', "-"


def test_clients_leave_some_for_models_and_files(tmp_path: Path) -> None:
    models = tmp_path / "models"
    write_folder(models / "one")
    log = tmp_path / "log"
    with (
        session(models, log, *limited("-n 64"), poll_seconds="0.05") as service,
        ExitStack() as open_,
    ):
        port = port_of(service)
        first = open_.enter_context(closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)))

        def status(path: str) -> int:
            first.request("GET", path)
            response = first.getresponse()
            response.read()
            return response.status

        assert status("/livez") == 200
        for _ in range(100):
            open_.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
        write_folder(models / "two")
        until(lambda: status("/v1/models/two") == 200)
        assert status("/swagger/swagger-ui.css") == 200
    assert "Too many open files" not in log.read_text()
    assert "64 descriptors are allowed (ulimit -n), too few for 4096 connections" in log.read_text()


def test_as_many_are_asked_for_as_there_may_be_connections(tmp_path: Path) -> None:
    """Most systems give a process 1,024 at first, and more to one that asks."""
    models = tmp_path / "models"
    write_folder(models / "one")
    with (
        session(models, tmp_path / "log", *limited("-Sn 64"), poll_seconds="0") as service,
        ExitStack() as open_,
    ):
        port = port_of(service)
        for _ in range(200):
            client = socket.create_connection(("127.0.0.1", port), PATIENCE)
            open_.enter_context(client)
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"
