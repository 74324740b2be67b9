"""The notebook replayed with Keras: every number it prints, from its text to its prediction."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli import app
from app.folder.read import load_model
from app.notebook.answer import by_hand


@pytest.mark.tensorflow
def test_a_replay_prints_every_step_and_writes_a_model(keras: Any, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["train", "--notebook", "--out", str(tmp_path / "mine")])
    assert told.exit_code == 0, told.output
    printed = told.output
    for line in (
        "text: 'This is an example'",
        "vocabulary: {'is': 1, 'an': 2, 'this': 3, 'example': 4}",
        "encoded documents: [[3, 1], [1, 2]]",
        "padded documents: [[3, 1], [1, 2]]",
        "one-hot labels: [[0, 0, 1, 0, 0], [0, 0, 0, 0, 1]]",
        "reshaped (batch, timesteps, features): (2, 2, 1)",
        "Total params: 13 ",
        "after 1500 epochs of this fit, 'is an' → example",
    ):
        assert line in printed
    model = load_model(tmp_path / "mine")
    loaded = keras.models.load_model(tmp_path / "mine" / "model.keras")
    for phrase, ids in (("this is", [3, 1]), ("is an", [1, 2])):
        answer = np.asarray(loaded(np.array(ids, "f").reshape(1, 2, 1)))[0]
        padded = model.pad(model.encode(phrase)).ids[None]
        np.testing.assert_allclose(model.engine.forward(padded).probabilities[0], answer, atol=1e-6)
        np.testing.assert_allclose(
            by_hand(ids, loaded.get_weights()).probabilities, answer, atol=1e-6
        )
    assert json.loads((tmp_path / "mine" / "model.json").read_text())["training"]["epochs"] == 500
