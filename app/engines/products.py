"""Products of a few rows and a large kernel: most of what a prediction costs.

BLAS is made for large matrices. Before it multiplies, it copies the whole kernel into an order of
its own, which for a few rows takes longer than to multiply. OpenBLAS leaves that out where both
matrices are small and the processor has AVX-512. So the product is made of small ones there: of
tiles, up to 32 rows by as many columns as OpenBLAS still calls small, from a kernel whose columns
lie in one piece each (the other order needs the copy). Elsewhere it is made at once, from a kernel
whose rows do. What pays on this machine is measured, once, when the first network is loaded.

Shapes: B rows, F input features, H columns.
"""

import timeit
from functools import cache

import numpy as np

from app.network import Floats

_FEW_ROWS = 4
_LARGE = 1 << 14  # elements of a kernel
_ROWS = 32  # of a tile; whatever their number, it is as fast as the arithmetic
_MOST_ROWS = 128  # above, the copy does not matter any more
_CELLS = 1024  # results of a tile: OpenBLAS's limit is 1,200
_MULTIPLICATIONS = 1_000_000  # of a tile: OpenBLAS's limit
_VECTOR = 16  # float32 numbers in a register


def arranged(kernel: Floats) -> Floats:
    """The same [F, H], in the order in memory that `product` is fastest with; a copy if need be."""
    if kernel.size >= _LARGE and tiles_pay():
        return np.asfortranarray(kernel)
    return np.ascontiguousarray(kernel)


def product(x: Floats, kernel: Floats) -> Floats:
    """x·kernel: [B, F], [F, H] -> [B, H], a new array. The kernel is an `arranged` one."""
    if len(x) == 1 or kernel.size < _LARGE:
        return _at_once(x, kernel)
    if kernel.flags.c_contiguous:
        return _row_by_row(x, kernel) if len(x) <= _FEW_ROWS else _at_once(x, kernel)
    return _in_tiles(x, kernel.T) if len(x) <= _MOST_ROWS else _at_once(x, kernel)


@cache
def tiles_pay() -> bool:
    """Whether a product in tiles is faster on this machine, by a product of 16 rows."""
    rows = np.ones((16, 256), np.float32)
    columns = np.ones((1024, 256), np.float32)
    kernel = np.ascontiguousarray(columns.T)
    tiled, at_once = (
        min(timeit.repeat(way, number=1, repeat=7))
        for way in (lambda: _in_tiles(rows, columns), lambda: _at_once(rows, kernel))
    )
    return tiled < at_once


def _at_once(x: Floats, kernel: Floats) -> Floats:
    out: Floats = x @ kernel
    return out


def _row_by_row(x: Floats, kernel: Floats) -> Floats:
    """BLAS copies nothing for one row."""
    out = np.empty((len(x), kernel.shape[1]), np.float32)
    for row, into in zip(x, out, strict=True):
        np.matmul(row, kernel, out=into)
    return out


def _in_tiles(x: Floats, columns: Floats) -> Floats:
    """x·columnsᵀ: [B, F], [H, F] -> [B, H]."""
    H, F = columns.shape
    out = np.empty((len(x), H), np.float32)
    for start in range(0, len(x), _ROWS):
        rows, into = x[start : start + _ROWS], out[start : start + _ROWS]
        most = min(_CELLS // len(rows), _MULTIPLICATIONS // rows.size)
        width = max(_VECTOR, most // _VECTOR * _VECTOR)
        whole = H - H % width
        tiles = columns[:whole].reshape(-1, width, F)
        into_tiles = into[:, :whole].reshape(len(rows), -1, width)  # a view
        np.matmul(rows, tiles.transpose(0, 2, 1), out=into_tiles.transpose(1, 0, 2))
        np.matmul(rows, columns[whole:].T, out=into[:, whole:])
    return out
