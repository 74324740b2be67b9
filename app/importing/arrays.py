"""NumPy's arrays and scalars inside pickles -> lists, texts and numbers. Nothing is called by name.

`np.save` of a dictionary, or of words as objects, is a pickle behind a header; and `np.unique`
gives words that are NumPy's own texts, which any pickle may have as keys. What a pickle says of an
array is a type, a shape and bytes, or the items themselves: numpy/_core/src/multiarray/methods.c.
"""

import io
import re
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.errors import TokenizerError

HOMES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")
NAMES = ("dtype", "ndarray", "_reconstruct", "scalar")
MAGIC = b"\x93NUMPY"
_OBJECTS = "O8"
_CODE = re.compile(r"[iufSU][0-9]{1,5}|b1|O8")
_ORDERS = ("<", ">", "|", "=")
# NumPy reads a header as Python's literals, and makes characters of any number.
_DAMAGE = (
    ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, OverflowError,
    SystemError, MemoryError, OSError, EOFError,
)  # fmt: skip


@dataclass(slots=True, eq=False)
class DType:
    """A type of items, by its code, such as "U9" or "i8"; in which order bytes lie comes later."""

    code: str
    order: str = "|"

    def build(self, state: Any) -> None:
        """Take the byte order out of its state. Raises ValueError."""
        if type(state) is not tuple or len(state) < 2 or state[1] not in _ORDERS:
            raise ValueError("a type of NumPy's is damaged")
        self.order = state[1]

    def items(self, content: Any) -> list[Any]:
        """Bytes as texts and numbers. Raises ValueError."""
        if self.code == _OBJECTS or type(content) is not bytes:
            raise ValueError("an array has no bytes")
        found: list[Any] = np.frombuffer(content, np.dtype(self.order + self.code)).tolist()
        return [item.decode() if isinstance(item, bytes) else item for item in found]


class Array(list[Any]):
    """An array of one dimension, or one object in none, as a list: filled once its state comes."""

    def build(self, state: Any) -> None:
        """Take the items out of its state. Raises ValueError."""
        match state:
            case (int(), tuple(shape), DType() as dtype, _, content) if len(shape) <= 1:
                items = content if dtype.code == _OBJECTS else dtype.items(content)
                if type(items) is list and len(items) == (shape[0] if shape else 1):
                    self[:] = items
                    return
        raise ValueError("an array is damaged, or has several dimensions")


def made(name: str, arguments: tuple[Any, ...]) -> Any:
    """What one of `NAMES` stands for with these arguments. Raises ValueError."""
    match name, arguments:
        case "dtype", (str(code), *_) if _CODE.fullmatch(code):
            return DType(code)
        case "_reconstruct", _:
            return Array()
        case "scalar", (DType() as dtype, content):
            (item,) = dtype.items(content)
            return item
    raise ValueError("NumPy's objects in it are none of words and numbers")


def read_npy(content: bytes, read_pickle: Callable[[bytes], Any]) -> Any:
    """The items of a `.npy` file, `read_pickle` reading objects. Raises TokenizerError."""
    file = io.BytesIO(content)
    try:
        major, _ = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0
        if major != 1:
            header = np.lib.format.read_array_header_2_0
        _, _, dtype = header(file)
        if dtype.hasobject:
            return read_pickle(content[file.tell() :])
        array = np.load(io.BytesIO(content), allow_pickle=False)
        if array.dtype.kind not in "US" or array.ndim != 1:
            raise TokenizerError("it is no array of texts in one dimension")
        return [word.decode() if isinstance(word, bytes) else word for word in array.tolist()]
    except _DAMAGE as error:
        raise TokenizerError(f"it is no sound .npy file: {error!s:.120}") from error
