"""A model file of Keras, `.keras` or the older `.h5` -> the network, and a vocabulary inside it."""

from pathlib import Path

from app.errors import ArchiveError
from app.folder.files import open_file
from app.folder.keras import names
from app.folder.keras.container import parse_archive, read_bytes
from app.folder.keras.reader_process import weights_here
from app.folder.keras.topology import build_network
from app.importing.legacy import open_legacy
from app.importing.tokenizers import Kept
from app.importing.vectorization import take_out
from app.network import Network

_HDF5 = b"\x89HDF\r\n\x1a\n"


def read_source(path: Path) -> tuple[Network, Kept | None]:
    """Read a model file, whichever of the two it is.

    Raises ArchiveError, UnsupportedNetwork, or TokenizerError for the vocabulary inside.
    """
    if path.is_dir():
        raise ArchiveError(
            f"{path.name} is a folder, as tf.saved_model writes it: save the model as a .keras file"
        )
    try:
        with open_file(path) as file:
            begin = file.read(len(_HDF5))
    except OSError as error:
        raise ArchiveError(f"{path.name} cannot be read: {error.strerror}") from error
    return _read_legacy(path) if begin == _HDF5 else _read_archive(path)


def _read_legacy(path: Path) -> tuple[Network, Kept | None]:
    with open_legacy(path) as (config, version, weights):
        found = take_out(config, {})
        config = found[0] if found else config
        network = build_network(
            config, weights, keras_version=version, groups=names.by_name, vectors=True
        )
    return network, found[1] if found else None


def _read_archive(path: Path) -> tuple[Network, Kept | None]:
    archive = parse_archive(read_bytes(path), path.name)
    found = take_out(archive.config, archive.vocabularies)
    config = found[0] if found else archive.config
    with weights_here(archive.weights) as weights:
        network = build_network(config, weights, keras_version=archive.keras_version, vectors=True)
    return network, found[1] if found else None
