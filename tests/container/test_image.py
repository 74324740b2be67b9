"""The serving image, built and run for real with the `docker` command.

Skipped where there is no engine or no base image. `UNROLLED_DOCKER_BUILD_ARGS` goes to
`docker build`, such as `--network host` for an engine whose builds have no network of their own.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app import __version__

pytestmark = pytest.mark.container

ROOT = Path(__file__).parents[2]
BASE = "python:3.12-slim-bookworm"
IMAGE = "unrolled:under-test"
MOST_ADDED_BYTES = 160_000_000
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


@pytest.fixture(scope="module")
def image() -> str:
    if shutil.which("docker") is None:
        pytest.skip("no docker command")
    if not docker_can("info", timeout=20):
        pytest.skip("no Docker engine answers; DOCKER_HOST may name one")
    present = docker_can("image", "inspect", BASE, timeout=20)
    if not present and not docker_can("pull", BASE, timeout=180):
        pytest.skip(f"{BASE} is neither here nor to be pulled")
    arguments = shlex.split(os.environ.get("UNROLLED_DOCKER_BUILD_ARGS", ""))
    arguments += ("--build-arg", "REVISION=0123abc", "--build-arg", "SOURCE=https://example.org/")
    docker("build", *arguments, "--tag", IMAGE, ".", timeout=900)
    return IMAGE


class Container:
    """A running service."""

    def __init__(self, image: str, *options: str) -> None:
        self.name = docker(
            *("run", "--detach", "--publish", "127.0.0.1::8000", "--health-interval", "1s"),
            *(*HARDENED, *options, image),
        )
        host, port = docker("port", self.name, "8000/tcp").splitlines()[0].rsplit(":", 1)
        self.address = (host, int(port))
        self.http = httpx.Client(base_url=f"http://{host}:{port}")

    def inspect(self, template: str) -> str:
        return docker("inspect", "--format", template, self.name)

    def wait_until_healthy(self) -> None:
        for _ in range(240):
            status = self.inspect("{{.State.Health.Status}}")
            if status == "healthy":
                return
            running = self.inspect("{{.State.Running}}") == "true"
            assert running, docker("logs", self.name)
            assert status == "starting", self.inspect("{{json .State.Health}}")
            time.sleep(0.25)
        pytest.fail(f"not healthy after a minute: {self.inspect('{{json .State.Health}}')}")

    def is_ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def remove(self) -> None:
        self.http.close()
        docker("rm", "--force", "--volumes", self.name)


@pytest.fixture
def container(image: str) -> Iterator[Container]:
    running = Container(image)
    yield running
    running.remove()


def test_the_image_adds_at_most_160_mb_to_its_base(image: str) -> None:
    size, base = (int(docker("image", "inspect", "-f", "{{.Size}}", of)) for of in (image, BASE))
    assert size - base <= MOST_ADDED_BYTES


def test_the_image_has_neither_tensorflow_nor_anything_that_installs(image: str) -> None:
    found = docker("run", "--rm", image, "ls", "/opt/unrolled/lib/python3.12/site-packages").split()
    assert "numpy" in found
    assert not {"tensorflow", "keras", "pip", "pytest"} & set(found)
    for python in ("/opt/unrolled/bin/python", "/usr/local/bin/python3"):
        script = "from importlib.util import find_spec as f; print(f('pip'), f('ensurepip'))"
        assert docker("run", "--rm", image, python, "-c", script) == "None None"
    assert docker("run", "--rm", image, "sh", "-c", "command -v pip || echo none") == "none"


def test_the_models_lie_in_the_image_once(image: str) -> None:
    found = docker("run", "--rm", "--user", "0", image, "find", "/", "-name", "model.keras").split()
    assert sorted(found) == ["/models/english/model.keras", "/models/notebook/model.keras"]


def test_the_image_says_what_it_is(image: str) -> None:
    labels = json.loads(docker("image", "inspect", "-f", "{{json .Config.Labels}}", image))
    said = {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}
    assert said["version"] == __version__
    assert (said["revision"], said["source"]) == ("0123abc", "https://example.org/")
    assert said["licenses"] == "MIT"


def test_a_builder_that_makes_every_stage_makes_none_with_tensorflow() -> None:
    assert "training" not in (ROOT / "Dockerfile").read_text().replace("Dockerfile.training", "")


def test_the_health_check_fails_where_nothing_is_ready(image: str) -> None:
    check = json.loads(docker("image", "inspect", "-f", "{{json .Config.Healthcheck.Test}}", image))
    assert check[0] == "CMD"
    done = subprocess.run(
        ["docker", "run", "--rm", image, *check[1:]], capture_output=True, timeout=60
    )
    assert done.returncode == 1


def test_a_hardened_container_gets_healthy_and_predicts(container: Container) -> None:
    container.wait_until_healthy()
    answer = container.http.get("/v1/predict", params={"phrase": "this is", "model": "notebook"})
    assert answer.status_code == 200
    first, second = answer.json()["predictions"][:2]
    assert (first["word"], second["word"]) == ("an", "example")
    assert first["probability"] == pytest.approx(0.46750897, abs=1e-6)
    assert second["probability"] == pytest.approx(0.45955703, abs=1e-6)


def test_the_process_is_not_root_and_cannot_write(container: Container) -> None:
    container.wait_until_healthy()
    status = docker("exec", container.name, "cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert "0" not in fields["Uid"].split()
    assert int(fields["CapEff"], 16) == 0
    script = "touch /models/x 2>/dev/null || touch /opt/unrolled/x 2>/dev/null || echo refused"
    assert docker("exec", container.name, "sh", "-c", script) == "refused"


def test_a_request_in_flight_at_sigterm_is_answered_and_the_exit_code_is_0(
    container: Container,
) -> None:
    container.wait_until_healthy()
    body = json.dumps({"model": "notebook", "phrases": ["this is"] * 1000}).encode()
    head = (
        "POST /v1/predict/batch HTTP/1.1\r\nhost: test\r\nconnection: close\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(container.address, timeout=20) as connection:
        connection.sendall(head.encode() + body[:1000])
        assert container.is_ready()  # by now the service has read the head
        docker("kill", "--signal", "TERM", container.name)
        while container.is_ready():
            time.sleep(0.05)
        connection.sendall(body[1000:])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    status, _, rest = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 200 "), status
    assert [one["next_word"] for one in json.loads(rest)["results"]] == ["an"] * 1000
    assert docker("wait", container.name) == "0"


def test_a_mounted_model_of_two_files_is_served(image: str, tmp_path: Path) -> None:
    for name in ("model.keras", "vocabulary.json"):
        shutil.copy(ROOT / "models" / "notebook" / name, tmp_path)
        (tmp_path / name).chmod(0o644)
    tmp_path.chmod(0o755)
    running = Container(image, "--volume", f"{tmp_path}:/models/mine:ro")
    try:
        running.wait_until_healthy()
        listed = running.http.get("/v1/models").json()["data"]
        assert {"mine", "notebook"} <= {model["id"] for model in listed}
        answer = running.http.post("/v1/predict", json={"phrase": "this is", "model": "mine"})
        assert answer.json()["next_word"] == "an"
    finally:
        running.remove()
