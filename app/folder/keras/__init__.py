"""A `.keras` archive -> a Network. The archive is data: nothing in it is imported or called.

`container.py` opens the zip and `hdf5.py` the file with the weights inside it, `reader_process.py`
in a process of its own; they trust neither. `options.py` reads one layer's options, `layers.py` and
`recurrent.py` turn each into the layer it describes, and `topology.py` puts them in order.
`write.py` is the way back; `names.py` says where weights lie.
"""

from pathlib import Path

from app.folder.keras.container import parse_archive, read_bytes
from app.folder.keras.reader_process import weights_apart, weights_here
from app.folder.keras.topology import build_network
from app.network import Network


def read_network(path: Path, *, apart: bool = False) -> Network:
    """Read a network and its weights; `apart`, the weights by a process of their own, if it can be.

    Raises ArchiveError where the file is damaged or tries something an archive of weights should
    not, UnsupportedNetwork, naming the layer and the option, where it is outside the contract.
    """
    return parse_network(read_bytes(path), apart=apart, name=path.name)


def parse_network(content: bytes, *, apart: bool = False, name: str = "model.keras") -> Network:
    """The same from the bytes of the file."""
    archive = parse_archive(content, name)
    with weights_apart(archive.weights) if apart else weights_here(archive.weights) as weights:
        return build_network(archive.config, weights, keras_version=archive.keras_version)
