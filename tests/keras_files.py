"""Small `.keras` files written by our own exporter, and ways to spoil them."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from app.folder.keras.write import write_network
from app.training.network.bptt import Unrolled
from app.training.network.conversion import network_of
from app.training.network.parameters import Shape, initialize

SHAPE = Shape(classes=6, embedding=3, units=4, layers=1, projection=3, tied=True)


def write_model(path: Path, shape: Shape = SHAPE, max_length: int = 3, seed: int = 0) -> Unrolled:
    """A sound archive of random weights; returns the network it holds."""
    net = Unrolled(shape, initialize(shape, np.random.default_rng(seed)))
    write_network(path, network_of("small", shape, net.parameters, max_length))
    return net


def write_folder(folder: Path, seed: int = 0) -> Path:
    """A sound model folder: two files, as a user of Keras would drop them in."""
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder / "model.keras", seed=seed)
    words = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
    (folder / "vocabulary.json").write_text(json.dumps(words))
    return folder


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def write_members(path: Path, members: dict[str, bytes], compression: int = 0) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def edit_config(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change config.json of an archive in place."""
    members = members_of(path)
    config = json.loads(members["config.json"])
    edit(config)
    write_members(path, {**members, "config.json": json.dumps(config).encode()})


def edit_weights(path: Path, edit: Callable[[h5py.File], None]) -> None:
    """Change model.weights.h5 of an archive in place."""
    members = members_of(path)
    image = io.BytesIO(members["model.weights.h5"])
    with h5py.File(image, "r+") as file:
        edit(file)
    write_members(path, {**members, "model.weights.h5": image.getvalue()})


def entry_of(config: dict[str, Any], class_name: str) -> dict[str, Any]:
    """A model's first layer of a class, as the configuration lists it."""
    layers = config["config"]["layers"]
    found: dict[str, Any] = next(one for one in layers if one["class_name"] == class_name)
    return found


def layer_of(config: dict[str, Any], class_name: str) -> dict[str, Any]:
    """The options of a model's first layer of a class."""
    options: dict[str, Any] = entry_of(config, class_name)["config"]
    return options
