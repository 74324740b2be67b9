"""A model file of Keras, `.keras` or the older `.h5` -> the network, and a vocabulary inside it.

Or two files, what `to_json()` gave and what `save_weights` wrote.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from app.errors import ArchiveError
from app.folder.files import (
    HDF5_BEGIN,
    LONGEST_BEGIN,
    ZIP_BEGIN,
    open_file,
    packed_by,
    read_file,
)
from app.folder.hints import import_command
from app.folder.keras import names
from app.folder.keras.container import parse_archive, parse_config, read_bytes
from app.folder.keras.place import Weights
from app.folder.keras.reader_process import weights_here
from app.folder.keras.topology import Groups, build_network
from app.importing.cudnn import as_plain_layers
from app.importing.in_order import InOrder
from app.importing.kept import Kept
from app.importing.legacy import LegacyWeights, open_legacy, open_weights_alone
from app.importing.pickled import PICKLE, archive_in
from app.importing.vectorization import take_out
from app.network import Network

_JSON = (b"{", b'"')  # an object, or a text that holds one
_LARGEST = 4 << 20  # bytes of an architecture
_LARGEST_CONFIG = 512 << 20  # bytes of one in an archive, with word vectors as an initializer
_FROM_ZERO = "stateful: every phrase begins with states of zeros, as after reset_states()"
_SAVED_MODEL = "where it was made, model.save('model.keras') writes the one file to import"


class Source(NamedTuple):
    """What model files hold: `inside` is a vocabulary, `said` sentences for a person."""

    network: Network
    inside: Kept | None
    said: tuple[str, ...]


def read_source(path: Path, weights: Path | None = None) -> Source:
    """Read a model file, whichever of the two it is, or an architecture and its `weights`.

    Raises ArchiveError, UnsupportedNetwork, or TokenizerError for the vocabulary inside.
    """
    if path.is_dir():
        raise ArchiveError(_no_file(path))
    try:
        with open_file(path) as file:
            begin = file.read(LONGEST_BEGIN)
    except OSError as error:
        raise ArchiveError(f"{path.name} cannot be read: {error.strerror}") from error
    if begin[:1] in _JSON:
        return _read_architecture(path, weights)
    if weights is not None:
        raise ArchiveError(f"{path.name} has weights of its own; --weights is for a to_json()")
    if begin.startswith(HDF5_BEGIN):
        return _read_legacy(path)
    if begin.startswith(PICKLE):
        return _read_archive(path, archive_in(path))
    if not begin.startswith(ZIP_BEGIN):
        raise ArchiveError(_no_model(path, begin))
    return _read_archive(path, read_bytes(path))


def _read_legacy(path: Path) -> Source:
    with open_legacy(path) as (config, version, weights):
        return _built(config, {}, weights, version)


def _no_file(folder: Path) -> str:
    if (folder / "saved_model.pb").exists():
        return f"{folder.name} is a folder, as tf.saved_model writes it: {_SAVED_MODEL}"
    command = import_command(folder)
    if command is None:
        return f"{folder.name} is a folder, in which no .h5 or .keras lies"
    return f"{folder.name} is a folder; name the files in it: {command}"


def _no_model(path: Path, begin: bytes) -> str:
    if packed := packed_by(begin):
        return f"{path.name} is packed by {packed}: unpack it first"
    if path.suffix == ".pb":
        return f"{path.name} is a part of a folder that tf.saved_model wrote: {_SAVED_MODEL}"
    return f"{path.name} is damaged, or neither a .keras archive nor HDF5"


def _read_archive(path: Path, content: bytes) -> Source:
    archive = parse_archive(content, path.name, _LARGEST_CONFIG)
    with weights_here(archive.weights) as weights:
        return _built(archive.config, archive.vocabularies, weights, archive.keras_version)


def _read_architecture(path: Path, weights: Path | None) -> Source:
    config = _architecture(path)
    if weights is None:
        raise ArchiveError(f"{path.name} is a network without its weights; name their --weights")
    version = str(config.get("keras_version", "3"))
    with open_weights_alone(weights) as stored:
        return _built(config, {}, stored, version)


def _built(
    config: dict[str, Any],
    vocabularies: Mapping[str, bytes],
    weights: Weights,
    version: str,
) -> Source:
    config = as_plain_layers(config)
    found = take_out(config, vocabularies)
    kept = found[0] if found else config
    read = _from_zero(kept)
    groups: Groups = names.by_class
    inside: Groups = names.by_class
    if isinstance(weights, LegacyWeights):
        order = InOrder(weights.layers)
        groups, inside = order.groups, order.inside
    network = build_network(
        read, weights, keras_version=version, groups=groups, inside=inside, vectors=True
    )
    return Source(network, found[1] if found else None, () if read == kept else (_FROM_ZERO,))


def _from_zero(value: Any) -> Any:
    """The same configuration without `stateful`: what Keras answers after reset_states()."""
    match value:
        case dict():
            return {
                key: False if key == "stateful" and one is True else _from_zero(one)
                for key, one in value.items()
            }
        case list():
            return [_from_zero(one) for one in value]
    return value


def _architecture(path: Path) -> dict[str, Any]:
    """What `to_json()` gave, encoded once or twice, or `get_config()`."""
    try:
        content = read_file(path, _LARGEST)
        text = json.loads(content) if content.startswith(b'"') else content
    except (OSError, ValueError) as error:
        raise ArchiveError(f"{path.name} is not valid JSON, or is too large") from error
    config = parse_config(path.name, text)
    if "layers" in config and "class_name" not in config:
        kind = "Functional" if "input_layers" in config else "Sequential"
        return {"class_name": kind, "config": config}
    return config
