"""`unrolled serve` as a process: signals, draining, workers, the models folder while it runs."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from tests.keras_files import write_folder

Result = TypeVar("Result")
PATIENCE = 240.0  # seconds, with a machine that does much else
SERVE = ("-c", "import sys; from app.entry import main; sys.exit(main())", "serve")


def eventually(what: Callable[[], Result | None]) -> Result:
    """The first result that is one; what cannot be asked yet is asked again."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if result := what():
                return result
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise AssertionError("nothing came of it")


@dataclass
class Served:
    process: "subprocess.Popen[bytes]"
    address: tuple[str, int]

    def get(self, path: str, **query: str) -> httpx.Response:
        host, port = self.address
        return httpx.get(f"http://{host}:{port}{path}", params=query, timeout=PATIENCE)

    def ends(self) -> int:
        return self.process.wait(PATIENCE)


@contextmanager
def serving(
    models: Path, log: Path | None = None, command: Sequence[str] = SERVE, **settings: str
) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    environment = {f"UNROLLED_{name.upper()}": value for name, value in settings.items()}
    with open(log or os.devnull, "wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, *command, "--port", str(address[1])],
            env={**os.environ, **environment, "UNROLLED_MODELS_DIR": str(models)},
            stderr=stderr,
        )
    served = Served(process, address)
    try:
        eventually(lambda: process.poll() is not None or served.get("/readyz").is_success)
        assert process.poll() is None, f"it ended with {process.returncode} before it was ready"
        yield served
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def begin(served: Served, body: bytes) -> socket.socket:
    """A request whose last byte is still to come."""
    head = f"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    connection = socket.create_connection(served.address, PATIENCE)
    connection.sendall(head.encode() + body[:-1])
    return connection


def received(connection: socket.socket) -> bytes:
    with connection, connection.makefile("rb") as stream:
        return stream.read()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_request_in_flight_at_sigterm_is_answered_and_the_exit_code_is_0(
    notebook_folder: Path, workers: str
) -> None:
    with serving(notebook_folder.parent, workers=workers, default_model="notebook") as served:
        body = b'{"phrase": "this is"}'
        connection = begin(served, body)
        # Answered behind it by the same loop: the server has read the head by then.
        eventually(lambda: in_progress(served) >= 1 if workers == "1" else True)
        served.process.send_signal(signal.SIGTERM)
        if workers == "1":
            eventually(lambda: refuses(served))
        connection.sendall(body[-1:])
        answer = received(connection)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b'"next_word":"an"' in answer
        assert served.ends() == 0


def test_a_body_that_is_too_large_is_refused_before_it_is_all_sent(notebook_folder: Path) -> None:
    with serving(notebook_folder.parent) as served:
        head = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        for length in (b"Content-Length: 16000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"):
            with socket.create_connection(served.address, PATIENCE) as connection:
                connection.sendall(head + length)
                for _ in range(100):  # were the connection reset, this would fail
                    connection.sendall(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
                assert connection.recv(13) == b"HTTP/1.1 413 "


def test_what_is_not_http_gets_a_problem_document(notebook_folder: Path) -> None:
    with serving(notebook_folder.parent) as served:
        connection = socket.create_connection(served.address, PATIENCE)
        connection.sendall("GET /v1/predict?phrase=café HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _, body = received(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["code"] == "invalid_http"


def in_progress(served: Served) -> float:
    """Requests in progress, the one that asks among them."""
    name = "unrolled_requests_in_progress "
    lines = served.get("/metrics").text.splitlines()
    [count] = [line.split()[1] for line in lines if line.startswith(name)]
    return float(count)


def refuses(served: Served) -> bool:
    try:
        socket.create_connection(served.address, PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_draining_service_says_so_and_still_answers(notebook_folder: Path) -> None:
    with serving(notebook_folder.parent, drain_seconds="2", default_model="notebook") as served:
        served.process.send_signal(signal.SIGTERM)
        eventually(lambda: served.get("/readyz").status_code == 503)
        assert served.get("/livez").status_code == 200
        assert served.get("/v1/predict", phrase="this is").json()["next_word"] == "an"
        assert served.ends() == 0


def test_a_worker_that_dies_is_replaced(notebook_folder: Path) -> None:
    with serving(notebook_folder.parent, workers="2") as served:
        children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")

        def workers() -> set[int]:
            return set(map(int, children.read_text().split()))

        before = eventually(lambda: found if len(found := workers()) == 2 else None)
        killed = before.pop()
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: killed not in workers() and len(workers()) == 2)
        assert served.get("/livez").status_code == 200
        served.process.send_signal(signal.SIGTERM)
        assert served.ends() == 0


def test_a_model_that_is_published_while_it_runs_is_served(tmp_path: Path) -> None:
    models = tmp_path / "models"
    write_folder(models / "one", seed=1)
    with serving(models, poll_seconds="0.05") as served:
        first = served.get("/v1/models/one").json()
        shutil.move(write_folder(tmp_path / "two", seed=2), models / "two")
        eventually(lambda: served.get("/v1/models/two").status_code == 200)
        assert served.get("/v1/models/one").json() == first


def test_a_folder_without_models_ends_with_a_message_and_its_code(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, *SERVE, "--port", "0"],
        env={**os.environ, "UNROLLED_MODELS_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 3
    assert "no model could be loaded" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said_before_models_are_loaded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, *SERVE, "--port", port],
            env={**os.environ, "UNROLLED_MODELS_DIR": str(tmp_path)},  # which has none
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_socket_is_left_as_it_is(notebook_folder: Path) -> None:
    file = notebook_folder / "vocabulary.json"
    before = file.read_bytes()
    settings = {"MODELS_DIR": str(notebook_folder.parent), "UNIX_SOCKET": str(file)}
    done = subprocess.run(
        [sys.executable, *SERVE],
        env={**os.environ, **{f"UNROLLED_{name}": value for name, value in settings.items()}},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 2
    assert f"cannot listen on {file}: it is there, and is no socket" in done.stderr
    assert file.read_bytes() == before


@pytest.mark.parametrize("told", ["false", "true"])
def test_logs_say_what_was_asked_only_if_told_to(
    notebook_folder: Path, tmp_path: Path, told: str
) -> None:
    log = tmp_path / "log"
    settings = {"log_format": "json", "log_phrases": told, "default_model": "notebook"}
    with serving(notebook_folder.parent, log, **settings) as served:
        assert served.get("/v1/predict", phrase="this is").status_code == 200
        served.process.send_signal(signal.SIGTERM)
        assert served.ends() == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert any("/v1/predict" in str(line) for line in lines)
    assert all(datetime.fromisoformat(line["time"]).tzinfo == UTC for line in lines)
    assert any("this is" in str(line) for line in lines) == (told == "true")


def test_requests_need_not_be_logged_and_the_rest_still_is(
    notebook_folder: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with serving(notebook_folder.parent, log, log_requests="false") as served:
        assert served.get("/v1/predict", phrase="this is").status_code == 200
        served.process.send_signal(signal.SIGTERM)
        assert served.ends() == 0
    assert "/v1/predict" not in log.read_text()
    assert "Shutting down" in log.read_text()
