"""The zip file and the HDF5 file inside it, opened without trust.

Sizes are bounded before anything is read, a dataset is read only when its declared shape is the one
the configuration asks for, and only plain links are followed: a hostile file costs an error, not
memory. Weights lie in the HDF5 file as Keras writes them, one after the other and not compressed.
"""

import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from app.errors import ArchiveError
from app.files import open_file
from app.network import Floats

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_LARGEST = {_CONFIG: 4 << 20, _METADATA: 1 << 20, _WEIGHTS: 2 << 30}  # bytes, inflated
_LARGEST_RATIO = 200  # inflated to stored size; JSON of repeated layers reaches about 20
_LARGE = 64 << 20  # bytes; what inflates to more than this is weights, and they hardly compress
_LARGEST_RATIO_OF_LARGE = 4
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MEMBER = b"PK\x01\x02"  # begins each entry of a zip file's table of contents
_MOST_MEMBERS = 100  # a few more than there are: weights may hold these four bytes by chance
_DEEPEST_JSON = 64
# What h5py raises for a file that is not what it says it is.
_H5_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError)


class Weights:
    """The datasets of `model.weights.h5`, read one by one."""

    def __init__(self, file: h5py.File, size: int) -> None:
        self._file = file
        self._unread = size  # bytes of the file that no dataset has been read from

    def read(self, group: str, index: int, shape: tuple[int, ...], owner: str) -> Floats:
        """Dataset `group/index` as contiguous float32 of exactly this shape, all finite.

        `owner` names the weight in errors ("simple_rnn/kernel").
        """
        try:
            return self._read(f"{group}/{index}", shape, owner)
        except _H5_ERRORS as error:
            raise ArchiveError(f"{owner} cannot be read from {_WEIGHTS}") from error

    def count(self, group: str) -> int:
        """Datasets in a group, 0 where there is no such group."""
        try:
            found = self._follow(group)
            return len(found) if isinstance(found, h5py.Group) else 0
        except _H5_ERRORS:
            return 0

    def _read(self, path: str, shape: tuple[int, ...], owner: str) -> Floats:
        dataset = self._follow(path)
        if not isinstance(dataset, h5py.Dataset):
            raise ArchiveError(f"{owner} is missing from {_WEIGHTS}")
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
            raise ArchiveError(f"{owner} is stored in chunks, or compressed, inside {_WEIGHTS}")
        stored = dataset.id.get_storage_size()
        if stored != dataset.nbytes:
            raise ArchiveError(f"{owner} would inflate from {stored} to {dataset.nbytes} bytes")
        self._unread -= stored
        if self._unread < 0:  # several datasets in one place
            raise ArchiveError(f"{owner} would inflate: {_WEIGHTS} has fewer bytes than weights")

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
                raise ArchiveError(f"{_WEIGHTS} has a link at {path}, which is not followed")
            here = here[name]
        return here


def _shown(shape: tuple[int, ...] | None) -> str:
    return "(" + ", ".join(map(str, shape or ())) + ")"


@dataclass(frozen=True, slots=True)
class Archive:
    """`config.json` as parsed, and the weights."""

    config: dict[str, Any]
    weights: Weights


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a `.keras` file. Raises ArchiveError where it is not a sound archive."""
    config, image = _read_members(path)
    try:
        file = h5py.File(h5py.h5f.open_file_image(image), "r")
    except _H5_ERRORS as error:
        raise ArchiveError(f"{_WEIGHTS} is not a sound HDF5 file") from error
    with file:
        yield Archive(_parse(config), Weights(file, len(image)))


def _read_members(path: Path) -> tuple[bytes, bytes]:
    try:
        file = open_file(path)
    except FileNotFoundError:
        raise ArchiveError(f"{path.name} is missing") from None
    except OSError as error:
        raise ArchiveError(f"{path.name} cannot be read: {error.strerror}") from error
    try:
        with file:
            return _inflate(file, _checked_size(file))
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        ValueError,
        RuntimeError,  # an encrypted member
        NotImplementedError,  # a compression method of its own
        UnicodeDecodeError,
        OverflowError,
    ) as error:
        raise ArchiveError(f"{path.name} is damaged, or not a .keras archive") from error


def _checked_size(file: BinaryIO) -> int:
    """Bytes of the archive. Refuses a million members, which `ZipFile` would read one and all."""
    size = members = 0
    tail = b""
    while chunk := file.read(1 << 20):
        size += len(chunk)
        members += (tail + chunk).count(_MEMBER)
        tail = chunk[1 - len(_MEMBER) :]
    if members > _MOST_MEMBERS:
        raise ArchiveError(f"the archive has more than {_MOST_MEMBERS} members")
    return size


def _inflate(file: BinaryIO, size: int) -> tuple[bytes, bytes]:
    with zipfile.ZipFile(file) as archive:
        members = _checked_members(archive.infolist(), size)
        return archive.read(members[_CONFIG]), archive.read(members[_WEIGHTS])


def _checked_members(infos: list[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename
        if name == "assets/" and not info.file_size:
            continue
        if name not in _LARGEST:
            raise ArchiveError(
                f"the archive has a member {name!r:.80}, which does not belong there"
            )
        if name in members:
            raise ArchiveError(f"the archive has {name} twice")
        if info.file_size > _LARGEST[name]:
            raise ArchiveError(f"{name} is {info.file_size} bytes, more than {_LARGEST[name]}")
        if info.compress_type not in _COMPRESSIONS:
            raise ArchiveError(f"{name} is compressed with a method that is not read")
        # The stated size may be a lie; more than the archive it cannot be.
        if info.file_size > _may_inflate_to(min(info.compress_size, size)):
            raise ArchiveError(f"{name} would inflate {info.compress_size} bytes too far")
        members[name] = info
    for name in (_CONFIG, _WEIGHTS):
        if name not in members:
            raise ArchiveError(f"the archive has no {name}")
    return members


def _may_inflate_to(stored: int) -> int:
    return min(_LARGEST_RATIO * max(stored, 1), max(_LARGEST_RATIO_OF_LARGE * stored, _LARGE))


def _parse(content: bytes) -> dict[str, Any]:
    try:
        config = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{_CONFIG} is not valid JSON") from error
    if not isinstance(config, dict):
        raise ArchiveError(f"{_CONFIG} is not a JSON object")
    if _depth(config) > _DEEPEST_JSON:
        raise ArchiveError(f"{_CONFIG} is nested too deeply")
    return config


def _depth(value: object) -> int:
    level, depth = [value], 0
    while level and depth <= _DEEPEST_JSON:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth
