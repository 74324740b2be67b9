"""Activations, over the last axis. Each works in place where it can."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.network import ActivationName, Floats, Ids, Indices

F = TypeVar("F", np.float32, np.float64)


def softmax(x: Floats) -> Floats:
    """exp(x) / Σ exp(x) over the last axis [B, V]; the largest term is exp(0)."""
    out: Floats = x - np.maximum.reduce(x, axis=-1, keepdims=True)
    np.exp(out, out=out)
    out /= np.add.reduce(out, axis=-1, keepdims=True)
    return out


def log_softmax(logits: NDArray[F], targets: Ids | Indices) -> NDArray[F]:
    """log softmax(logits [N, V]) of each row's target [N]: finite where the probability is 0.

    In the precision of `logits`.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    scores: NDArray[F] = shifted[np.arange(len(targets)), targets]
    np.exp(shifted, out=shifted)
    scores -= np.log(shifted.sum(axis=1))
    return scores


def _tanh(x: Floats) -> Floats:
    return np.tanh(x, out=x)


def _relu(x: Floats) -> Floats:
    return np.maximum(x, np.float32(0), out=x)


def _sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), written so that it cannot overflow."""
    x *= np.float32(0.5)
    np.tanh(x, out=x)
    x += np.float32(1)
    x *= np.float32(0.5)
    return x


def _linear(x: Floats) -> Floats:
    return x


# Each returns its argument, changed, or a new array.
ACTIVATIONS: dict[ActivationName, Callable[[Floats], Floats]] = {
    "tanh": _tanh,
    "relu": _relu,
    "sigmoid": _sigmoid,
    "linear": _linear,
    "softmax": softmax,
}
