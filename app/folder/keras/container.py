"""The zip file, opened without trust.

Sizes are bounded before anything is read: a hostile file costs an error, not memory.
"""

import io
import json
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from app.errors import ArchiveError
from app.folder.files import open_file

WEIGHTS = "model.weights.h5"
_CONFIG, _METADATA = "config.json", "metadata.json"
_LARGEST = {_CONFIG: 4 << 20, _METADATA: 1 << 20, WEIGHTS: 2 << 30}  # bytes, inflated
LARGEST = sum(_LARGEST.values()) + (1 << 20)  # bytes of an archive, its own tables included
_LARGEST_RATIO = 200  # inflated to stored size; JSON of repeated layers reaches about 20
_LARGE = 64 << 20  # bytes; what inflates to more than this is weights, and they hardly compress
_LARGEST_RATIO_OF_LARGE = 4
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BEGIN = b"PK\x03\x04"  # of a zip file with a member in it
_MEMBER = b"PK\x01\x02"  # begins each entry of a zip file's table of contents
_MOST_MEMBERS = 100  # a few more than there are: weights may hold these four bytes by chance
_DEEPEST_JSON = 64


@dataclass(frozen=True, slots=True)
class Archive:
    """`config.json` as parsed, the bytes of the HDF5 file with the weights, and Keras's version."""

    config: dict[str, Any]
    weights: bytes
    keras_version: str = ""  # where the archive says which


def read_bytes(path: Path) -> bytes:
    """A `.keras` file as it is. Raises ArchiveError where its size or beginning says no."""
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST:
                raise ArchiveError(f"{path.name} is {size} bytes, more than {LARGEST}")
            if file.peek(len(_BEGIN))[: len(_BEGIN)] != _BEGIN:  # a hole need not be read
                raise ArchiveError(f"{path.name} is damaged, or not a .keras archive")
            return file.read(size)
    except FileNotFoundError:
        raise ArchiveError(f"{path.name} is missing") from None
    except OSError as error:
        raise ArchiveError(f"{path.name} cannot be read: {error.strerror}") from error


def parse_archive(content: bytes, name: str = "model.keras") -> Archive:
    """The bytes of a `.keras` file. Raises ArchiveError where it is not a sound archive."""
    config, weights, metadata = _read_members(content, name)
    version = _parse(_METADATA, metadata).get("keras_version")
    return Archive(_parse(_CONFIG, config), weights, version if isinstance(version, str) else "")


def _read_members(content: bytes, name: str) -> tuple[bytes, bytes, bytes]:
    _check_members(content)
    try:
        return _inflate(io.BytesIO(content), len(content))
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
        raise ArchiveError(f"{name} is damaged, or not a .keras archive") from error


def _check_members(content: bytes) -> None:
    """Refuse a million members, which `ZipFile` would read one and all."""
    if content.count(_MEMBER) > _MOST_MEMBERS:
        raise ArchiveError(f"the archive has more than {_MOST_MEMBERS} members")


def _inflate(file: BinaryIO, size: int) -> tuple[bytes, bytes, bytes]:
    with zipfile.ZipFile(file) as archive:
        members = _checked_members(archive.infolist(), size)
        metadata = archive.read(members[_METADATA]) if _METADATA in members else b"{}"
        return archive.read(members[_CONFIG]), archive.read(members[WEIGHTS]), metadata


def _checked_members(infos: list[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename
        if name.rstrip("/\\") == "assets" and not info.file_size:
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
    for name in (_CONFIG, WEIGHTS):
        if name not in members:
            raise ArchiveError(f"the archive has no {name}")
    return members


def _may_inflate_to(stored: int) -> int:
    return min(_LARGEST_RATIO * max(stored, 1), max(_LARGEST_RATIO_OF_LARGE * stored, _LARGE))


def _parse(member: str, content: bytes) -> dict[str, Any]:
    try:
        config = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{member} is not valid JSON") from error
    if not isinstance(config, dict):
        raise ArchiveError(f"{member} is not a JSON object")
    if _depth(config) > _DEEPEST_JSON:
        raise ArchiveError(f"{member} is nested too deeply")
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
