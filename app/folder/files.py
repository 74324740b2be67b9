"""The files of a model folder, opened without trust: regular files, and no more than was asked for.

A FIFO would keep its reader waiting for ever, and a device never ends. Links are followed: a folder
of links into a store is an ordinary way to deploy models.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_file(path: Path) -> BufferedReader:
    """Open for reading. Raises OSError, also where this is not a regular file."""
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is not a regular file")
    return file


def read_file(path: Path, largest: int) -> bytes:
    """The content of a file of at most `largest` bytes, refused by its size. Raises OSError."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > largest:
            raise OSError(errno.EFBIG, f"it is larger than {largest} bytes")
        return file.read(size)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
