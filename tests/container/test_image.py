"""The serving image, built and run for real with the `docker` command."""

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from app import __version__
from tests.container.engine import BASE, ROOT, Container, docker

pytestmark = pytest.mark.container

MOST_ADDED_BYTES = 160_000_000


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
