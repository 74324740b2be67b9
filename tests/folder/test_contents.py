"""A folder's bytes: one digest of each file, and the fingerprint of all three."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from app.folder.contents import FILES, read_contents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree("models/notebook", tmp_path / "notebook"))


def test_digests_are_sha256sum_s(folder: Path) -> None:
    contents = read_contents(folder)
    asked = subprocess.run(
        ["sha256sum", *FILES], cwd=folder, check=True, capture_output=True, text=True
    )
    expected = tuple(line.split()[0] for line in asked.stdout.splitlines())
    assert contents.digests == expected
    assert contents.fingerprint() == hashlib.sha256("".join(expected).encode()).hexdigest()


@pytest.mark.parametrize("name", FILES)
def test_the_fingerprint_changes_with_every_file(folder: Path, name: str) -> None:
    before = read_contents(folder).fingerprint()
    with (folder / name).open("ab") as file:
        file.write(b" ")
    assert read_contents(folder).fingerprint() != before
