"""SimpleRNN and Dense with softmax, trained by Adam on all examples at once, in float32 NumPy.

    h_t = tanh(x_t·W + h_{t-1}·U + b),  p = softmax(h_T·V + c)

The few lines that a network of 13 parameters needs; given the same start they go where Keras's
`fit` goes (`loss="categorical_crossentropy", optimizer="adam"`, one batch). Shapes: N examples,
T timesteps, H units, V classes.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from app.arrays import Floats

NAMES = (
    "simple_rnn/kernel",  # W [1, H]
    "simple_rnn/recurrent_kernel",  # U [H, H]
    "simple_rnn/bias",  # b [H]
    "dense/kernel",  # V [H, V]
    "dense/bias",  # c [V]
)
# Keras's defaults (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980).
_RATE, _FIRST, _SECOND, _EPSILON = 0.001, 0.9, 0.999, 1e-7

Weights = tuple[Floats, Floats, Floats, Floats, Floats]  # in the order of NAMES


class Record(NamedTuple):
    """The network after some epochs, and its loss on the examples."""

    epoch: int
    loss: float
    weights: Weights


def start(units: int, classes: int, seed: int) -> Weights:
    """Glorot's uniform kernels (2010), as Keras draws them; U, b and c are zeros."""
    rng = np.random.default_rng(seed)

    def glorot(rows: int, columns: int) -> Floats:
        limit = np.sqrt(6 / (rows + columns))
        return rng.uniform(-limit, limit, (rows, columns)).astype(np.float32)

    return (
        glorot(1, units),
        np.zeros((units, units), np.float32),
        np.zeros(units, np.float32),
        glorot(units, classes),
        np.zeros(classes, np.float32),
    )


def forward(weights: Weights, x: Floats) -> tuple[list[Floats], Floats]:
    """Ids [N, T, 1] -> the states h_{-1} … h_{T-1}, [N, H] each, and the logits [N, V]."""
    W, U, b, V, c = weights
    states = [np.zeros((len(x), len(U)), np.float32)]
    for t in range(x.shape[1]):
        states.append(np.tanh(x[:, t] @ W + states[-1] @ U + b))
    return states, states[-1] @ V + c


def log_softmax(logits: Floats) -> Floats:
    """[N, V] -> [N, V]."""
    shifted: Floats = logits - logits.max(axis=-1, keepdims=True)
    out: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return out


# BLAS may multiply what lies beside a small matrix in its registers, too: no result has it, but the
# processor says that something was no number.
@np.errstate(invalid="ignore")
def loss_and_gradients(weights: Weights, x: Floats, labels: Floats) -> tuple[float, Weights]:
    """Mean cross-entropy, and its gradient for every weight: back-propagation through time."""
    U, V = weights[1], weights[3]
    states, logits = forward(weights, x)
    log_p = log_softmax(logits)  # [N, V]
    dy = (np.exp(log_p) - labels) / np.float32(len(x))  # [N, V]
    dV, dc = states[-1].T @ dy, dy.sum(axis=0)
    dW, dU, db = (np.zeros_like(weight) for weight in weights[:3])
    dh = dy @ V.T  # [N, H]
    for t in reversed(range(x.shape[1])):
        dz = dh * (1 - states[t + 1] ** 2)  # [N, H]
        dW += x[:, t].T @ dz
        dU += states[t].T @ dz
        db += dz.sum(axis=0)
        dh = dz @ U.T
    loss = -float((labels * log_p).sum(axis=-1).mean())
    return loss, (dW, dU, db, dV, dc)


def fit(weights: Weights, x: Floats, labels: Floats, epochs: int, most: int) -> Iterator[Record]:
    """Train, and yield the start, the end and evenly spread epochs between: at most `most`."""
    kept = set(np.linspace(0, epochs, min(most, epochs + 1)).round().astype(int).tolist())
    first = [np.zeros_like(weight) for weight in weights]
    second = [np.zeros_like(weight) for weight in weights]
    now = [weight.copy() for weight in weights]
    for epoch in range(epochs + 1):
        W, U, b, V, c = now
        loss, gradients = loss_and_gradients((W, U, b, V, c), x, labels)
        if epoch in kept:
            yield Record(epoch, loss, (W.copy(), U.copy(), b.copy(), V.copy(), c.copy()))
        if epoch == epochs:
            return
        step = epoch + 1
        rate = np.float32(_RATE * np.sqrt(1 - _SECOND**step) / (1 - _FIRST**step))
        for weight, gradient, m, v in zip(now, gradients, first, second, strict=True):
            m += (gradient - m) * np.float32(1 - _FIRST)
            v += (gradient**2 - v) * np.float32(1 - _SECOND)
            weight -= rate * m / (np.sqrt(v) + np.float32(_EPSILON))
