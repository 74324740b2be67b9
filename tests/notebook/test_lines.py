"""What is downloaded: the NumPy program run, the folder opened, their answers beside ours."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.folder.read import load_model
from app.notebook.answer import run
from app.notebook.lines import numpy_lines, zipped_folder


def test_the_program_answers_as_the_network_does() -> None:
    answer = run("say \"hi\" ''' {x} \\ then say goodbye", 2, 3, 40, 7)
    asked = "\nimport sys\nfor phrase in sys.argv[1:]: print(*predict(phrase).tolist())"
    program = numpy_lines(answer).split('if __name__ == "__main__"')[0] + asked
    phrases = [guess.phrase for guess in answer.predictions]
    done = subprocess.run(
        [sys.executable, "-c", program, *phrases], capture_output=True, text=True, check=True
    )
    for line, guess in zip(done.stdout.splitlines(), answer.predictions, strict=True):
        ours = np.array(line.split(), np.float32)
        np.testing.assert_allclose(ours, guess.probabilities, atol=1e-7)


def test_it_runs_as_it_is() -> None:
    program = numpy_lines(run("This is an example", 2, 1, 10, 0))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.startswith("this is -> ")


def test_the_zip_is_a_folder_that_is_served(tmp_path: Path) -> None:
    answer = run("This is an example", 2, 3, 40, 7)
    zipfile.ZipFile(io.BytesIO(zipped_folder(answer))).extractall(tmp_path)
    model = load_model(tmp_path / "my-notebook")
    assert model.network.parameters == answer.parameters
    for guess in answer.predictions:
        ours = model.outputs(guess.phrase).probabilities
        np.testing.assert_allclose(ours, guess.probabilities, atol=1e-6)


def test_the_zip_needs_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks would have others wait for what is flushed to it."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("this disk cannot be written")

    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    monkeypatch.setattr(os, "fsync", refuse)
    archive = zipfile.ZipFile(io.BytesIO(zipped_folder(run("This is an example", 2, 1, 10, 0))))
    assert {one.external_attr >> 16 for one in archive.infolist()} == {0o644}
    card = json.loads(archive.read("my-notebook/model.json"))
    for name, digest in card["sha256"].items():
        content = archive.read(f"my-notebook/{name}")
        assert hashlib.sha256(content).hexdigest() == digest


@pytest.mark.tensorflow
def test_keras_opens_it_and_answers_the_same(keras: Any, tmp_path: Path) -> None:
    answer = run("This is an example", 2, 1, 40, 7)
    zipfile.ZipFile(io.BytesIO(zipped_folder(answer))).extractall(tmp_path)
    model = keras.models.load_model(tmp_path / "my-notebook" / "model.keras")
    x = np.array(answer.padded_docs, "f")[..., None]
    for guess, theirs in zip(answer.predictions, model.predict(x, verbose=0), strict=True):
        np.testing.assert_allclose(guess.probabilities, theirs, atol=1e-6)
