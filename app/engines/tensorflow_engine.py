"""The same network through Keras and TensorFlow: the reference the NumPy engine is held against.

Standard Keras layers are built from our plain data and given its weights; the archive itself is
never loaded by Keras, so nothing in it can run. The only serving module that imports TensorFlow.
"""

import os
from dataclasses import replace
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # no notes on the processor

import keras
import numpy as np
import tensorflow as tf

from app.engines.base import DenseTrace, Outputs, Trace
from app.engines.cells import make_cell
from app.engines.traces import recurrent_trace
from app.network import (
    Dense,
    Elementwise,
    Embedding,
    Floats,
    Ids,
    Layer,
    Network,
    Recurrent,
    ReversedEmbedding,
)


class TensorFlowEngine:
    """Runs one network through Keras layers."""

    name = "tensorflow"

    def __init__(self, network: Network) -> None:
        self.network = network
        last = network.last_recurrent
        self._head_layers = network.layers[last + 1 :]
        self._body = _body(network, network.layers[: last + 1])
        self._head = _head(network.layers[last].units, self._head_layers)
        self._forward = tf.function(self._outputs, reduce_retracing=True)

    def forward(self, padded: Ids) -> Outputs:
        """Padded ids [B, T] -> logits and probabilities [B, V]."""
        logits, probabilities = self._forward(self._entering(padded))
        return Outputs(logits.numpy(), probabilities.numpy())

    def trace(self, padded: Ids) -> Trace:
        """One phrase's padded ids [T], with every intermediate value."""
        T = len(padded)
        skipped = (padded == 0) if self.network.mask_zero else np.zeros(T, np.bool_)
        body = [_rows(x) for x in self._body(self._entering(padded[np.newaxis]))]  # [T, F or H]
        hidden = body[1::2]
        steps = np.flatnonzero(~skipped)  # [S] the timesteps that are computed
        recurrent = tuple(
            replace(
                recurrent_trace(make_cell(layer), x[steps], [h[steps]], steps, T), hidden_state=h
            )
            for layer, x, h in zip(self.network.recurrent, body[::2], hidden, strict=True)
        )
        outputs = [x.numpy() for x in self._head(tf.constant(hidden[-1]))]  # [T, units] each
        logits, probabilities = outputs[-2:]
        dense = [
            DenseTrace(layer.name, output[-1])
            for layer, output in zip(self._head_layers, outputs[:-2], strict=True)
            if isinstance(layer, Dense | ReversedEmbedding)
        ]
        said = np.where(skipped[:, np.newaxis], np.float32(0), probabilities)
        return Trace(padded, skipped, recurrent, tuple(dense), logits[-1], probabilities[-1], said)

    def _outputs(self, entering: Any) -> Any:
        return self._head(self._body(entering)[-1][:, -1])[-2:]

    def _entering(self, padded: Ids) -> Any:
        """[B, T] ids, or [B, T, 1] numbers where there is no embedding."""
        if isinstance(self.network.layers[0], Embedding):
            return tf.constant(padded, tf.int32)
        return tf.constant(padded[..., np.newaxis], tf.float32)


def _body(network: Network, layers: tuple[Layer, ...]) -> Any:
    """Ids -> for each recurrent layer its input [B, T, F] and hidden states [B, T, H]."""
    embedded = isinstance(layers[0], Embedding)
    x = start = keras.Input((None,), dtype="int32") if embedded else keras.Input((None, 1))
    seen = []
    for layer in layers:
        built = _build(layer)
        before, x = x, built(x)
        built.set_weights(_arrays(layer))
        if isinstance(layer, Recurrent):
            seen += [before, x]
    return keras.Model(start, seen)


def _head(features: int, layers: tuple[Layer, ...]) -> Any:
    """Last hidden state [B, H] -> every layer's output, then logits and probabilities [B, V]."""
    x = start = keras.Input((features,))
    outputs = []
    for layer in layers[:-1]:
        x = _call(layer, x)
        outputs.append(x)
    last = layers[-1]
    logits = x if isinstance(last, Elementwise) else _call(last, x, activation="linear")
    probabilities = keras.layers.Softmax()(logits)
    return keras.Model(start, [*outputs, probabilities, logits, probabilities])


def _call(layer: Layer, x: Any, activation: str | None = None) -> Any:
    built = _build(layer, activation)
    y = built(x)
    if isinstance(layer, ReversedEmbedding):
        built.set_weights([np.ascontiguousarray(np.asarray(layer.embeddings).T)])
    else:
        built.set_weights(_arrays(layer))
    return y


def _arrays(layer: Layer) -> list[Floats]:
    return [np.asarray(kernel) for kernel in layer.weights.values()]


def _build(layer: Layer, activation: str | None = None) -> Any:
    match layer:
        case Embedding():
            rows, columns = layer.embeddings.shape
            return keras.layers.Embedding(rows, columns, mask_zero=layer.mask_zero)
        case Recurrent():
            return getattr(keras.layers, layer.class_name)(
                layer.units,
                activation=layer.activation,
                use_bias=layer.bias is not None,
                return_sequences=True,
            )
        case Dense():
            return keras.layers.Dense(
                layer.units, activation or layer.activation, use_bias=layer.bias is not None
            )
        case ReversedEmbedding():
            return keras.layers.Dense(layer.units, use_bias=False)
        case Elementwise():
            return keras.layers.Activation(layer.activation)


def _rows(x: Any) -> Floats:
    """[1, T, F] -> [T, F]."""
    rows: Floats = x.numpy()[0]
    return rows
