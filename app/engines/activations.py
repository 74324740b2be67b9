"""Activations, over the last axis, by Keras's names and of its definitions."""

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.arrays import Floats, Ids, Indices
from app.layers import ActivationName

F = TypeVar("F", np.float32, np.float64)
ZERO = np.float32(0)
_erf = np.frompyfunc(math.erf, 1, 1)


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
    return np.maximum(x, ZERO, out=x)


def _sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), written so that it cannot overflow."""
    x *= np.float32(0.5)
    np.tanh(x, out=x)
    x += np.float32(1)
    x *= np.float32(0.5)
    return x


def _linear(x: Floats) -> Floats:
    return x


def _elu(x: Floats) -> Floats:
    """x, or exp(x) - 1 below 0."""
    below = np.expm1(np.minimum(x, ZERO))
    np.maximum(x, ZERO, out=x)
    x += below
    return x


def _selu(x: Floats) -> Floats:
    """Klambauer et al. 2017, whose constants these are."""
    below = np.expm1(np.minimum(x, ZERO))
    below *= np.float32(1.6732632423543772)
    np.maximum(x, ZERO, out=x)
    x += below
    x *= np.float32(1.0507009873554805)
    return x


def _exponential(x: Floats) -> Floats:
    return np.exp(x, out=x)


def _gelu(x: Floats) -> Floats:
    """x·Φ(x), Φ the normal distribution's: not the approximation by tanh."""
    phi = (np.float32(1) + _erf(x * np.float32(0.5**0.5)).astype(np.float32)) * np.float32(0.5)
    x *= phi
    return x


def _hard_sigmoid(x: Floats) -> Floats:
    """x/6 + 1/2, between 0 and 1."""
    x += np.float32(3)
    np.clip(x, ZERO, np.float32(6), out=x)
    x *= np.float32(1 / 6)
    return x


def _keras_2_hard_sigmoid(x: Floats) -> Floats:
    """0.2·x + 1/2, between 0 and 1."""
    x *= np.float32(0.2)
    x += np.float32(0.5)
    np.clip(x, ZERO, np.float32(1), out=x)
    return x


def _leaky_relu(x: Floats) -> Floats:
    """x, or 0.2·x below 0."""
    np.maximum(x, x * np.float32(0.2), out=x)
    return x


def _mish(x: Floats) -> Floats:
    """x·tanh(softplus(x))."""
    x *= np.tanh(np.logaddexp(x, ZERO))
    return x


def _relu6(x: Floats) -> Floats:
    np.clip(x, ZERO, np.float32(6), out=x)
    return x


def _silu(x: Floats) -> Floats:
    """x·sigmoid(x), which is also called swish."""
    x *= _sigmoid(x.copy())
    return x


def _softplus(x: Floats) -> Floats:
    """log(1 + exp(x))."""
    return np.logaddexp(x, ZERO, out=x)


def _softsign(x: Floats) -> Floats:
    """x / (1 + |x|)."""
    below = np.abs(x)
    below += np.float32(1)
    x /= below
    return x


# Each but softmax works in place, and returns its argument.
ACTIVATIONS: dict[ActivationName, Callable[[Floats], Floats]] = {
    "linear": _linear,
    "tanh": _tanh,
    "relu": _relu,
    "sigmoid": _sigmoid,
    "softmax": softmax,
    "elu": _elu,
    "exponential": _exponential,
    "gelu": _gelu,
    "hard_sigmoid": _hard_sigmoid,
    "keras_2_hard_sigmoid": _keras_2_hard_sigmoid,
    "leaky_relu": _leaky_relu,
    "mish": _mish,
    "relu6": _relu6,
    "selu": _selu,
    "silu": _silu,
    "softplus": _softplus,
    "softsign": _softsign,
}
