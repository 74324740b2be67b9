"""Contestants as running processes, pinned to one core."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.contestants import Contestant, environment_of

_PATIENCE = 90  # seconds until the first answer


class DidNotStart(Exception):
    """A contestant gave no answer; the message has the end of what it printed."""


@dataclass(frozen=True)
class Running:
    """A contestant that answers at `url`. `started` is seconds until its first answer."""

    contestant: Contestant
    url: str
    pid: int
    started: float


@contextlib.contextmanager
def running(contestant: Contestant, core: int, phrase: str) -> Iterator[Running]:
    """Start a contestant, wait for its first answer, stop it and its children in the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [part.replace("{port}", str(port)) for part in contestant.command]
    with tempfile.TemporaryFile() as printed:
        begin = time.perf_counter()
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            env=environment_of(contestant, port),
            stdout=printed,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        try:
            url = f"http://127.0.0.1:{port}{contestant.path}"
            if not _answers(process, url, (contestant.body % phrase).encode()):
                printed.seek(0)
                raise DidNotStart(printed.read()[-300:].decode(errors="replace"))
            yield Running(contestant, url, process.pid, time.perf_counter() - begin)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _answers(process: "subprocess.Popen[bytes]", url: str, body: bytes) -> bool:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    deadline = time.perf_counter() + _PATIENCE
    while time.perf_counter() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.01)
    return False
