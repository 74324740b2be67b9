"""The same network through Keras and TensorFlow: the reference the NumPy engine is held against.

Standard Keras layers are built from our plain data and given its weights; the archive itself is
never loaded by Keras, so nothing in it can run. The only serving module that imports TensorFlow.
"""

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # no notes on the processor

import keras
import numpy as np
import tensorflow as tf

from app.arrays import Floats, Ids, Indices, Mask
from app.engines.base import DenseTrace, Outputs, RecurrentTrace, Trace
from app.engines.bidirectional import BothWays
from app.engines.cells import make_cell
from app.engines.traces import recurrent_trace, spread
from app.layers import (
    Bidirectional,
    Dense,
    Elementwise,
    Embedding,
    LastStep,
    Layer,
    Recurrent,
    ReversedEmbedding,
)
from app.network import Network

# What Keras 3 no longer has.
_OLDER: dict[str, Any] = {
    "keras_2_hard_sigmoid": lambda x: keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0),
}


class TensorFlowEngine:
    """Runs one network through Keras layers."""

    name = "tensorflow"

    def __init__(self, network: Network) -> None:
        self.network = network
        last = network.last_recurrent
        self._head_layers = network.layers[last + 1 :]
        self._keras: dict[str, Any] = {}  # the layers with a state, by name
        self._body = self._built(network.layers[: last + 1])
        self._head = _head(network.layers[last].units, self._head_layers)
        self._forward = tf.function(self._outputs, reduce_retracing=True)

    def forward(self, padded: Ids) -> Outputs:
        """Padded ids [B, T] -> logits and probabilities [B, V]."""
        logits, probabilities = self._forward(self._entering(padded))
        return Outputs(logits.numpy(), probabilities.numpy())

    def trace(self, padded: Ids) -> Trace:
        """One phrase's padded ids [T], with every intermediate value."""
        skipped = (padded == 0) if self.network.mask_zero else np.zeros(len(padded), np.bool_)
        *body, end = self._body(self._entering(padded[np.newaxis]))
        recurrent = self._traces([x.numpy()[0] for x in body], skipped)
        final = end.numpy()[0, -1] if end.ndim == 3 else end.numpy()[0]  # [H]
        causal = self.network.causal
        h = recurrent[-1].hidden_state if causal else final[np.newaxis]
        outputs = [x.numpy() for x in self._head(tf.constant(h))]  # [T, units] each
        logits, probabilities = outputs[-2:]
        dense = [
            DenseTrace(layer.name, output[-1])
            for layer, output in zip(self._head_layers, outputs[:-2], strict=True)
            if isinstance(layer, Dense | ReversedEmbedding)
        ]
        said = np.where(skipped[:, np.newaxis], np.float32(0), probabilities) if causal else None
        return Trace(
            padded,
            skipped,
            tuple(recurrent),
            final,
            tuple(dense),
            logits[-1],
            probabilities[-1],
            said,
        )

    def _traces(self, body: list[Floats], skipped: Mask) -> list[RecurrentTrace]:
        """Keras's hidden states, and the terms that follow from them; `body` [T, F] and [T, H]."""
        steps, T = np.flatnonzero(~skipped), len(skipped)  # the timesteps that are computed
        traces: list[RecurrentTrace] = []
        for layer in self.network.layers:
            if isinstance(layer, Recurrent):
                x, h = body[:2]
                traces.append(self._trace(layer, x, h, steps))
                body = body[2:]
            elif isinstance(layer, Bidirectional):
                x, forward, backward = body[:3]
                traces.append(self._trace(layer.forward, x, forward, steps))
                traces.append(self._trace(layer.backward, x, backward, steps))
                merged = BothWays(layer).merge(forward[steps], backward[steps])
                traces.append(
                    RecurrentTrace(
                        layer.name, spread(x[steps], steps, T), (), spread(merged, steps, T)
                    )
                )
                body = body[3:]
        return traces

    def _trace(self, layer: Recurrent, x: Floats, h: Floats, steps: Indices) -> RecurrentTrace:
        cell = make_cell(layer)
        states = [h[steps]]
        if cell.states > 1:
            states = _stepped(self._keras[layer.name], x[steps], layer.go_backwards)
        trace = recurrent_trace(cell, x[steps], states, steps, len(x))
        return trace._replace(hidden_state=h)

    def _outputs(self, entering: Any) -> Any:
        end = self._body(entering)[-1]
        return self._head(end if len(end.shape) == 2 else end[:, -1])[-2:]

    def _entering(self, padded: Ids) -> Any:
        """[B, T] ids, or [B, T, 1] numbers where there is no embedding."""
        if isinstance(self.network.layers[0], Embedding):
            return tf.constant(padded, tf.int32)
        return tf.constant(padded[..., np.newaxis], tf.float32)

    def _built(self, layers: tuple[Layer, ...]) -> Any:
        """Ids -> for each recurrent layer its input [B, T, F] and hidden states [B, T, H], of a
        Bidirectional those of both readings; and what leaves the last one.
        """
        embedded = isinstance(layers[0], Embedding)
        x = start = keras.Input((None,), dtype="int32") if embedded else keras.Input((None, 1))
        seen = []
        for layer in layers:
            if isinstance(layer, Bidirectional):
                seen += [x, self._sequences(layer.forward, x), self._sequences(layer.backward, x)]
                x = _call(layer, x)
            elif isinstance(layer, Recurrent):
                h = self._sequences(layer, x)
                seen += [x, h]
                x = h
            else:
                x = _call(layer, x)
        return keras.Model(start, [*seen, x])

    def _sequences(self, layer: Recurrent, x: Any) -> Any:
        """Hidden states after every timestep, first to last: [B, T, F] -> [B, T, H]."""
        built = self._keras[layer.name] = _build(layer)
        h = built(x)
        built.set_weights(_arrays(layer))
        return keras.ops.flip(h, axis=1) if layer.go_backwards else h


def _stepped(built: Any, x: Floats, backwards: bool) -> list[Floats]:
    """Every state of a Keras layer's cell, a step at a time: [S, F] -> [S, H] each."""
    states = built.get_initial_state(1)
    rows = []
    for row in x[::-1] if backwards else x:
        _, states = built.cell(tf.constant(row[np.newaxis]), states)
        rows.append([state.numpy()[0] for state in states])
    sizes = [int(state.shape[1]) for state in states]
    stacked = [
        np.array([row[at] for row in rows], np.float32).reshape(-1, H) for at, H in enumerate(sizes)
    ]
    return [state[::-1] for state in stacked] if backwards else stacked


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
            options = {name: _OLDER.get(str(value), value) for name, value in layer.options.items()}
            return getattr(keras.layers, layer.class_name)(
                **options, return_sequences=True, go_backwards=layer.go_backwards
            )
        case Bidirectional():
            forward, backward = _build(layer.forward), _build(layer.backward)
            if not layer.return_sequences:
                forward.return_sequences = backward.return_sequences = False
            return keras.layers.Bidirectional(
                forward, merge_mode=layer.merge_mode, backward_layer=backward
            )
        case Dense():
            name = activation or layer.activation
            return keras.layers.Dense(
                layer.units, _OLDER.get(name, name), use_bias=layer.bias is not None
            )
        case ReversedEmbedding():
            return keras.layers.Dense(layer.units, use_bias=False)
        case Elementwise():
            return keras.layers.Activation(_OLDER.get(layer.activation, layer.activation))
        case LastStep():
            return keras.layers.Identity()  # what follows sees one timestep alone
