"""A client of the whole application with the notebook model, without a socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.repository import Repository, load_model
from app.settings import Settings


@pytest.fixture(scope="session")
def repository(notebook_folder: Path) -> Repository:
    return Repository.of(load_model(notebook_folder))


@pytest.fixture(scope="session")
def client(repository: Repository) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(), repository), raise_server_exceptions=False) as client:
        yield client
