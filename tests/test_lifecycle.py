"""A life of several processes: asked to stop, left alone, told to reload, dying again and again."""

import fcntl
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from app.server.lifecycle import BACKLOG, PATIENCE_SECONDS, _waiting
from tests.attack.processes import Session, session, until
from tests.keras_files import write_folder
from tests.test_server import PATIENCE, eventually

BODY = b'{"phrase": "this is"}'
REQUEST = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


def port_of(one: Session) -> int:
    one.wait_for("listening on http://127.0.0.1:")
    line = next(line for line in one.log.read_text().splitlines() if "listening on" in line)
    return int(line.partition("127.0.0.1:")[2].split()[0])


def get(port: int, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE)


def is_draining(port: int) -> bool:
    return get(port, "/readyz").status_code == 503


def answer(stream: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one answer."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = stream.recv(65536)
        assert piece, "the connection was closed without an answer"
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += stream.recv(65536)
    return head, body


@contextmanager
def connected(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Connections that have had one answer each: a worker has them all."""
    with ExitStack() as stack:
        streams = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            for _ in range(count)
        ]
        for stream in streams:
            stream.sendall(REQUEST)
        for stream in streams:
            assert answer(stream)[0].startswith(b"HTTP/1.1 200 ")
        yield streams


@pytest.mark.parametrize("workers", ["1", "4"])
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_every_process_loses_no_request(
    notebook_folder: Path, tmp_path: Path, workers: str, sig: signal.Signals
) -> None:
    settings = {"workers": workers, "default_model": "notebook"}
    with (
        session(notebook_folder.parent, tmp_path / "log", **settings) as one,
        connected(port_of(one), 8) as streams,
    ):
        for stream in streams:
            stream.sendall(REQUEST[:-1])
        for _ in range(2):  # as systemd does, whose parent then passes it on too
            os.killpg(one.process.pid, sig)
        for stream in streams:
            stream.sendall(REQUEST[-1:])
        for stream in streams:
            assert answer(stream)[0].startswith(b"HTTP/1.1 200 ")
        for stream in streams:  # closed, be it with the answer or idle a little later
            assert stream.recv(1) == b""
        assert one.process.wait(PATIENCE) == 0
        assert one.members() == set()


def test_from_draining_on_answers_close_their_connection_and_none_is_lost(
    notebook_folder: Path, tmp_path: Path
) -> None:
    settings = {"workers": "2", "default_model": "notebook", "drain_seconds": "3"}
    with session(notebook_folder.parent, tmp_path / "log", **settings) as one:
        port = port_of(one)
        with connected(port, 6) as streams:
            one.process.send_signal(signal.SIGTERM)
            drains = [503] * 10  # both workers do
            eventually(lambda: [get(port, "/readyz").status_code for _ in drains] == drains)
            for path in ("/v1/models", "/livez"):  # the way through ASGI says it too
                assert get(port, path).headers["connection"] == "close"
            for stream in streams[:3]:
                stream.sendall(REQUEST)
                head, _ = answer(stream)
                assert b"\r\nconnection: close" in head.lower()
                assert stream.recv(1) == b""
            for stream in streams[3:]:  # idle: closed with the port, and not reset
                assert stream.recv(1) == b""
        assert one.process.wait(PATIENCE) == 0


def test_who_asks_again_after_a_while_need_not_wait(notebook_folder: Path, tmp_path: Path) -> None:
    for workers in ("1", "2"):
        settings = {"workers": workers, "drain_seconds": "600"}
        with session(notebook_folder.parent, tmp_path / "log", **settings) as one:
            port = port_of(one)
            one.process.send_signal(signal.SIGINT)
            eventually(partial(is_draining, port))
            time.sleep(1.1 * PATIENCE_SECONDS)  # one that comes sooner is the same signal
            one.process.send_signal(signal.SIGINT)
            assert one.process.wait(PATIENCE) == 0
            until(one.is_gone)


def test_hangup_reloads_the_models_where_there_is_no_terminal(tmp_path: Path) -> None:
    models = tmp_path / "models"
    write_folder(models / "one", seed=1)
    settings = {"workers": "8", "poll_seconds": "0"}
    with session(models, tmp_path / "log", **settings) as one:
        port = port_of(one)  # one worker serves, most of the others are starting
        shutil.move(write_folder(tmp_path / "two", seed=2), models / "two")
        one.process.send_signal(signal.SIGHUP)
        eventually(lambda: one.log.read_text().count("model two loaded") == 8)
        assert get(port, "/v1/models/two").status_code == 200
        reloads = 'unrolled_reloads_total{outcome="loaded"} 8.0'
        eventually(lambda: reloads in get(port, "/metrics").text)
        [worker, *_] = one.members() - {one.process.pid}
        os.kill(worker, signal.SIGKILL)  # who takes its place inherits models that are out of date
        eventually(lambda: one.log.read_text().count("model two loaded") == 9)
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(PATIENCE) == 0


def test_who_listens_beyond_this_machine_without_a_key_is_told_once(
    notebook_folder: Path, tmp_path: Path
) -> None:
    # 127.1 is 127.0.0.1 written as briefly as it can be: what counts is where it listens.
    address = {"0.0.0.0": "0.0.0.0", "127.1": "127.0.0.1"}
    for host, key, times in (("0.0.0.0", "", 1), ("0.0.0.0", "secret", 0), ("127.1", "", 0)):
        settings = {"workers": "2", "host": host} | ({"api_keys": key} if key else {})
        with session(notebook_folder.parent, tmp_path / f"log{host}{key}", **settings) as one:
            one.wait_for(f"listening on http://{address[host]}:")
            assert one.log.read_text().count("without a key") == times
            one.process.send_signal(signal.SIGTERM)
            assert one.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_stops_cleanly_when_its_terminal_is_closed(
    notebook_folder: Path, tmp_path: Path, workers: str
) -> None:
    ours, theirs = pty.openpty()

    def take_terminal() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which `nohup` has everyone below ignore
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    code = "from app.entry import main; main()"
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", code, "serve", "--port", "0", "--workers", workers],
            env={**os.environ, "UNROLLED_MODELS_DIR": str(notebook_folder.parent)},
            stdin=theirs,
            stdout=theirs,
            stderr=stderr,
            preexec_fn=take_terminal,
        )
    os.close(theirs)
    one = Session(process, log, wrapped=False)
    port_of(one)
    os.close(ours)
    assert process.wait(PATIENCE) == 0
    until(one.is_gone)


def test_workers_of_a_killed_parent_finish_and_free_the_port(
    notebook_folder: Path, tmp_path: Path
) -> None:
    settings = {"workers": "2", "default_model": "notebook", "drain_seconds": "600"}
    with session(notebook_folder.parent, tmp_path / "log", **settings) as one:
        port = port_of(one)
        with connected(port, 4) as streams:
            for stream in streams:
                stream.sendall(REQUEST[:-1])
            one.process.kill()
            one.process.wait()
            for stream in streams:
                stream.sendall(REQUEST[-1:])
                assert answer(stream)[0].startswith(b"HTTP/1.1 200 ")
        until(one.is_gone)
        socket.create_server(("127.0.0.1", port)).close()


def test_workers_that_keep_dying_are_waited_for_and_readiness_says_so(
    notebook_folder: Path, tmp_path: Path
) -> None:
    with session(notebook_folder.parent, tmp_path / "log", workers="2") as one:
        port = port_of(one)
        children = Path(f"/proc/{one.process.pid}/task/{one.process.pid}/children")

        def kill_one() -> None:
            alive = eventually(lambda: children.read_text().split())
            os.kill(int(alive[0]), signal.SIGKILL)
            eventually(lambda: alive[0] not in children.read_text().split())

        requests = 'unrolled_requests_total{route="/livez",status="200",model=""} '
        for _ in range(5):
            assert get(port, "/livez").status_code == 200
        for _ in range(4):
            kill_one()
        eventually(lambda: get(port, "/readyz").status_code == 503)
        assert get(port, "/readyz").json()["detail"] == "workers keep dying"
        text = get(port, "/metrics").text
        assert requests + "5.0" in text, "what the dead have counted is still there"
        assert "unrolled_worker_restarts_total 4.0" in text
        log = one.log.read_text()
        assert log.count("ended after") == 4
        assert "the next one starts in 0.8 s" in log  # after 0.0, 0.2, 0.4
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(PATIENCE) == 0


def test_metrics_of_several_workers_are_one_truth(notebook_folder: Path, tmp_path: Path) -> None:
    settings = {"workers": "3", "default_model": "notebook"}
    with session(notebook_folder.parent, tmp_path / "log", **settings) as one:
        port = port_of(one)
        with connected(port, 24):
            pass
        count = 'unrolled_requests_total{route="/v1/predict",status="200",model="notebook"} 24.0'
        assert [count in get(port, "/metrics").text for _ in range(12)] == [True] * 12
        assert "unrolled_processes 4.0" in get(port, "/metrics").text


def test_the_log_has_one_time_format_no_probes_and_no_forged_lines(tmp_path: Path) -> None:
    models = tmp_path / "models"
    write_folder(models / "one")
    write_folder(models / "bad\n2026-01-01 INFO forged \x1b[31m")
    log = tmp_path / "log"
    for form in ("console", "json"):
        with session(models, log, log_format=form) as one:
            port = port_of(one)
            assert get(port, "/readyz").status_code == 200
            assert get(port, "/v1/models").status_code == 200
            assert get(port, "/%1b%c2%9b%e2%80%a8%e2%80%aeé").status_code == 404
            one.process.send_signal(signal.SIGTERM)
            assert one.process.wait(PATIENCE) == 0
        lines = log.read_text().splitlines()
        assert all(map(str.isprintable, log.read_text().split("\n")))
        times = [json.loads(line)["time"] if form == "json" else line.split()[0] for line in lines]
        assert all(len(when) == len("2026-11-26T20:55:32.922+00:00") for when in times)
        assert sum("/v1/models" in line for line in lines) == 1
        assert not any("/readyz" in line for line in lines)
        assert any("models are read from" in line and str(models) in line for line in lines)


# A service that waits for its standard input between its last look at the port and closing it.
PAUSED = """
import sys
import app.server
from app.cli import app as command_line

class Paused(app.server.Server):
    async def main_loop(self):
        await super().main_loop()
        print("closing", flush=True)
        sys.stdin.readline()

app.server.Server = Paused
command_line(["serve"])
"""


def test_who_connects_before_the_port_is_closed_is_answered(
    notebook_folder: Path, tmp_path: Path
) -> None:
    """Nobody has accepted them: with the port, the kernel would reset their connections."""
    settings = {"PORT": "0", "MODELS_DIR": str(notebook_folder.parent)}
    log = tmp_path / "log"
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", PAUSED],
            env={**os.environ, **{f"UNROLLED_{name}": value for name, value in settings.items()}},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = port_of(Session(process, log, wrapped=False))
            process.send_signal(signal.SIGTERM)
            assert process.stdout.readline() == b"closing\n"
            with ExitStack() as stack:
                late = [
                    stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
                    for _ in range(8)
                ]
                for stream in late:
                    stream.sendall(REQUEST)
                address = "127.0.0.1", port
                quiet = stack.enter_context(socket.create_connection(address, PATIENCE))
                before = time.monotonic()
                process.stdin.write(b"\n")
                process.stdin.flush()
                for stream in late:
                    head, _ = answer(stream)
                    assert head.startswith(b"HTTP/1.1 200 ")
                    assert b"connection: close" in head.lower()
                assert quiet.recv(1) == b""
                assert time.monotonic() - before >= 1  # a request might have been on its way
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def test_who_connects_for_ever_does_not_keep_the_port_from_being_closed() -> None:
    class Busy(socket.socket):
        accepted = 0

        def accept(self) -> tuple[socket.socket, object]:
            self.accepted += 1
            if self.accepted == 2:
                raise ConnectionAbortedError  # one that has left meanwhile
            return self, None

    with Busy() as listener:
        assert len([*_waiting(listener)]) == BACKLOG  # and one is in the kernel's hand
        assert listener.accepted == BACKLOG + 1
