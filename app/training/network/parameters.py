"""The parameters of a trainable network: their sizes, names, and where they start.

Shapes: V classes, E embedding size, H units, P projection size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.arrays import Floats

_EMBEDDING = 0.05  # fresh embeddings lie between minus and plus this
_MEMORY = 0.5  # how loud the word before is heard at the start, beside the last one
_STATE = 0.63  # standard deviation of tanh(z) for z of variance 1
_FADING = 5.0, 150.0  # words after which the fastest and the slowest slow unit has forgotten 63 %
_QUIET = 0.5  # standard deviation of a slow unit's state at the start: tanh hardly bends there

Parameters = dict[str, Floats]
# A row a word: their gradients are rows, those of all others whole arrays.
TABLES = frozenset({"embeddings", "output_kernel", "output_bias"})


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a trainable network. `projection` 0 means none; tied needs one.

    The first `slow` units of each layer keep what they are given and let it fade, each at a pace of
    its own: h_t = tanh(x_t·W + α·h_{t-1} + b), where α is never learnt and the other units are not
    heard. What a training step has no time to learn, a memory of many words, is there from the
    start (Mikolov et al. 2014, whose context units are such; theirs have one α and no tanh).
    """

    classes: int
    embedding: int
    units: int
    layers: int
    projection: int
    tied: bool
    slow: int = 0

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
        quieten(parameters[f"kernel_{layer}"], shape.slow)
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
    found = {name: np.ascontiguousarray(p, np.float32) for name, p in parameters.items()}
    keep_fading(found, shape)
    return found


def fading(slow: int) -> NDArray[np.float64]:
    """α of each slow unit: exp(-1) is left after as many words as `_FADING` has it, about."""
    alphas: NDArray[np.float64] = 1 - 1 / np.geomspace(*_FADING, slow)
    return alphas


def quieten(kernel: Floats | NDArray[np.float64], slow: int) -> None:
    """Let, in place, the input of each slow unit be so small that their sum is not a loud one.

    The sum of what fades by α has the variance of one input by 1 / (1 - α²).
    """
    kernel[:, :slow] *= _QUIET * np.sqrt(1 - np.square(fading(slow)))


def slow_units(recurrent_kernel: Floats) -> int:
    """How many units of a trained layer are slow ones, by its recurrent kernel [H, H]."""
    own = np.diag(recurrent_kernel)
    alone = np.count_nonzero(recurrent_kernel, axis=0) == 1  # [H]
    slow = len(own) if alone.all() else int(np.argmin(alone))
    return slow if np.allclose(own[:slow], fading(slow), rtol=0, atol=1e-3) else 0


def keep_fading(parameters: Parameters, shape: Shape) -> None:
    """Set, in place, what the slow units hear of the state before: α times themselves alone."""
    for layer in range(shape.layers if shape.slow else 0):
        heard = parameters[f"recurrent_kernel_{layer}"][:, : shape.slow]
        heard[:] = 0.0
        np.fill_diagonal(heard, fading(shape.slow))


def between(start: Parameters, end: Parameters, share: float) -> Parameters:
    """The weights between two networks of one shape, `share` of the way back from the end."""
    some = np.float32(share)
    return {name: (1 - some) * array + some * start[name] for name, array in end.items()}


def sharpened(parameters: Parameters, shape: Shape, factor: float) -> Parameters:
    """The same network with all its logits times `factor`."""
    scaled = {name: array.copy() for name, array in parameters.items()}
    if not shape.tied:
        scaled["output_kernel"] *= np.float32(factor)
        scaled["output_bias"] *= np.float32(factor)
        return scaled
    scaled["projection_kernel"][:, :-1] *= np.float32(factor)
    scaled["projection_bias"][:-1] *= np.float32(factor)
    # The last column is the output's bias, and the first layer hears it too.
    scaled["embeddings"][:, -1] *= np.float32(factor)
    scaled["kernel_0"][-1] /= np.float32(factor)
    return scaled


def _glorot(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    limit = np.sqrt(6.0 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))
