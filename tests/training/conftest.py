"""The text that whole training runs are tested on."""

from pathlib import Path

import pytest

from tests.training.small_runs import LINES


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(LINES * 40) + "\n")
    return path
