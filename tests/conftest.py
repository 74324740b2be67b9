"""What every test may need: the shipped notebook model, and Keras where it is installed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is first imported

import pytest
from hypothesis import settings
from starlette.testclient import TestClient

from app.folder.read import load_model
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings

# A shared machine may stop for a moment in the middle of an example.
settings.register_profile("unrolled", deadline=None)
settings.load_profile("unrolled")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

MODELS = Path(__file__).parent.parent / "models"


@pytest.fixture(autouse=True, scope="session")
def heeded_signals() -> None:
    """A shell has what it starts in the background ignore Ctrl-C, and all that is started there."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_signal() -> Iterator[None]:
    """The command line changes what a broken pipe does to its process, here that of the tests."""
    before = signal.getsignal(signal.SIGPIPE)
    yield
    signal.signal(signal.SIGPIPE, before)


@pytest.fixture(scope="session")
def notebook_folder() -> Path:
    return MODELS / "notebook"


@pytest.fixture(scope="session")
def keras() -> Any:
    return pytest.importorskip("keras", reason="TensorFlow is not installed")


@pytest.fixture(scope="session")
def repository(notebook_folder: Path) -> Repository:
    return Repository.of(load_model(notebook_folder))


@pytest.fixture(scope="session")
def client(repository: Repository) -> Iterator[TestClient]:
    """A client of the whole application with the notebook model, without a socket."""
    with TestClient(create_app(Settings(), repository), raise_server_exceptions=False) as client:
        yield client
