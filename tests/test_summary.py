"""Our summary against the one Keras prints of the same network."""

import re
from pathlib import Path
from typing import Any

import pytest

from app.archive import read_network
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


def facts(printed: str) -> tuple[list[tuple[str, ...]], list[str]]:
    """Rows of the table without its frame, and the totals."""
    rows = re.findall(r"^[│┃](.*)[│┃]$", printed, re.MULTILINE)
    cells = [tuple(cell.strip() for cell in re.split("[│┃]", row)) for row in rows]
    totals = re.findall(r"^ ((?:Total|Trainable|Non-trainable) params: .*)$", printed, re.MULTILINE)
    return cells, totals


@pytest.mark.parametrize("shipped", [True, False])
def test_the_table_is_keras_s(
    shipped: bool, notebook_folder: Path, tmp_path: Path, keras: Any
) -> None:
    path = notebook_folder / "model.keras" if shipped else tmp_path / "model.keras"
    if not shipped:
        stacked(keras, path)
    lines: list[str] = []
    model = keras.models.load_model(path, compile=False)
    model.summary(print_fn=lambda line, **_: lines.append(line))
    ours = summary(read_network(path), 2 if shipped else 7)
    assert facts(ours) == facts("\n".join(lines))
