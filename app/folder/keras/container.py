"""The zip file, opened without trust.

Sizes are bounded before anything is read: a hostile file costs an error, not memory.
"""

import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from app.errors import ArchiveError
from app.folder.files import ZIP_BEGIN, open_file

WEIGHTS = "model.weights.h5"
CONFIG, _METADATA = "config.json", "metadata.json"
LARGEST_CONFIG = 4 << 20  # bytes
_LARGEST = {CONFIG: LARGEST_CONFIG, _METADATA: 1 << 20, WEIGHTS: 2 << 30}  # bytes, inflated
_VOCABULARY = re.compile(r"assets/[\w/]+/vocabulary\.txt")  # of TextVectorization and its like
_LARGEST_VOCABULARY = 16 << 20  # bytes
LARGEST = sum(_LARGEST.values()) + (1 << 20)  # bytes of an archive, its own tables included
_LARGEST_RATIO = 200  # inflated to stored size; JSON of repeated layers reaches about 20
_LARGE = 64 << 20  # bytes; what inflates to more than this is weights, and they hardly compress
_LARGEST_RATIO_OF_LARGE = 4
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_OF_AN_INITIALIZER = (
    ": a Constant initializer's numbers, mostly; `unrolled import` makes a model folder "
    "without them"
)
_MEMBER = b"PK\x01\x02"  # begins each entry of a zip file's table of contents
_MOST_MEMBERS = 100  # a few more than there are: weights may hold these four bytes by chance
_DEEPEST_JSON = 64


@dataclass(frozen=True, slots=True)
class Archive:
    """`config.json` as parsed, the bytes of the HDF5 file with the weights, and Keras's version."""

    config: dict[str, Any]
    weights: bytes
    keras_version: str = ""  # where the archive says which
    vocabularies: Mapping[str, bytes] = field(default_factory=dict)  # of layers of words, by path


def read_bytes(path: Path) -> bytes:
    """A `.keras` file as it is. Raises ArchiveError where its size or beginning says no."""
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST:
                raise ArchiveError(f"{path.name} is {size} bytes, more than {LARGEST}")
            if not file.peek(len(ZIP_BEGIN)).startswith(ZIP_BEGIN):  # a hole need not be read
                raise ArchiveError(f"{path.name} is damaged, or not a .keras archive")
            return file.read(size)
    except FileNotFoundError:
        raise ArchiveError(f"{path.name} is missing") from None
    except OSError as error:
        raise ArchiveError(f"{path.name} cannot be read: {error.strerror}") from error


def parse_archive(
    content: bytes, name: str = "model.keras", largest_config: int = LARGEST_CONFIG
) -> Archive:
    """The bytes of a `.keras` file. Raises ArchiveError where it is not a sound archive."""
    members = _read_members(content, name, {**_LARGEST, CONFIG: largest_config})
    version = parse_config(_METADATA, members.pop(_METADATA, b"{}")).get("keras_version")
    config, weights = parse_config(CONFIG, members.pop(CONFIG)), members.pop(WEIGHTS)
    return Archive(config, weights, version if isinstance(version, str) else "", members)


def _read_members(content: bytes, name: str, largest: Mapping[str, int]) -> dict[str, bytes]:
    _check_members(content)
    try:
        return _inflate(io.BytesIO(content), len(content), largest)
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


def _inflate(file: BinaryIO, size: int, largest: Mapping[str, int]) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        members = _checked_members(archive.infolist(), size, largest)
        return {name: archive.read(info) for name, info in members.items()}


def _checked_members(
    infos: list[zipfile.ZipInfo], size: int, largest: Mapping[str, int]
) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    there = {info.filename.replace("\\", "/") for info in infos}
    if there and there.isdisjoint((CONFIG, WEIGHTS)):
        if any(name.endswith("/data.pkl") for name in there):
            raise ArchiveError("it is what torch.save writes; networks of Keras alone are served")
        listed = ", ".join(sorted(there))
        raise ArchiveError(
            f"it is a zip file, of {listed!r:.80}, and no .keras archive: unpack it first"
        )
    for info in infos:
        name = info.filename.replace("\\", "/")  # some were written on Windows
        if name.split("/")[0] == "assets" and not info.file_size:
            continue
        most = _LARGEST_VOCABULARY if _VOCABULARY.fullmatch(name) else largest.get(name)
        if most is None:
            raise ArchiveError(
                f"the archive has a member {name!r:.80}, which does not belong there"
            )
        if name in members:
            raise ArchiveError(f"the archive has {name} twice")
        if info.file_size > most:
            why = _OF_AN_INITIALIZER if name == CONFIG else ""
            raise ArchiveError(f"{name} is {info.file_size} bytes, more than {most}{why}")
        if info.compress_type not in _COMPRESSIONS:
            raise ArchiveError(f"{name} is compressed with a method that is not read")
        # The stated size may be a lie; more than the archive it cannot be.
        if info.file_size > _may_inflate_to(min(info.compress_size, size)):
            raise ArchiveError(f"{name} would inflate {info.compress_size} bytes too far")
        members[name] = info
    for name in (CONFIG, WEIGHTS):
        if name not in members:
            raise ArchiveError(f"the archive has no {name}")
    return members


def _may_inflate_to(stored: int) -> int:
    return min(_LARGEST_RATIO * max(stored, 1), max(_LARGEST_RATIO_OF_LARGE * stored, _LARGE))


def parse_config(member: str, content: str | bytes) -> dict[str, Any]:
    """A JSON object of bounded depth; `member` names it in the ArchiveError that is raised."""
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
