"""A matrix in blocks of columns: how a large kernel lies in memory where that pays (see
`engines/products.py`).

NumPy takes it for an array, and gets a copy: `np.asarray(kernel)`. Shapes: F rows, H columns.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDTH = 64  # columns of a block


@dataclass(frozen=True, eq=False)
class Blocks:
    """A matrix [F, H], or [H, F] if `transposed`, in blocks of 64 columns [ceil(H / 64), F, 64].

    The last block is filled up with zeros.
    """

    blocks: NDArray[np.float32]
    columns: int  # H
    transposed: bool = False

    @classmethod
    def of(cls, matrix: NDArray[np.float32]) -> "Blocks":
        """A copy of a matrix [F, H]."""
        F, H = matrix.shape
        blocks = np.zeros((-(-H // WIDTH), F, WIDTH), np.float32)
        for at, block in enumerate(blocks):
            columns = matrix[:, at * WIDTH : (at + 1) * WIDTH]
            block[:, : columns.shape[1]] = columns
        return cls(blocks, H)

    @property
    def T(self) -> "Blocks":  # noqa: N802 - as an array's
        """The same, transposed, without a copy."""
        return Blocks(self.blocks, self.columns, not self.transposed)

    @property
    def shape(self) -> tuple[int, int]:
        """(F, H), or (H, F) if transposed."""
        F, H = self.blocks.shape[1], self.columns
        return (H, F) if self.transposed else (F, H)

    @property
    def ndim(self) -> int:
        """2, as an array's."""
        return 2

    @property
    def size(self) -> int:
        """Numbers of the matrix."""
        return int(self.blocks.shape[1]) * self.columns

    def vectors(self, at: NDArray[np.intp]) -> NDArray[np.float32]:
        """Columns [N] of the matrix, or rows of the transposed one: [N, F], a new array."""
        block, inside = np.divmod(at, WIDTH)
        found: NDArray[np.float32] = self.blocks[block, :, inside]
        return found

    def __getitem__(self, rows: slice) -> NDArray[np.float32]:
        """Some rows, a new array in C order, without a copy of the others."""
        first, last, _ = rows.indices(self.shape[0])
        if self.transposed:
            return np.ascontiguousarray(self.vectors(np.arange(first, last)))
        return np.concatenate(self.blocks[:, first:last], axis=1)[:, : self.columns].copy()

    def __array__(self, dtype: None = None, copy: bool | None = None) -> NDArray[np.float32]:
        if copy is False:
            raise ValueError("a matrix in blocks has to be copied")
        return self.copy()

    def copy(self) -> NDArray[np.float32]:
        """The whole matrix, a new array in C order."""
        matrix = np.empty((self.blocks.shape[1], self.columns), np.float32)
        for at, block in enumerate(self.blocks):
            columns = matrix[:, at * WIDTH : (at + 1) * WIDTH]
            columns[:] = block[:, : columns.shape[1]]
        return np.ascontiguousarray(matrix.T) if self.transposed else matrix
