"""The text that whole training runs are tested on."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.small_runs import LINES


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(LINES * 40) + "\n")
    return path


@pytest.fixture
def own_signal() -> Iterator[None]:
    """The command line changes what a broken pipe does to its process, here that of the tests."""
    before = signal.getsignal(signal.SIGPIPE)
    yield
    signal.signal(signal.SIGPIPE, before)
