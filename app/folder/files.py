"""The files of a model folder, opened without trust: regular files, and no more than was asked for.

A FIFO would keep its reader waiting for ever, and a device never ends. Links are followed: a folder
of links into a store is an ordinary way to deploy models.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

# What lies where a file should, after a clone or a download that went wrong.
_IN_ITS_PLACE = {
    (b"version https://git-lfs",): "a Git LFS pointer, not the file: git lfs pull fetches it",
    (b"<!doctype html", b"<html"): "a web page, not the file: download it again, as raw",
}
_BEGIN = 200  # bytes

HDF5_BEGIN = b"\x89HDF\r\n\x1a\n"  # of a file of weights, and of a .h5
ZIP_BEGIN = b"PK\x03\x04"  # of one with a member in it, such as a .keras
GZIP_BEGIN = b"\x1f\x8b"
LONGEST_BEGIN = 300  # bytes, by which any of these is known
_PACKED = {  # where in a file, and what stands there
    "gzip": (0, GZIP_BEGIN),
    "tar": (257, b"ustar"),
    "zip": (0, ZIP_BEGIN),
    "7z": (0, b"7z\xbc\xaf\x27\x1c"),
    "bzip2": (0, b"BZh"),
    "xz": (0, b"\xfd7zXZ\x00"),
    "RAR": (0, b"Rar!"),
}


def packed_by(content: bytes) -> str | None:
    """What a file, of which this is the beginning at least, was packed with; None for no known."""
    return next((by for by, (at, what) in _PACKED.items() if content.startswith(what, at)), None)


def resolved(path: Path) -> Path:
    """Where a path leads. `Path.resolve` raises RuntimeError where links lead in a circle."""
    return Path(os.path.realpath(path))


def is_folder(path: Path) -> bool:
    """Whether a path leads to a folder. Raises OSError where nobody can tell."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return False
        raise


def open_file(path: Path) -> BufferedReader:
    """Open for reading. Raises OSError, also where this is not a regular file, or is not the file
    that it stands for.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes it
    try:
        _check(file)
    except OSError:
        file.close()
        raise
    return file


def _check(file: BufferedReader) -> None:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    if not status.st_size:
        raise OSError(errno.EINVAL, "it is empty")
    begin = file.peek(_BEGIN)[:_BEGIN].lstrip().lower()
    for beginnings, what in _IN_ITS_PLACE.items():
        if begin.startswith(beginnings):
            raise OSError(errno.EINVAL, f"it is {what}")


def read_file(path: Path, largest: int) -> bytes:
    """The content of a file of at most `largest` bytes, refused by its size. Raises OSError."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > largest:
            raise OSError(errno.EFBIG, f"it is larger than {largest} bytes")
        return file.read(size)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
