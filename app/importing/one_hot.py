"""A network that one-hot vectors enter -> the same network that ids enter.

A vector of zeros with a 1 in the place of the id, times a kernel [V, F], is the kernel's row of
that id: so the first layer's kernel becomes an Embedding, and what was multiplied by it the
identity. Padding is id 0, as to_categorical has it: the first row. Where that is a word, shorter
phrases left vectors of zeros, which become a row and a class of their own, `with_padding`.
"""

from dataclasses import replace
from itertools import accumulate

import numpy as np

from app.arrays import Floats
from app.errors import UnsupportedNetwork
from app.layers import (
    Bidirectional,
    Dense,
    Elementwise,
    Embedding,
    LastStep,
    Layer,
    Recurrent,
    changes_nothing,
)
from app.network import Network

_NAME = "one_hot"  # of the Embedding
_NEVER = np.float32(-1e9)  # a logit: e to it is 0


def looked_up(network: Network) -> Network:
    """The network, with an Embedding where one-hot vectors entered.

    Raises UnsupportedNetwork where what enters cannot be the classes that it predicts.
    """
    at = next(at for at, layer in enumerate(network.layers) if not changes_nothing(layer))
    first, others = network.layers[at], network.layers[at + 1 :]
    if isinstance(first, Embedding):
        return network
    kernels = _kernels(first)
    features = len(kernels[0])
    if features == 1:  # ids enter as numbers
        return network
    if features != network.classes:
        raise UnsupportedNetwork(
            f"words enter as vectors of {features} numbers, and {network.classes} classes come "
            "out: these are not one-hot, and what makes them of words is not in the file"
        )
    table = np.ascontiguousarray(np.concatenate(kernels, axis=1))  # [V, F]
    own = np.split(np.eye(table.shape[1], dtype=np.float32), _ends(kernels), axis=1)  # [F, Fi]
    entered = Embedding(_NAME, table, mask_zero=False)
    layers = (entered, _with_kernels(first, own), *others)
    return replace(network, layers=layers)


def is_one_hot(network: Network) -> bool:
    """Whether `looked_up` made the network's Embedding."""
    first = network.layers[0]
    return isinstance(first, Embedding) and first.name == _NAME


def with_padding(network: Network) -> Network:
    """The same with ids and classes one more: 0 enters as a vector of zeros, and is never answered.

    Raises UnsupportedNetwork where no Dense layer makes the logits.
    """
    entry, *others = network.layers
    at = max((at for at, layer in enumerate(others) if isinstance(layer, Dense)), default=0)
    dense = others[at]
    behind = [one for one in others[at + 1 :] if isinstance(one, LastStep | Elementwise)]
    once = sum(not changes_nothing(layer) for layer in others[at:]) == 1
    if not isinstance(entry, Embedding) or not isinstance(dense, Dense):
        raise _refusal()
    if len(others) > at + 1 + len(behind) or not (once or dense.activation == "linear"):
        raise _refusal()
    table, kernel = np.asarray(entry.embeddings), np.asarray(dense.kernel)
    bias = np.zeros(dense.units, np.float32) if dense.bias is None else dense.bias
    layers = (
        replace(entry, embeddings=np.insert(table, 0, 0, axis=0)),
        *others[:at],
        replace(dense, kernel=np.insert(kernel, 0, 0, axis=1), bias=np.insert(bias, 0, _NEVER)),
        *(replace(layer, units=layer.units + 1) for layer in behind),
    )
    return replace(network, layers=layers)


def _refusal() -> UnsupportedNetwork:
    return UnsupportedNetwork(
        "one-hot vectors enter, id 0 is a word, and no Dense layer makes the logits: vectors of "
        "zeros, which pad shorter phrases, are not served here"
    )


def _kernels(layer: Layer) -> list[Floats]:
    """What multiplies that which enters a first layer."""
    match layer:
        case Recurrent() | Dense():
            return [np.asarray(layer.kernel)]
        case Bidirectional():
            return [np.asarray(layer.forward.kernel), np.asarray(layer.backward.kernel)]
    raise UnsupportedNetwork(
        f"layer {layer.name!r} ({layer.class_name}): vectors enter it, which is not served"
    )


def _ends(kernels: list[Floats]) -> list[int]:
    return [*accumulate(kernel.shape[1] for kernel in kernels)][:-1]


def _with_kernels(layer: Layer, kernels: list[Floats]) -> Layer:
    match layer, kernels:
        case ((Recurrent() | Dense()), [kernel]):
            return replace(layer, kernel=kernel)
        case Bidirectional(), [forward, backward]:
            return replace(
                layer,
                forward=replace(layer.forward, kernel=forward),
                backward=replace(layer.backward, kernel=backward),
            )
    raise AssertionError(layer)  # _kernels has refused it
