"""Trained parameters -> a `.keras` archive as Keras 3 writes it, without Keras.

A plain network of standard layers: `keras.models.load_model` opens it and answers the same.
"""

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from app.network import Floats
from app.training.network.parameters import Parameters, Shape

_KERAS_VERSION = "3.15.1"  # whose layout this is
_POLICY = {
    "module": "keras",
    "class_name": "DTypePolicy",
    "config": {"name": "float32"},
    "registered_name": None,
}
_Groups = dict[str, list[Floats]]


class _Line:
    """A functional model under construction: layers one after the other."""

    def __init__(self, timesteps: int) -> None:
        self.layers: list[dict[str, Any]] = []
        self.at = ("input", 0)
        self.shape: list[int | None] = [None, timesteps]
        config = {"batch_shape": self.shape, "dtype": "int32", "sparse": False, "name": "input"}
        self._add("InputLayer", config, [])

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

    def add(self, class_name: str, name: str, shape: list[int | None], **options: object) -> None:
        """Append a layer whose output has this shape."""
        config = {"name": name, "trainable": True, "dtype": _POLICY, **options}
        self._add(class_name, config, [self._call()])
        self.layers[-1]["build_config"] = {"input_shape": self.shape}
        self.at, self.shape = (name, 0), shape

    def call_reversed(self, name: str, classes: int) -> None:
        """Call an embedding that stands in the line already, as the output."""
        layer = next(one for one in self.layers if one["name"] == name)
        layer["inbound_nodes"].append(self._call(reverse=True))
        self.at, self.shape = (name, 1), [None, classes]


def write_keras_file(
    path: Path, name: str, shape: Shape, parameters: Parameters, max_length: int, *, half: bool
) -> None:
    """Write the archive; `half` stores the weights as float16, which Keras reads as float32."""
    config, groups = _describe(name, shape, parameters, max_length)
    metadata = {
        "keras_version": _KERAS_VERSION,
        "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S", time.gmtime()),
    }
    members = {
        "metadata.json": json.dumps(metadata).encode(),
        "config.json": json.dumps(config).encode(),
        "model.weights.h5": _weights_file(groups, np.float16 if half else np.float32),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)


def _describe(
    name: str, shape: Shape, parameters: Parameters, max_length: int
) -> tuple[dict[str, Any], _Groups]:
    T, columns = max_length, shape.columns
    line = _Line(T)
    table = {"input_dim": shape.classes, "output_dim": columns, "mask_zero": True}
    embedding = "ReversibleEmbedding" if shape.tied else "Embedding"
    group = "reversible_embedding" if shape.tied else "embedding"
    tied = {"tie_weights": True} if shape.tied else {}
    line.add(embedding, "embedding", [None, T, columns], **table, **tied)
    groups: _Groups = {f"{group}/vars": [parameters["embeddings"]]}
    for layer in range(shape.layers):
        sequences = layer < shape.layers - 1
        suffix = f"_{layer}" if layer else ""
        line.add(
            "SimpleRNN",
            f"simple_rnn{suffix}",
            [None, T, shape.units] if sequences else [None, shape.units],
            units=shape.units,
            activation="tanh",
            use_bias=True,
            return_sequences=sequences,
        )
        groups[f"simple_rnn{suffix}/cell/vars"] = [
            parameters[f"{part}_{layer}"] for part in ("kernel", "recurrent_kernel", "bias")
        ]
    if shape.projection:
        kernel = parameters["projection_kernel"]
        width = kernel.shape[1]
        line.add("Dense", "projection", [None, width], units=width, activation="linear")
        groups["dense/vars"] = [kernel, parameters["projection_bias"]]
    if shape.tied:
        line.call_reversed("embedding", shape.classes)
        line.add("Softmax", "softmax", [None, shape.classes], axis=-1)
    else:
        V = shape.classes
        line.add("Dense", "output", [None, V], units=V, activation="softmax")
        dense = "dense_1" if shape.projection else "dense"
        groups[f"{dense}/vars"] = [parameters["output_kernel"].T, parameters["output_bias"][:, 0]]
    model = {
        "name": name,
        "trainable": True,
        "layers": line.layers,
        "input_layers": ["input", 0, 0],
        "output_layers": [*line.at, 0],
    }
    config = {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": model,
        "registered_name": "Functional",
        "build_config": {"input_shape": None},
    }
    return config, groups


def _weights_file(groups: _Groups, dtype: type[np.floating[Any]]) -> bytes:
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        for group, arrays in groups.items():
            for index, array in enumerate(arrays):
                file[f"layers/{group}/{index}"] = array.astype(dtype)
    return image.getvalue()
