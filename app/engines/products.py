"""Products of a few rows and a large kernel: most of what a prediction costs.

BLAS is made for large matrices. Before it multiplies, it copies the whole kernel into an order of
its own, which for a few rows takes longer than to multiply. OpenBLAS leaves that out where the
matrices are small and the processor has AVX-512. So the product is made of small ones there: of a
few rows by 64 columns, whose part of the kernel lies in one piece. Elsewhere it is made at once.
What pays on this machine is measured, once, when the first network is loaded. It has to pay clearly
(with AVX-512 it takes less than half the time): of two ways that are as fast as each other one
process would take this and the next that, and the last digits of what they say would differ.

Shapes: B rows, F input features, H columns.
"""

import timeit
from functools import cache

import numpy as np

from app.arrays import Floats, Kernel
from app.engines.blocks import WIDTH, Blocks

_FEW_ROWS = 4
_MANY_ROWS = 64  # they are worth BLAS's copy of a block, and more than twice as fast
_LARGE = 1 << 14  # elements of a kernel
_MULTIPLICATIONS = 1_000_000  # of a small product: OpenBLAS's limit
_CLEARLY = 2 / 3  # of the time
_ROUNDS = 15  # of measuring both in turn: a busy machine is not busy in all of them


def arranged(kernel: Kernel) -> Kernel:
    """The same [F, H], in the order in memory that `product` is fastest with; a copy if need be."""
    if isinstance(kernel, Blocks):
        return kernel
    if kernel.size >= _LARGE and blocks_pay():
        return Blocks.of(np.asarray(kernel))
    return np.ascontiguousarray(kernel)


def product(x: Floats, kernel: Kernel) -> Floats:
    """x·kernel: [B, F], [F, H] -> [B, H], a new array. The kernel is an `arranged` one."""
    if isinstance(kernel, Blocks):
        return _in_blocks(x, kernel)
    if 1 < len(x) <= _FEW_ROWS and kernel.size >= _LARGE:
        return _row_by_row(x, kernel)  # type: ignore[arg-type] # an array, as `arranged` left it
    return _at_once(x, kernel)  # type: ignore[arg-type]


@cache
def blocks_pay() -> bool:
    """Whether a product in blocks is clearly faster on this machine, by one of 16 rows."""
    x = np.ones((16, 256), np.float32)
    kernel = np.ones((256, 1024), np.float32)
    blocks = Blocks.of(kernel)
    ways = (lambda: _in_blocks(x, blocks), lambda: _at_once(x, kernel))
    rounds = [[timeit.timeit(way, number=1) for way in ways] for _ in range(_ROUNDS)]
    in_blocks, at_once = np.min(rounds, axis=0)
    return bool(in_blocks < _CLEARLY * at_once)


def _at_once(x: Floats, kernel: Floats) -> Floats:
    out: Floats = x @ kernel
    return out


def _row_by_row(x: Floats, kernel: Floats) -> Floats:
    """BLAS copies nothing for one row."""
    out = np.empty((len(x), kernel.shape[1]), np.float32)
    for row, into in zip(x, out, strict=True):
        np.matmul(row, kernel, out=into)
    return out


def _in_blocks(x: Floats, kernel: Blocks) -> Floats:
    """x·kernel, as many rows at once as OpenBLAS still calls small, or very many, with one block
    after the other.

    Never one row: that is BLAS's product with a vector, and slower than this one of two.
    """
    (B, F), H = x.shape, kernel.columns
    if not B:
        return np.empty((0, H), np.float32)
    most = B if B >= _MANY_ROWS else max(2, _MULTIPLICATIONS // (F * WIDTH))
    groups = -(-B // most)
    rows = max(2, -(-B // groups))
    if groups * rows > B:
        x = np.concatenate([x, x[: groups * rows - B]])  # any rows: they are left out in the end
    whole = H // WIDTH
    out = np.empty((groups * rows, H), np.float32)
    by_block = out[:, : whole * WIDTH].reshape(groups, rows, whole, WIDTH).transpose(2, 0, 1, 3)
    np.matmul(x.reshape(groups, rows, F), kernel.blocks[:whole, np.newaxis], out=by_block)
    if rest := H % WIDTH:
        np.matmul(x, kernel.blocks[-1, :, :rest], out=out[:, whole * WIDTH :])
    return out[:B]
