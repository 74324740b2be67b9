"""The HDF5 file inside an archive, opened without trust.

A dataset is read only when its declared shape is the one the configuration asks for, and only plain
links are followed. Weights lie there as Keras writes them, one after the other and not compressed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from app.arrays import Floats
from app.errors import ArchiveError
from app.folder.keras import names
from app.folder.keras.container import WEIGHTS

# What h5py raises for a file that is not what it says it is.
H5_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError)


class StoredWeights:
    """The datasets of `model.weights.h5`, read one by one: `place.Weights`."""

    def __init__(self, file: h5py.File, size: int) -> None:
        self._file = file
        self._unread = size  # bytes of the file that no dataset has been read from
        self._root, self._separator = _layout(file)

    def read(self, group: str, index: int, shape: tuple[int, ...], owner: str) -> Floats:
        """A group's weight of this number as contiguous float32 of exactly this shape, all finite.

        `owner` names the weight in errors ("simple_rnn/kernel").
        """
        try:
            return self._read(self._path(group, index), shape, owner)
        except H5_ERRORS as error:
            raise ArchiveError(f"{owner} cannot be read from {WEIGHTS}") from error

    def count(self, group: str) -> int:
        """Weights of a group, 0 where there is no such group."""
        try:
            found = self._follow(names.variables(self._laid_out(group)))
            return len(found) if isinstance(found, h5py.Group) else 0
        except H5_ERRORS:
            return 0

    def _path(self, group: str, index: int) -> str:
        return names.dataset(self._laid_out(group), index)

    def _laid_out(self, group: str) -> str:
        return names.laid_out(group, self._root, self._separator)

    def _read(self, path: str, shape: tuple[int, ...], owner: str) -> Floats:
        dataset = self._follow(path)
        if not isinstance(dataset, h5py.Dataset):
            raise ArchiveError(f"{owner} is missing from {WEIGHTS}")
        if dataset.shape != shape:
            raise ArchiveError(
                f"{owner} has shape {_shown(dataset.shape)}, "
                f"but the configuration asks for {_shown(shape)}"
            )
        if dataset.dtype.kind != "f" or dataset.dtype.itemsize not in (2, 4, 8):
            raise ArchiveError(f"{owner} is stored as {dataset.dtype}, not as floats")
        self._check_storage(dataset, owner)
        with np.errstate(over="ignore"):  # float64 beyond float32 becomes infinite
            values = np.ascontiguousarray(dataset[()], np.float32)
        if not np.isfinite(values).all():
            raise ArchiveError(f"{owner} has values that are not finite")
        return values

    def _check_storage(self, dataset: h5py.Dataset, owner: str) -> None:
        if dataset.is_virtual or dataset.external:
            raise ArchiveError(f"{owner} points outside the archive")
        if dataset.chunks is not None:
            raise ArchiveError(f"{owner} is stored in chunks, or compressed, inside {WEIGHTS}")
        stored = dataset.id.get_storage_size()
        if stored != dataset.nbytes:
            raise ArchiveError(f"{owner} would inflate from {stored} to {dataset.nbytes} bytes")
        self._unread -= stored
        if self._unread < 0:  # several datasets in one place
            raise ArchiveError(f"{owner} would inflate: {WEIGHTS} has fewer bytes than weights")

    def _follow(self, path: str) -> Any:
        """Walk from the root through hard links alone."""
        here: Any = self._file
        for name in path.split("/"):
            if not isinstance(here, h5py.Group):
                return None
            link = here.get(name, getlink=True)
            if link is None:
                return None
            if not isinstance(link, h5py.HardLink):
                raise ArchiveError(f"{WEIGHTS} has a link at {path}, which is not followed")
            here = here[name]
        return here


def _layout(file: h5py.File) -> tuple[str, str]:
    """The root and the separator of the groups, as the release that wrote the file had them."""
    try:
        keys = [key for key in file if isinstance(key, str)]  # bytes, where it is not UTF-8
    except H5_ERRORS as error:
        raise ArchiveError(f"{WEIGHTS} is not a sound HDF5 file") from error
    for root in names.ROOTS:
        if root in keys:
            return root, "/"
        if any(key.startswith(f"{root}\\") for key in keys):  # written on Windows
            return root, "\\"
    return names.ROOTS[0], "/"


def _shown(shape: tuple[int, ...] | None) -> str:
    return "(" + ", ".join(map(str, shape or ())) + ")"


@contextmanager
def open_weights(image: bytes) -> Iterator[StoredWeights]:
    """Open the bytes of an HDF5 file. Raises ArchiveError where it is not a sound one."""
    try:
        file = h5py.File(h5py.h5f.open_file_image(image), "r")
    except H5_ERRORS as error:
        raise ArchiveError(f"{WEIGHTS} is not a sound HDF5 file") from error
    with file:
        yield StoredWeights(file, len(image))
