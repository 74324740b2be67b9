"""How far the NumPy engine is from Keras on one network: the largest difference, at every timestep.

Needs TensorFlow. The archive is not loaded by Keras; its network is rebuilt from plain data.
"""

from typing import NamedTuple

import numpy as np

from app.arrays import Floats, Ids
from app.engines import make_engine
from app.layers import Embedding
from app.network import Network

_UNPADDED = 32  # timesteps


class Agreement(NamedTuple):
    """Largest absolute differences from Keras over a sample of inputs."""

    phrases: int
    hidden_states: float
    probabilities: float


def compare_with_keras(
    network: Network, max_length: int | None, phrases: int = 8, seed: int = 0
) -> Agreement:
    """Run random phrases of all lengths up to `max_length` through both engines; for None, where
    there is no padding, up to 32 as they are.

    Raises MissingDependency where TensorFlow is not installed.
    """
    keras = make_engine("tensorflow", network)
    ours = make_engine("numpy", network)
    hidden = probabilities = 0.0
    for padded in _inputs(network, max_length, phrases, seed):
        a, b = ours.trace(padded), keras.trace(padded)
        for left, right in zip(a.recurrent, b.recurrent, strict=True):
            hidden = max(hidden, _difference(left.hidden_state, right.hidden_state))
        probabilities = max(probabilities, _difference(a.probabilities, b.probabilities))
    return Agreement(phrases, hidden, probabilities)


def _difference(ours: Floats, theirs: Floats) -> float:
    """Largest absolute difference; infinite where only one of the two overflows."""
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(invalid="ignore"):  # inf - inf, in places that are the same
        differences = np.where(same, np.float32(0), np.abs(ours - theirs))
    return float(np.nan_to_num(differences, nan=np.inf, posinf=np.inf).max())


def _inputs(network: Network, max_length: int | None, phrases: int, seed: int) -> list[Ids]:
    first = network.layers[0]
    rows = first.embeddings.shape[0] if isinstance(first, Embedding) else network.classes
    rng = np.random.default_rng(seed)
    inputs = []
    for length in np.linspace(1, max_length or _UNPADDED, phrases).astype(int):
        padded = np.zeros(max_length or length, np.int32)
        padded[len(padded) - length :] = rng.integers(1, max(rows, 2), length)
        inputs.append(padded)
    return inputs
