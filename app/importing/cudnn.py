"""Keras 2's CuDNNLSTM and CuDNNGRU -> LSTM and GRU, which compute the same.

cuDNN keeps each gate's kernel turned over, and a bias for what enters and one for the state, side
by side; of an LSTM the two are only ever added: _convert_rnn_weights in
tf_keras/src/saving/legacy/hdf5_format.py. Keras tells such weights by their bias, too.
"""

from typing import Any

import numpy as np

from app.arrays import Floats

_PLAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "CuDNNLSTM": ("LSTM", {}),
    "CuDNNGRU": ("GRU", {"reset_after": True}),
}


def as_plain_layers(value: Any) -> Any:
    """A configuration, with the layer that any machine computes in place of cuDNN's."""
    match value:
        case {"class_name": str(name), "config": dict() as options} if name in _PLAIN:
            plain, more = _PLAIN[name]
            return {**value, "class_name": plain, "config": {**options, **more}}
        case dict():
            return {key: as_plain_layers(one) for key, one in value.items()}
        case list():
            return [as_plain_layers(one) for one in value]
    return value


def units_of(recurrent: tuple[int, ...], bias: tuple[int, ...]) -> int:
    """H of a layer that cuDNN computed, by the shapes of its weights; 0 where it was none."""
    match recurrent:
        case (int(units), int(columns)) if units and columns in (3 * units, 4 * units):
            return units if bias == (2 * columns,) else 0
    return 0


def as_plain_weight(stored: Floats, index: int, shape: tuple[int, ...], units: int) -> Floats:
    """The kernel, the recurrent kernel or the bias (0, 1, 2) of a layer that cuDNN computed.

    `shape` is that of the plain layer's weight. A GRU has both biases, an LSTM their sum.
    """
    if index == 2:
        return stored.reshape(shape) if len(shape) == 2 else np.add(*np.split(stored, 2))
    gates = np.hsplit(stored, stored.shape[1] // units)
    turned = [one.T if index == 1 else one.T.reshape(one.shape, order="F") for one in gates]
    return np.ascontiguousarray(np.hstack(turned))
