"""What Keras 2 called hard_sigmoid -> the same numbers by what Keras 3 calls so.

    min(max(0.2·x + 1/2, 0), 1) = min(max(y/6 + 1/2, 0), 1)  with  y = 1.2·x

so the weights that make x are multiplied by 1.2. It was the gates' activation until Keras 2.3.
"""

from dataclasses import replace

import numpy as np

from app.arrays import Floats, Kernel
from app.errors import UnsupportedNetwork
from app.layers import ActivationName, Bidirectional, Dense, Elementwise, Layer, Recurrent
from app.network import Network
from app.terms import ARITHMETIC

_OLD: ActivationName = "keras_2_hard_sigmoid"
_NEW: ActivationName = "hard_sigmoid"
_FACTOR = np.float32(1.2)


def as_keras_3(network: Network) -> Network:
    """The same network without Keras 2's hard_sigmoid.

    Raises UnsupportedNetwork where it is applied to what no weights make.
    """
    return replace(network, layers=tuple(map(_layer, network.layers)))


def _layer(layer: Layer) -> Layer:
    match layer:
        case Recurrent():
            return _recurrent(layer)
        case Bidirectional():
            forward, backward = _recurrent(layer.forward), _recurrent(layer.backward)
            return replace(layer, forward=forward, backward=backward)
        case Dense(activation="keras_2_hard_sigmoid"):
            factors = np.full(layer.units, _FACTOR)
            kernel, bias = _times(layer.kernel, factors), _bias(layer.bias, factors)
            return replace(layer, activation=_NEW, kernel=kernel, bias=bias)
        case Elementwise(activation="keras_2_hard_sigmoid"):
            raise _refusal(layer)
    return layer


def _recurrent(layer: Recurrent) -> Recurrent:
    old_gates, old = layer.recurrent_activation == _OLD, layer.activation == _OLD
    if old and layer.class_name == "LSTM":  # applied to the cell's state, too
        raise _refusal(layer)
    terms = ARITHMETIC[layer.class_name].terms
    scaled = [old_gates if term.gate else old for term in terms]
    factors = np.repeat(np.where(scaled, _FACTOR, np.float32(1)), layer.units)  # [G·H]
    return replace(
        layer,
        activation=_NEW if old else layer.activation,
        recurrent_activation=_NEW if old_gates else layer.recurrent_activation,
        kernel=_times(layer.kernel, factors),
        recurrent_kernel=_times(layer.recurrent_kernel, factors),
        bias=_bias(layer.bias, factors),
    )


def _times(kernel: Kernel, factors: Floats) -> Floats:
    return np.asarray(kernel) * factors


def _bias(bias: Floats | None, factors: Floats) -> Floats | None:
    return None if bias is None else bias * factors


def _refusal(layer: Layer) -> UnsupportedNetwork:
    return UnsupportedNetwork(
        f"layer {layer.name!r} ({layer.class_name}): activation = 'hard_sigmoid' of Keras 2 is not "
        "served there, which Keras 3 has no name for"
    )
