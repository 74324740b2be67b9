"""The yardstick: a network of the size of the English one, with random weights, as a model folder.

Embedding(10000, 256, mask_zero) → SimpleRNN(512) → Dense(256) → Dense(10000, softmax).
"""

import json
from pathlib import Path

import numpy as np

from app.folder.keras.write import write_network
from app.training.network.conversion import network_of
from app.training.network.parameters import Shape, initialize

CLASSES = 10_000
MAX_LENGTH = 20
SHAPE = Shape(classes=CLASSES, embedding=256, units=512, layers=1, projection=256, tied=False)


def write_yardstick(models: Path) -> Path:
    """Write the folder `models/yardstick`; words are w1 … w9999. Its weights are beside it."""
    return write_random(models, "yardstick", SHAPE)


def write_random(models: Path, name: str, shape: Shape) -> Path:
    """Write a folder with random weights; words are w1, w2 …"""
    folder = models / name
    folder.mkdir(parents=True, exist_ok=True)
    parameters = initialize(shape, np.random.default_rng(0))
    parameters["embeddings"] *= np.float32(20)  # so that phrases differ in their answers
    network = network_of(name, shape, parameters, MAX_LENGTH)
    write_network(folder / "model.keras", network)
    vocabulary = {f"w{number}": number for number in range(1, shape.classes)}
    (folder / "vocabulary.json").write_text(json.dumps(vocabulary))
    np.savez(models / f"{name}.npz", **parameters)  # type: ignore[arg-type] # for the peers
    return folder
