"""The forward pass from scratch, in float32 NumPy.

    x_t = E[id_t]                               Embedding; without one, x_t = [id_t]
    h_t = f(x_t·W + h_{t-1}·U + b),  h_{-1} = 0   SimpleRNN
    y   = g(h_T·V + c)                          Dense, after the last timestep
    p_i = exp(y_i) / Σ_j exp(y_j)               softmax

Where padding is masked, a padded timestep leaves every state as it was, so it is left out before
anything is computed. Phrases of different lengths run together: sorted by length, longest first,
the phrases that are still running at timestep t are always the first `running[t]` rows, and all
rows of all timesteps lie behind each other ("packed", [N, features] with N = Σ running).

Knows ids and arrays, not words. Shapes: B phrases, T timesteps, N packed rows, F input features,
H units, V classes.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.engines.activations import ACTIVATIONS, softmax
from app.engines.base import DenseTrace, Outputs, RecurrentTrace, Trace
from app.engines.blocks import Blocks
from app.engines.products import arranged, product
from app.network import (
    Dense,
    Elementwise,
    Embedding,
    Floats,
    Ids,
    Layer,
    Network,
    ReversedEmbedding,
    SimpleRNN,
)

State = tuple[Floats, ...]  # one [B, H] for each recurrent layer
ZERO = np.float32(0)


class Packed(NamedTuple):
    """Sequences of ids, time-major: `ids` [N]; `running` [T] counts the rows of each timestep.

    `order[row]` is the sequence that runs in a row.
    """

    ids: NDArray[np.intp]
    running: list[int]
    order: list[int]


def pack(sequences: Sequence[Sequence[int]]) -> Packed:
    """Arrange sequences of ids for `NumpyEngine.run`."""
    if len(sequences) == 1:
        return Packed(np.array(sequences[0], np.intp), [1] * len(sequences[0]), [0])
    order = sorted(range(len(sequences)), key=lambda at: -len(sequences[at]))
    lengths = [len(sequences[at]) for at in order]
    ids: list[int] = []
    running: list[int] = []
    rows = len(order)
    for t in range(lengths[0]):
        while lengths[rows - 1] <= t:
            rows -= 1
        running.append(rows)
        ids += [sequences[at][t] for at in order[:rows]]
    return Packed(np.array(ids, np.intp), running, order)


class NumpyEngine:
    """Runs one network. Immutable after construction; safe to call from any thread.

    `start` is the id that sequences begin with, where they do: what enters the timestep after it
    is always the same, h_0·U, and is computed once.
    """

    name = "numpy"

    def __init__(self, network: Network, start: int | None = None) -> None:
        self.network = network = _arranged(network)
        layers = [layer for layer in network.layers if not _is_identity(layer)]
        embedding = layers[0]
        self._embeddings = embedding.embeddings if isinstance(embedding, Embedding) else None
        last = max(at for at, layer in enumerate(layers) if isinstance(layer, SimpleRNN))
        self._body = layers[0 if self._embeddings is None else 1 : last + 1]
        self._head = [_as_dense(layer) for layer in layers[last + 1 :]]
        self._input_terms = self._multiplied()
        self._start = start
        self._after_start: list[Floats] = []  # [1, H] for each recurrent layer
        if start is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                recurrent = zip(self.run(pack([[start]])), self.network.recurrent, strict=True)
                self._after_start = [product(h, layer.recurrent_kernel) for h, layer in recurrent]

    def _multiplied(self) -> Floats | None:
        """E·W + b [V, H], where that takes no more memory than the network itself."""
        first = self._body[0]
        if self._embeddings is None or not isinstance(first, SimpleRNN):
            return None
        if self._embeddings.shape[0] * first.units > self.network.parameters:
            return None
        return _input_terms(first, np.asarray(self._embeddings))

    def forward(self, padded: Ids) -> Outputs:
        """Padded ids [B, T] -> logits and probabilities [B, V]."""
        with np.errstate(over="ignore", invalid="ignore"):  # a linear network may overflow
            return self.output(self.final([self.unpadded(row) for row in padded.tolist()]))

    def final(self, sequences: Sequence[Sequence[int]]) -> Floats:
        """The last recurrent layer's state [B, H] after each of B sequences of ids."""
        packed = pack(sequences)
        return self.last(packed, self.run(packed)[-1])

    def unpadded(self, ids: list[int]) -> list[int]:
        """The ids whose timesteps are computed: all of them unless padding is masked."""
        return [number for number in ids if number] if self.network.mask_zero else ids

    def initial_state(self, phrases: int) -> State:
        """Zeros, [B, H] for each recurrent layer."""
        return tuple(
            np.zeros((phrases, layer.units), np.float32) for layer in self.network.recurrent
        )

    def run(self, packed: Packed, state: State | None = None) -> list[Floats]:
        """The hidden states [N, H] of every recurrent layer, starting from `state` or zeros.

        Rows of `state` are in packed order.
        """
        all_start = state is None and self._all_start(packed)
        known = self._input_terms
        x = self._enter(packed.ids) if known is None else known[packed.ids]  # [N, F] or [N, H]
        hidden: list[Floats] = []
        for layer in self._body:
            if isinstance(layer, SimpleRNN):
                before = None if state is None else state[len(hidden)]
                terms = x if known is not None and not hidden else _input_terms(layer, x)
                second = self._after_start[len(hidden)] if all_start else None
                x = _recur(layer, terms, packed.running, before, second)  # [N, H]
                hidden.append(x)
            else:
                x = _apply(layer, x)
        return hidden

    def _all_start(self, packed: Packed) -> bool:
        """Whether all sequences that have a second timestep, if any has, begin with the start."""
        if self._start is None or len(packed.running) < 2:
            return False
        return bool((packed.ids[: packed.running[1]] == self._start).all())

    def last(self, packed: Packed, hidden: Floats) -> Floats:
        """The rows [N, H] -> [B, H] after each sequence's last timestep, in the callers' order.

        The initial state for a sequence without ids: Keras's answer to nothing but padding.
        """
        if len(packed.order) == 1 and packed.running:
            return hidden[-1:]
        final = np.zeros((len(packed.order), hidden.shape[1]), np.float32)
        start = 0
        for t, rows in enumerate(packed.running):
            going_on = packed.running[t + 1] if t + 1 < len(packed.running) else 0
            final[packed.order[going_on:rows]] = hidden[start + going_on : start + rows]
            start += rows
        return final

    def output(self, h: Floats) -> Outputs:
        """What the layers behind the last recurrent one make of its state: [B, H] -> [B, V]."""
        logits = self.logits(h)
        return Outputs(logits, softmax(logits))

    def logits(self, h: Floats) -> Floats:
        """The same before the softmax: a new array [B, V]."""
        x, last = h, self._head[-1]
        for layer in self._head[:-1]:
            x = _apply(layer, x)
        if isinstance(last, Dense):
            return _affine(last, x)
        return h.copy() if x is h else x

    def trace(self, padded: Ids) -> Trace:
        """One phrase's padded ids [T], with every intermediate value."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._trace(padded)

    def _trace(self, padded: Ids) -> Trace:
        T = len(padded)
        skipped = (padded == 0) if self.network.mask_zero else np.zeros(T, np.bool_)
        steps = np.flatnonzero(~skipped)  # [S] the timesteps that are computed
        x = self._enter(padded[steps].astype(np.intp))  # [S, F]
        recurrent: list[RecurrentTrace] = []
        for layer in self._body:
            if isinstance(layer, SimpleRNN):
                hidden = _recur(layer, _input_terms(layer, x), [1] * len(steps), None)  # [S, H]
                recurrent.append(_recurrent_trace(layer, x, hidden, steps, T))
                x = hidden
            else:
                x = _apply(layer, x)
        h = x if len(steps) else np.zeros((1, x.shape[1]), np.float32)  # all padding: h_{-1}
        outputs = self.output(h)  # [S, V]: also what it would have said after each step
        dense = self._dense_traces(h[-1:])
        said = _spread(outputs.probabilities[: len(steps)], steps, T)
        return Trace(
            padded,
            skipped,
            tuple(recurrent),
            dense,
            outputs.logits[-1],
            outputs.probabilities[-1],
            said,
        )

    def _dense_traces(self, h: Floats) -> tuple[DenseTrace, ...]:
        traces = []
        for layer in self._head:
            h = _apply(layer, h)
            if isinstance(layer, Dense):
                traces.append(DenseTrace(layer.name, h[0]))
        return tuple(traces)

    def _enter(self, ids: NDArray[np.intp]) -> Floats:
        """[N] -> [N, F]: embedding rows, or the ids themselves as numbers."""
        if self._embeddings is None:
            return ids.astype(np.float32)[:, np.newaxis]
        if isinstance(self._embeddings, Blocks):
            return self._embeddings.vectors(ids)
        entered: Floats = self._embeddings[ids]  # type: ignore[index] # an array, if not in blocks
        return entered


def _is_identity(layer: Layer) -> bool:
    return isinstance(layer, Elementwise) and layer.activation == "linear"


def _arranged(network: Network) -> Network:
    """The same network, its kernels as `product` likes them, and a tied table as its output does:
    the embedding's rows are the output's columns.
    """
    tables = {
        id(layer.embeddings): arranged(layer.embeddings.T).T
        for layer in network.layers
        if isinstance(layer, ReversedEmbedding)
    }

    def one(layer: Layer) -> Layer:
        match layer:
            case Embedding() | ReversedEmbedding():
                table = tables.get(id(layer.embeddings), layer.embeddings)
                return replace(layer, embeddings=table)
            case SimpleRNN():
                kernels = arranged(layer.kernel), arranged(layer.recurrent_kernel)
                return replace(layer, kernel=kernels[0], recurrent_kernel=kernels[1])
            case Dense():
                return replace(layer, kernel=arranged(layer.kernel))
        return layer

    return replace(network, layers=tuple(one(layer) for layer in network.layers))


def _as_dense(layer: Layer) -> Layer:
    """A tied output as a Dense of its own."""
    if not isinstance(layer, ReversedEmbedding):
        return layer
    return Dense(layer.name, "linear", layer.embeddings.T, None)


def _input_terms(layer: SimpleRNN, x: Floats) -> Floats:
    """x_t·W + b for all timesteps in one product. [N, F] -> [N, H], a new array."""
    terms = product(x, layer.kernel)
    if layer.bias is not None:
        terms += layer.bias
    return terms


def _recur(
    layer: SimpleRNN,
    terms: Floats,
    running: list[int],
    h: Floats | None,
    second: Floats | None = None,
) -> Floats:
    """h_t = f(terms_t + h_{t-1}·U) over packed rows. [N, H], [B, H] -> [N, H], in place.

    `second` [1, H] is h_0·U, where that is known and the same for all rows.
    """
    f, U = ACTIVATIONS[layer.activation], layer.recurrent_kernel
    start = 0
    for t, rows in enumerate(running):
        now = terms[start : start + rows]  # [rows, H], a view
        if t == 1 and second is not None:
            now += second
        elif h is not None:
            now += product(h[:rows], U)
        h = f(now)
        start += rows
    return terms


def _recurrent_trace(
    layer: SimpleRNN, x: Floats, hidden: Floats, steps: NDArray[np.intp], T: int
) -> RecurrentTrace:
    """Recompute the terms of every timestep from the states: [S, F], [S, H] -> [T, ...]."""
    before = np.concatenate([np.zeros_like(hidden[:1]), hidden[:-1]])  # h_{t-1}
    input_term = product(x, layer.kernel)  # [S, H]
    recurrent_term = product(before, layer.recurrent_kernel)  # [S, H]
    bias = np.zeros(layer.units, np.float32) if layer.bias is None else layer.bias
    carried = np.zeros((T, layer.units), np.float32)
    for t in range(T):  # a skipped timestep repeats the state before it
        at = np.searchsorted(steps, t, side="right") - 1
        carried[t] = hidden[at] if at >= 0 else ZERO
    return RecurrentTrace(
        layer.name,
        _spread(x, steps, T),
        _spread(input_term, steps, T),
        _spread(recurrent_term, steps, T),
        bias,
        _spread(input_term + bias + recurrent_term, steps, T),
        carried,
    )


def _spread(rows: Floats, steps: NDArray[np.intp], T: int) -> Floats:
    """Rows [S, features] of the computed timesteps -> [T, features], zeros where skipped."""
    if len(steps) == T:
        return rows
    spread = np.zeros((T, rows.shape[1]), np.float32)
    spread[steps] = rows
    return spread


def _apply(layer: Layer, x: Floats) -> Floats:
    """A layer without memory, row by row: [N, F] -> [N, units]."""
    match layer:
        case Dense():
            return ACTIVATIONS[layer.activation](_affine(layer, x))
        case Elementwise():
            return ACTIVATIONS[layer.activation](x.copy())
    raise AssertionError(f"{layer.name} has a memory or reads ids")


def _affine(layer: Dense, x: Floats) -> Floats:
    out = product(x, layer.kernel)
    if layer.bias is not None:
        out += layer.bias
    return out
