"""The image, built once.

Skipped where there is no engine or no base image. `UNROLLED_DOCKER_BUILD_ARGS` goes to
`docker build`, such as `--network host` for an engine whose builds have no network of their own.
"""

import os
import shlex
import shutil
from collections.abc import Iterator

import pytest

from tests.container.engine import BASE, IMAGE, Container, docker, docker_can


@pytest.fixture(scope="session")
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


@pytest.fixture
def container(image: str) -> Iterator[Container]:
    running = Container(image)
    yield running
    running.remove()
