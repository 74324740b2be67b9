"""Going on from a model that is trained already: its words, its sizes and its weights are kept.

For a text of one's own, of which a trained model needs far less than a fresh one; or for more
passes over the same text.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.errors import ModelError
from app.model import Model
from app.network import Dense, Elementwise, Embedding, Floats, Network, ReversedEmbedding, SimpleRNN
from app.repository import load_model
from app.text import Vocabulary
from app.training.config import TrainConfig
from app.training.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a run takes over from a model; `facts` are the card's."""

    config: TrainConfig
    vocabulary: Vocabulary
    parameters: Parameters
    facts: dict[str, object]


def continued(folder: Path, config: TrainConfig) -> Continuation:
    """Take over the model in `folder`; of `config` remains how to train, and on what.

    Raises ModelError where it cannot be loaded, or is of a kind that is not trained here.
    """
    model = load_model(folder)
    parameters = _parameters(model.network)
    tied = "output_kernel" not in parameters
    projection = parameters.get("projection_kernel")
    options = model.options
    config = replace(
        config,
        embedding=parameters["embeddings"].shape[1] - tied,
        units=parameters["bias_0"].size,
        layers=len(model.network.recurrent),
        projection=0 if tied or projection is None else projection.shape[1],
        tied=tied,
        vocabulary_size=len(model.vocabulary),
        max_length=options.max_length,
        tokenizer=options.tokenizer,
        lowercase=options.lowercase,
        unknown=options.unknown,
        start=options.start,
        number=options.number,
        blocked=tuple(model.card.blocked),
    )
    return Continuation(config, model.vocabulary, parameters, _facts(model))


def _facts(model: Model) -> dict[str, object]:
    return {"model": model.id, "fingerprint": model.fingerprint, "training": model.card.training}


def _parameters(network: Network) -> Parameters:
    """The network's weights under the trainer's names. Raises ModelError for any other kind."""
    layers = [one for one in network.layers if not _is_identity(one)]
    parameters: Parameters = {}
    match layers:
        case [Embedding() as table, *body, ReversedEmbedding(tied=True), Elementwise()]:
            if not (isinstance(body[-1], Dense) and _carries_the_bias(body[-1])):
                raise _not_ours(network)
        case [Embedding() as table, *body, Dense(activation="softmax") as output]:
            parameters["output_kernel"] = output.kernel.T
            parameters["output_bias"] = _bias_of(output)[:, None]
        case _:
            raise _not_ours(network)
    if not table.mask_zero:
        raise _not_ours(network)
    parameters["embeddings"] = table.embeddings
    last = body[-1]
    if isinstance(last, Dense) and last.activation == "linear":
        parameters["projection_kernel"] = last.kernel
        parameters["projection_bias"] = _bias_of(last)
        body = body[:-1]
    for number, layer in enumerate(body):
        if not isinstance(layer, SimpleRNN) or layer.activation != "tanh":
            raise _not_ours(network)
        if layer.units != body[0].units:
            raise _not_ours(network)
        parameters[f"kernel_{number}"] = layer.kernel
        parameters[f"recurrent_kernel_{number}"] = layer.recurrent_kernel
        parameters[f"bias_{number}"] = _bias_of(layer)
    return {name: np.array(array, np.float32, order="C") for name, array in parameters.items()}


def _bias_of(layer: Dense | SimpleRNN) -> Floats:
    return np.zeros(layer.units, np.float32) if layer.bias is None else layer.bias


def _is_identity(layer: object) -> bool:
    return isinstance(layer, Elementwise) and layer.activation == "linear"


def _carries_the_bias(projection: Dense) -> bool:
    """Whether the last feature is held at 1, so that the tied table's last column is a bias."""
    bias = projection.bias
    return bias is not None and bias[-1] == 1 and not projection.kernel[:, -1].any()


def _not_ours(network: Network) -> ModelError:
    kinds = ", ".join(layer.class_name for layer in network.layers)
    return ModelError(
        f"a network of {kinds} cannot be trained further; what can is a masked Embedding, "
        "SimpleRNN layers (tanh, of one width), an optional linear Dense, and a Dense with softmax "
        "or an embedding tied as `unrolled train` ties it"
    )
