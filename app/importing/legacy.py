"""Keras's older `.h5`: the configuration in an attribute, the weights in a group for each layer.

Attributes list the layers, and each layer's weights, in Keras's order, by which they are found.
`save_weights` wrote the same groups without the configuration, at the root; or those of a `.keras`
archive.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import h5py

from app.arrays import Floats
from app.errors import ArchiveError
from app.folder.files import read_file
from app.folder.keras.container import parse_config
from app.folder.keras.hdf5 import H5_ERRORS, StoredWeights
from app.folder.keras.names import BACKWARD, CELL, FORWARD, WRAPPED
from app.importing.cudnn import as_plain_weight, units_of
from app.importing.in_order import NONE, chosen

_LARGEST = 2 << 30  # bytes
_WEIGHTS = "model_weights/"
_TOO_OLD = ("0.", "1.")
_OF_A_CELL = 3  # weights: kernel, recurrent kernel, bias
_WITHIN_A_LAYER = (CELL.removeprefix("/"), WRAPPED.removeprefix("/"))


class LegacyWeights(StoredWeights):
    """The weights of a `.h5`: `place.Weights`, groups being those that `InOrder` makes of `layers`.

    `root` is the path before them, with its slash.
    """

    def __init__(self, file: h5py.File, size: int, root: str = _WEIGHTS) -> None:
        super().__init__(file, size)
        self._before = root
        every = self._texts(root.rstrip("/"), "layer_names")
        self._listed = [(one, found) for one in every if (found := self._weights_of(one))]
        self.layers = [layer for layer, _ in self._listed]  # that have weights

    def read(self, group: str, index: int, shape: tuple[int, ...], owner: str) -> Floats:
        """A group's weight, as `StoredWeights.read`; what cuDNN used is turned into Keras's own."""
        recurrent, bias = self._shape(group, 1), self._shape(group, 2)
        units = units_of(recurrent, bias)
        before = recurrent[1:] == (3 * units,) and index == 2 and len(shape) == 1
        if not units or before:  # a GRU that resets before is none of cuDNN's
            return super().read(group, index, shape, owner)
        stored = super().read(group, index, bias if index == 2 else shape, owner)
        return as_plain_weight(stored, index, shape, units)

    def _shape(self, group: str, index: int) -> tuple[int, ...]:
        paths = self._paths(group)
        try:
            found = self._follow(paths[index]) if len(paths) == _OF_A_CELL else None
        except H5_ERRORS:
            return ()
        return found.shape if isinstance(found, h5py.Dataset) else ()

    def count(self, group: str) -> int:
        """Weights of a group, 0 where there is no such group."""
        return len(self._paths(group))

    def _path(self, group: str, index: int) -> str:
        return self._paths(group)[index]

    def _paths(self, group: str) -> list[str]:
        number, *below = group.split("/")
        if number == NONE:
            return []
        layer, found = self._listed[int(number)]
        for part in below:
            half = len(found) // 2
            if part == FORWARD:
                found = found[:half]
            elif part == BACKWARD:
                found = found[half:]
            elif part not in _WITHIN_A_LAYER:  # a layer of a Sequential inside the model
                found = chosen(part, found, layer)
        return [f"{self._before}{layer}/{name}" for name in found]

    def _weights_of(self, layer: str) -> list[str]:
        return self._texts(f"{self._before}{layer}", "weight_names")

    def _texts(self, path: str, attribute: str) -> list[str]:
        """A list of texts; where it was too long for one attribute, Keras numbered its parts."""
        try:
            attributes = (self._follow(path) if path else self._file).attrs
            parts = takewhile(attributes.__contains__, (f"{attribute}{n}" for n in count()))
            named = [attribute] if attribute in attributes else list(parts)
            return [_text(one) for name in named for one in attributes[name]]
        except H5_ERRORS:
            return []


@contextmanager
def open_legacy(path: Path) -> Iterator[tuple[dict[str, Any], str, LegacyWeights]]:
    """The configuration, Keras's version and the weights of a `.h5`.

    Raises ArchiveError where it is no sound file, or holds no whole model.
    """
    with _opened(path) as (file, size):
        version = _attribute(file, "keras_version")
        if version.startswith(_TOO_OLD):
            raise ArchiveError(
                f"{path.name} was written by Keras {version:.20}, which had other options and "
                "other weights: Keras 2 reads it, and its model.save writes what can be imported"
            )
        yield _config(path, file), version, LegacyWeights(file, size)


@contextmanager
def open_weights_alone(path: Path) -> Iterator[StoredWeights]:
    """What `save_weights` wrote. Raises ArchiveError where it is no sound file."""
    with _opened(path) as (file, size):
        if "model_weights" in file:  # a whole model
            yield LegacyWeights(file, size)
        elif any(name.startswith("layer_names") for name in file.attrs):
            yield LegacyWeights(file, size, "")
        else:
            yield StoredWeights(file, size)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[h5py.File, int]]:
    try:
        image = read_file(path, _LARGEST)
    except OSError as error:
        raise ArchiveError(f"{path.name} cannot be read: {error.strerror}") from error
    try:
        file = h5py.File(h5py.h5f.open_file_image(image), "r")
    except H5_ERRORS as error:
        raise ArchiveError(f"{path.name} is not a sound HDF5 file") from error
    with file:
        yield file, len(image)


def _config(path: Path, file: h5py.File) -> dict[str, Any]:
    text = _attribute(file, "model_config")
    if not text:
        raise ArchiveError(
            f"{path.name} holds weights without the network they are of: save the whole model "
            "with model.save, or import what model.to_json() gives, with these as --weights"
        )
    return parse_config("model_config", text)


def _attribute(file: h5py.File, name: str) -> str:
    try:
        return _text(file.attrs[name]) if name in file.attrs else ""
    except H5_ERRORS as error:
        raise ArchiveError(f"the attribute {name} cannot be read") from error


def _text(value: Any) -> str:
    text = value.decode() if isinstance(value, bytes) else value
    if not isinstance(text, str):
        raise ValueError("an attribute is no text")
    return text
