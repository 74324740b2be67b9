"""Our summary against the one Keras prints of the same network."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.folder.keras import read_network
from app.summary import summary

pytestmark = pytest.mark.tensorflow


def stacked(keras: Any, path: Path) -> None:
    layers = keras.layers
    keras.Sequential(
        [
            keras.Input((7,)),
            layers.Embedding(600, 3),
            layers.SimpleRNN(40, return_sequences=True),
            layers.SimpleRNN(20, name="second"),
            layers.Dense(30, "tanh", use_bias=False),
            layers.Dense(600, "softmax"),
        ],
        name="stacked",
    ).save(path)


def frozen(keras: Any, path: Path) -> None:
    layers = keras.layers
    embedding = layers.Embedding(600, 3, trainable=False)
    recurrent = layers.SimpleRNN(40, trainable=False)
    keras.Sequential(
        [keras.Input((7,)), embedding, recurrent, layers.Dense(600, "softmax")], name="frozen"
    ).save(path)


def facts(printed: str) -> tuple[list[tuple[str, ...]], list[str]]:
    """Rows of the table without its frame, and the totals."""
    rows = re.findall(r"^[│┃](.*)[│┃]$", printed, re.MULTILINE)
    cells = [tuple(cell.strip() for cell in re.split("[│┃]", row)) for row in rows]
    totals = re.findall(r"^ ((?:Total|Trainable|Non-trainable) params: .*)$", printed, re.MULTILINE)
    return cells, totals


@pytest.mark.parametrize("make", [None, stacked, frozen])
def test_the_table_is_keras_s(
    make: Callable[[Any, Path], None] | None, notebook_folder: Path, tmp_path: Path, keras: Any
) -> None:
    path = tmp_path / "model.keras" if make else notebook_folder / "model.keras"
    if make:
        make(keras, path)
    lines: list[str] = []
    model = keras.models.load_model(path, compile=False)
    model.summary(print_fn=lambda line, **_: lines.append(line))
    ours = summary(read_network(path), 7 if make else 2)
    assert facts(ours) == facts("\n".join(lines))


@pytest.mark.parametrize("tied", [True, False])
def test_an_embedding_that_is_called_twice_is_listed_once(
    tied: bool, tmp_path: Path, keras: Any
) -> None:
    layers = keras.layers
    embedding = layers.ReversibleEmbedding(600, 3, tie_weights=tied)
    start = keras.Input((7,))
    logits = embedding(layers.SimpleRNN(3)(embedding(start)), reverse=True)
    model = keras.Model(start, layers.Activation("softmax")(logits))
    model.save(tmp_path / "model.keras")
    cells, totals = facts(summary(read_network(tmp_path / "model.keras"), 7))
    parameters = 1800 if tied else 3600
    assert cells[1][1:] == ("(None, 600)", f"{parameters:,}")
    listed = [row[0].partition(" (")[2] for row in cells[1:]]
    assert listed == ["ReversibleEmbedding)", "SimpleRNN)", "Activation)"]
    assert totals[0].startswith(f"Total params: {model.count_params():,} ")
