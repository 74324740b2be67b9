"""A `.keras` archive -> a Network. The archive is data: nothing in it is imported or called.

`container.py` opens the zip and the HDF5 file inside it and trusts neither, `options.py` reads one
layer's options, `layers.py` turns each into the layer it describes, and `topology.py` puts them in
order; `apart.py` has all of that done by a process of its own.
"""

from pathlib import Path

from app.network import Network


def read_network(path: Path) -> Network:
    """Read a network and its weights.

    Raises ArchiveError where the file is damaged or tries something an archive of weights should
    not, UnsupportedNetwork, naming the layer and the option, where it is outside the contract.
    """
    # Only now: whoever reads apart does without h5py, which takes 10 MB.
    from app.archive.container import open_archive
    from app.archive.topology import build_network

    with open_archive(path) as archive:
        return build_network(archive.config, archive.weights)
