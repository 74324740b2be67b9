"""The `docker` command, and containers of the image under test."""

import shlex
import subprocess
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
BASE = "python:3.12-slim-bookworm"
IMAGE = "unrolled:under-test"
HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL")


def docker(*arguments: str, timeout: float = 60) -> str:
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=timeout, cwd=ROOT
    )
    assert done.returncode == 0, f"docker {shlex.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def docker_can(*arguments: str, timeout: float) -> bool:
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


class Container:
    """A running service."""

    def __init__(self, image: str, *options: str) -> None:
        self.name = docker(
            *("run", "--detach", "--publish", "127.0.0.1::8000"),
            *("--health-interval", "1s", "--health-retries", "240"),  # of a machine that does more
            *(*HARDENED, *options, image),
        )
        host, port = docker("port", self.name, "8000/tcp").splitlines()[0].rsplit(":", 1)
        self.address = (host, int(port))
        self.http = httpx.Client(base_url=f"http://{host}:{port}")

    def inspect(self, template: str) -> str:
        return docker("inspect", "--format", template, self.name)

    def wait_until_healthy(self) -> None:
        for _ in range(960):
            status = self.inspect("{{.State.Health.Status}}")
            if status == "healthy":
                return
            running = self.inspect("{{.State.Running}}") == "true"
            assert running, docker("logs", self.name)
            assert status == "starting", self.inspect("{{json .State.Health}}")
            time.sleep(0.25)
        pytest.fail(f"not healthy after four minutes: {self.inspect('{{json .State.Health}}')}")

    def is_ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def remove(self) -> None:
        self.http.close()
        docker("rm", "--force", "--volumes", self.name)
