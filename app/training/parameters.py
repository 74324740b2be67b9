"""The parameters of a trainable network: their sizes, names, and where they start.

Shapes: V classes, E embedding size, H units, P projection size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.network import Floats

_EMBEDDING = 0.05  # fresh embeddings lie between minus and plus this
_MEMORY = 0.5  # how loud the word before is heard at the start, beside the last one
_STATE = 0.63  # standard deviation of tanh(z) for z of variance 1

Parameters = dict[str, Floats]
# A row a word: their gradients are rows, those of all others whole arrays.
TABLES = frozenset({"embeddings", "output_kernel", "output_bias"})


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a trainable network. `projection` 0 means none; tied needs one."""

    classes: int
    embedding: int
    units: int
    layers: int
    projection: int
    tied: bool

    @property
    def columns(self) -> int:
        """Embedding columns: a tied one has one more, which carries the output bias."""
        return self.embedding + self.tied


def initialize(shape: Shape, rng: np.random.Generator) -> Parameters:
    """Fresh parameters: small uniform embeddings, kernels that give every unit an input of
    variance 1, and recurrent kernels that are half an orthogonal matrix.

    Embeddings are small for the output's sake; with Glorot's kernels their words would barely be
    heard beside the recurrent state, and learning to hear them takes longer than all the rest. A
    whole orthogonal matrix would hear the first word as loud as the last.
    """
    uniform = rng.uniform(-_EMBEDDING, _EMBEDDING, (shape.classes, shape.columns))
    parameters = {"embeddings": uniform}
    if shape.tied:
        uniform[:, -1] = 0.0
    features, deviation = shape.columns, _EMBEDDING / np.sqrt(3)
    for layer in range(shape.layers):
        square = rng.standard_normal((shape.units, shape.units))
        scale = 1 / (deviation * np.sqrt(features))
        parameters[f"kernel_{layer}"] = scale * rng.standard_normal((features, shape.units))
        parameters[f"recurrent_kernel_{layer}"] = _MEMORY * np.linalg.qr(square)[0]
        parameters[f"bias_{layer}"] = np.zeros(shape.units)
        features, deviation = shape.units, _STATE
    if shape.projection:
        width = shape.columns if shape.tied else shape.projection
        parameters["projection_kernel"] = _glorot(rng, features, width)
        parameters["projection_bias"] = np.zeros(width)
        features = width
    if shape.tied:
        parameters["projection_kernel"][:, -1] = 0.0
        parameters["projection_bias"][-1] = 1.0
    else:
        parameters["output_kernel"] = _glorot(rng, features, shape.classes).T  # [V, P]
        parameters["output_bias"] = np.zeros((shape.classes, 1))
    return {name: np.ascontiguousarray(p, np.float32) for name, p in parameters.items()}


def _glorot(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    limit = np.sqrt(6.0 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))
