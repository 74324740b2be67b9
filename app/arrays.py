"""The arrays that everything computes with, and a matrix that lies in memory as an engine likes it.

Weights are float32, in any order in memory; an engine may keep a large one in blocks, which
`np.asarray` puts together again.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]
Context = tuple[int, ...]  # the ids whose timesteps are computed: padding only if it is not masked


class Matrix(Protocol):
    """A matrix that lies in memory as its engine likes it; `np.asarray` gives it as an array."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102 - as an array's
    @property
    def ndim(self) -> int: ...  # noqa: D102
    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def T(self) -> "Matrix": ...  # noqa: D102, N802
    def copy(self) -> Floats: ...  # noqa: D102
    def __array__(self, dtype: None = None, copy: bool | None = None) -> Floats: ...


Kernel = Floats | Matrix
