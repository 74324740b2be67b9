"""The notebook replayed: every number it prints, from its text to its prediction."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.folder.read import load_model
from app.notebook import by_hand, count_vocabulary, one_hot, replay, sliding_window


def test_examples_vocabulary_and_labels_are_the_notebook_s() -> None:
    examples = sliding_window("This is an example")
    assert examples.phrases == ("this is", "is an")
    assert examples.labels == ("an", "example")
    vocabulary = count_vocabulary(examples)
    assert vocabulary.word_to_id == {"is": 1, "an": 2, "this": 3, "example": 4}
    assert one_hot(examples.labels, vocabulary).tolist() == [[0, 0, 1, 0, 0], [0, 0, 0, 0, 1]]


def test_the_hand_calculation_has_the_published_numbers(notebook_folder: Path) -> None:
    network = load_model(notebook_folder).network
    weights = [np.asarray(array) for layer in network.layers for array in layer.weights.values()]
    lines, p = by_hand([3, 1], weights)
    assert "-0.9999972" in lines[0]
    assert "-0.9945943" in lines[1]
    published = [0.01513512, 0.02723994, 0.46750897, 0.03055882, 0.45955703]
    assert p == pytest.approx(published, rel=1e-6)


@pytest.mark.tensorflow
def test_a_replay_prints_every_step_and_writes_a_model(
    keras: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replay(tmp_path / "mine", epochs=500)
    printed = capsys.readouterr().out
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
        np.testing.assert_allclose(by_hand(ids, loaded.get_weights())[1], answer, atol=1e-6)
    assert json.loads((tmp_path / "mine" / "model.json").read_text())["training"]["epochs"] == 500
