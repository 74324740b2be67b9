"""The trainer's parameters -> a Network as plain data, and back."""

import numpy as np

from app.arrays import Floats
from app.errors import ModelError
from app.layers import (
    Dense,
    Elementwise,
    Embedding,
    Layer,
    Recurrent,
    ReversedEmbedding,
    changes_nothing,
)
from app.network import Network
from app.training.network.parameters import Parameters, Shape


def network_of(name: str, shape: Shape, parameters: Parameters, max_length: int) -> Network:
    """The network that parameters of this shape are; arrays are not copied."""
    embeddings = parameters["embeddings"]
    class_name = "ReversibleEmbedding" if shape.tied else "Embedding"
    layers: list[Layer] = [Embedding("embedding", embeddings, True, class_name)]
    for number in range(shape.layers):
        kernel, recurrent_kernel, bias = (
            parameters[f"{part}_{number}"] for part in ("kernel", "recurrent_kernel", "bias")
        )
        suffix = f"_{number}" if number else ""
        sequences = number < shape.layers - 1
        layers.append(
            Recurrent(
                f"simple_rnn{suffix}",
                "SimpleRNN",
                "tanh",
                kernel,
                recurrent_kernel,
                bias,
                sequences,
            )
        )
    if shape.projection:
        kernel, bias = parameters["projection_kernel"], parameters["projection_bias"]
        layers.append(Dense("projection", "linear", kernel, bias))
    if shape.tied:
        layers.append(ReversedEmbedding("embedding", embeddings, tied=True))
        layers.append(Elementwise("softmax", "softmax", shape.classes, "Softmax"))
    else:
        kernel, bias = parameters["output_kernel"].T, parameters["output_bias"][:, 0]
        layers.append(Dense("output", "softmax", kernel, bias))
    return Network(name, "Functional", tuple(layers), max_length)


def parameters_of(network: Network) -> Parameters:
    """The network's weights under the trainer's names. Raises ModelError for any other kind."""
    layers = [one for one in network.layers if not changes_nothing(one)]
    parameters: Parameters = {}
    match layers:
        case [Embedding() as table, *body, ReversedEmbedding(tied=True), Elementwise()]:
            if not (isinstance(body[-1], Dense) and _carries_the_bias(body[-1])):
                raise _not_ours(network)
        case [Embedding() as table, *body, Dense(activation="softmax") as output]:
            parameters["output_kernel"] = np.asarray(output.kernel).T
            parameters["output_bias"] = _bias_of(output)[:, None]
        case _:
            raise _not_ours(network)
    if not table.mask_zero:
        raise _not_ours(network)
    parameters["embeddings"] = np.asarray(table.embeddings)
    last = body[-1]
    if isinstance(last, Dense) and last.activation == "linear":
        parameters["projection_kernel"] = np.asarray(last.kernel)
        parameters["projection_bias"] = _bias_of(last)
        body = body[:-1]
    for number, layer in enumerate(body):
        if not (isinstance(layer, Recurrent) and layer.class_name == "SimpleRNN"):
            raise _not_ours(network)
        if layer.activation != "tanh" or layer.units != body[0].units:
            raise _not_ours(network)
        parameters[f"kernel_{number}"] = np.asarray(layer.kernel)
        parameters[f"recurrent_kernel_{number}"] = np.asarray(layer.recurrent_kernel)
        parameters[f"bias_{number}"] = _bias_of(layer)
    return {name: np.array(array, np.float32, order="C") for name, array in parameters.items()}


def _bias_of(layer: Dense | Recurrent) -> Floats:
    return np.zeros(layer.units, np.float32) if layer.bias is None else layer.bias


def _carries_the_bias(projection: Dense) -> bool:
    """Whether the last feature is held at 1, so that the tied table's last column is a bias."""
    bias = projection.bias
    return bias is not None and bias[-1] == 1 and not np.asarray(projection.kernel)[:, -1].any()


def _not_ours(network: Network) -> ModelError:
    kinds = ", ".join(layer.class_name for layer in network.layers)
    return ModelError(
        f"a network of {kinds} cannot be trained further; what can is a masked Embedding, "
        "SimpleRNN layers (tanh, of one width), an optional linear Dense, and a Dense with softmax "
        "or an embedding tied as `unrolled train` ties it"
    )
