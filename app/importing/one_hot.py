"""A network that one-hot vectors enter -> the same network that ids enter.

A vector of zeros with a 1 in the place of the id, times a kernel [V, F], is the kernel's row of
that id: so the first layer's kernel becomes an Embedding, and what was multiplied by it the
identity. Padding is id 0, as to_categorical has it: the first row.
"""

from dataclasses import replace
from itertools import accumulate

import numpy as np

from app.arrays import Floats
from app.errors import UnsupportedNetwork
from app.layers import Bidirectional, Dense, Embedding, Layer, Recurrent, changes_nothing
from app.network import Network

NAME = "one_hot"  # of the Embedding


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
    entered = Embedding(NAME, table, mask_zero=False)
    layers = (entered, _with_kernels(first, own), *others)
    return replace(network, layers=layers)


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
