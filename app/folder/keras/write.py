"""A Network -> a `.keras` archive as Keras 3 writes it, without Keras.

A line of standard layers: `keras.models.load_model` opens it and answers the same.
"""

import io
import json
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from app.errors import UnsupportedNetwork
from app.folder.keras import names
from app.folder.keras.container import WEIGHTS
from app.layers import (
    Bidirectional,
    Dense,
    Elementwise,
    Embedding,
    Layer,
    Recurrent,
    ReversedEmbedding,
)
from app.network import Network

_KERAS_VERSION = "3.15.1"  # whose layout this is
_POLICY = {
    "module": "keras",
    "class_name": "DTypePolicy",
    "config": {"name": "float32"},
    "registered_name": None,
}


class _Line:
    """A functional model under construction: layers one after the other."""

    def __init__(self, timesteps: int | None, *, numbers: bool) -> None:
        """`numbers`: ids enter as numbers, [None, timesteps, 1], not through an embedding."""
        self.layers: list[dict[str, Any]] = []
        self.at = ("input", 0)
        self.shape: list[int | None] = [None, timesteps, *([1] if numbers else [])]
        dtype = "float32" if numbers else "int32"
        config = {"batch_shape": self.shape, "dtype": dtype, "sparse": False, "name": "input"}
        self._add(names.INPUT, config, [])

    def _add(self, class_name: str, config: dict[str, Any], nodes: list[Any]) -> None:
        self.layers.append(
            {
                "module": "keras.layers",
                "class_name": class_name,
                "config": config,
                "registered_name": None,
                "name": config["name"],
                "inbound_nodes": nodes,
            }
        )

    def _call(self, **kwargs: object) -> dict[str, Any]:
        tensor = {"shape": self.shape, "dtype": "float32", "keras_history": [*self.at, 0]}
        return {"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": kwargs}

    def add(self, layer: Layer, shape: list[int | None]) -> None:
        """Append a layer whose output has this shape."""
        config = {"name": layer.name, "trainable": True, "dtype": _POLICY, **_options(layer)}
        self._add(layer.class_name, config, [self._call()])
        self.layers[-1]["build_config"] = {"input_shape": self.shape}
        self.at, self.shape = (layer.name, 0), shape

    def call_reversed(self, name: str, classes: int) -> None:
        """Call an embedding that stands in the line already, as the output."""
        layer = next(one for one in self.layers if one["name"] == name)
        layer["inbound_nodes"].append(self._call(reverse=True))
        self.at, self.shape = (name, 1), [None, classes]


def write_network(path: Path | BinaryIO, network: Network, *, half: bool = False) -> None:
    """Write the archive; `half` stores the weights as float16, which Keras reads as float32.

    A TimeDistributed(Dense) is written as the Dense that computes the same, ReLU as an Activation.
    """
    network = replace(network, layers=tuple(map(_plain, network.layers)))
    metadata = {
        "keras_version": _KERAS_VERSION,
        "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S", time.gmtime()),
    }
    members = {
        "metadata.json": json.dumps(metadata).encode(),
        "config.json": json.dumps(_config(network)).encode(),
        WEIGHTS: _weights_file(network, np.float16 if half else np.float32),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)


def _plain(layer: Layer) -> Layer:
    if isinstance(layer, Dense):
        return replace(layer, class_name="Dense")
    if isinstance(layer, Elementwise) and layer.class_name != "Softmax":
        return replace(layer, class_name="Activation")
    return layer


def _config(network: Network) -> dict[str, Any]:
    line = _Line(network.max_length, numbers=not isinstance(network.layers[0], Embedding))
    sequences = True
    for layer in network.layers:
        if isinstance(layer, Recurrent | Bidirectional):
            sequences = layer.return_sequences
        if isinstance(layer, ReversedEmbedding):
            line.call_reversed(layer.name, layer.units)
        else:
            line.add(
                layer, [None, network.max_length, layer.units] if sequences else [None, layer.units]
            )
    model = {
        "name": network.name,
        "trainable": True,
        "layers": line.layers,
        "input_layers": ["input", 0, 0],
        "output_layers": [*line.at, 0],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": model,
        "registered_name": "Functional",
        "build_config": {"input_shape": None},
    }


def _options(layer: Layer) -> dict[str, object]:
    """A layer's options by Keras's names, but those that are Keras's defaults."""
    match layer:
        case Embedding():
            rows, columns = layer.embeddings.shape
            tied = {"tie_weights": True} if layer.class_name == "ReversibleEmbedding" else {}
            return {"input_dim": rows, "output_dim": columns, "mask_zero": layer.mask_zero, **tied}
        case Recurrent():
            return {**layer.options, "return_sequences": layer.return_sequences}
        case Bidirectional():
            backward = _part(layer.backward, layer.name, go_backwards=True)
            forward = _part(layer.forward, layer.name, go_backwards=False)
            return {"layer": forward, names.BACKWARD: backward, "merge_mode": layer.merge_mode}
        case Dense():
            use_bias = layer.bias is not None
            return {"units": layer.units, "activation": layer.activation, "use_bias": use_bias}
        case Elementwise(class_name="Softmax"):
            return {"axis": -1}
        case Elementwise(class_name="Activation"):
            return {"activation": layer.activation}
    raise UnsupportedNetwork(f"layer {layer.name!r} ({layer.class_name}) cannot be written")


def _part(layer: Recurrent, below: str, *, go_backwards: bool) -> dict[str, object]:
    """One of the two layers of a Bidirectional, as its options hold it."""
    name = layer.name.removeprefix(f"{below}/")
    config = {"name": name, "dtype": _POLICY, **_options(layer), "go_backwards": go_backwards}
    return {
        "module": "keras.layers",
        "class_name": layer.class_name,
        "config": config,
        "registered_name": None,
    }


def _weights_file(network: Network, dtype: type[np.floating[Any]]) -> bytes:
    layers = [layer for layer in network.layers if not isinstance(layer, ReversedEmbedding)]
    groups = names.by_class(layers)
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        for layer, group in zip(layers, groups, strict=True):
            for below, part in _parts(layer):
                for index, array in enumerate(part.weights.values()):
                    path = names.dataset(group + below, index)
                    file[path] = np.asarray(array).astype(dtype)
    return image.getvalue()


def _parts(layer: Layer) -> list[tuple[str, Layer]]:
    """What has weights in a layer, and where below the layer's group they lie."""
    match layer:
        case Recurrent():
            return [(names.CELL, layer)]
        case Bidirectional():
            readings = (names.FORWARD, layer.forward), (names.BACKWARD, layer.backward)
            return [(f"/{below}{names.CELL}", part) for below, part in readings]
    return [("", layer)]
