"""A pickled model of Keras -> the `.keras` archive in it. Nothing of the pickle is executed.

Since TensorFlow 2.12 a model's pickle, and joblib's, is the name of a function of Keras's and a
whole archive as one argument of it: keras/src/saving/keras_saveable.py. Its opcodes are read, and
the archive, which is data, is taken out.
"""

import pickletools
from collections.abc import Iterator
from pathlib import Path

from app.errors import ArchiveError
from app.folder.files import ZIP_BEGIN, read_file

_LARGEST = 2 << 30  # bytes
PICKLE = b"\x80"  # begins one of protocol 2 or later


def archive_in(path: Path) -> bytes:
    """The one archive in a pickle. Raises ArchiveError where there is none, or several."""
    try:
        found = list(_archives(read_file(path, _LARGEST)))
    except OSError as error:
        raise ArchiveError(f"{path.name} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ArchiveError(f"{path.name} is a damaged pickle: {error!s:.120}") from error
    if len(found) != 1:
        raise ArchiveError(
            f"{path.name} is a pickle that holds no .keras archive, as a model's of TensorFlow "
            "2.12 and later does: load it where it was made, and save it with model.save"
        )
    return found[0]


def _archives(content: bytes) -> Iterator[bytes]:
    for _, argument, _ in pickletools.genops(content):
        if isinstance(argument, bytes | bytearray) and argument.startswith(ZIP_BEGIN):
            yield bytes(argument)
