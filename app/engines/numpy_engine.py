"""The forward pass from scratch, in float32 NumPy.

    x_t = E[id_t]                               Embedding; without one, x_t = [id_t]
    h_t = cell(x_t, h_{t-1}),  h_{-1} = 0       a recurrent layer: its equations are in cells/
    y   = g(h_T·V + c)                          Dense, after the last timestep
    p_i = exp(y_i) / Σ_j exp(y_j)               softmax

Where padding is masked, a padded timestep leaves every state as it was, so it is left out before
anything is computed. Phrases of different lengths run together, packed (`packing.py`).

Knows ids and arrays, not words. Shapes: B phrases, T timesteps, N packed rows, F input features,
H units, V classes.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.arrays import Floats, Ids
from app.engines.activations import ACTIVATIONS, softmax
from app.engines.base import DenseTrace, Outputs, RecurrentTrace, Trace
from app.engines.bidirectional import BothWays
from app.engines.blocks import Blocks
from app.engines.cells import make_cell
from app.engines.cells.cell import Cell, States
from app.engines.packing import Packed, pack
from app.engines.products import arranged, product
from app.engines.traces import both_traces, recurrent_trace, spread
from app.layers import (
    Bidirectional,
    Dense,
    Elementwise,
    Embedding,
    Layer,
    Recurrent,
    ReversedEmbedding,
    changes_nothing,
)
from app.network import Network
from app.pauses import Pausing, ended


class NumpyEngine:
    """Runs one network. Immutable after construction; safe to call from any thread.

    `start` is the id that sequences begin with, where they do: what enters the timestep after it
    is always the same, h_0·U, and is computed once.
    """

    name = "numpy"

    def __init__(self, network: Network, start: int | None = None) -> None:
        self.network = network = _arranged(network)
        layers, end = network.layers, network.last_recurrent + 1
        embedding = layers[0]
        self._embeddings = embedding.embeddings if isinstance(embedding, Embedding) else None
        self._body = [
            _as_computed(layer)
            for layer in layers[0 if self._embeddings is None else 1 : end]
            if not changes_nothing(layer)
        ]
        self.cells = [cell for cell in self._body if isinstance(cell, Cell)]
        self._head = [_as_dense(layer) for layer in layers[end:] if not changes_nothing(layer)]
        self._entered = self._entered_by_id()
        self._start = start if network.causal else None
        self._after_start: list[Floats] = []  # [1, ≤ G·H] for each recurrent layer
        if self._start is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                states = self.run(pack([[self._start]]))
                self._after_start = [
                    cell.recur(h) for cell, (h, *_) in zip(self.cells, states, strict=True)
                ]

    def _entered_by_id(self) -> Floats | None:
        """What every id adds to the first layer [V, G·H], where that takes no more memory than the
        network itself.
        """
        first = self._body[0]
        if self._embeddings is None or not isinstance(first, Cell):
            return None
        if self._embeddings.shape[0] * first.layer.kernel.shape[1] > self.network.parameters:
            return None
        return first.enter(np.asarray(self._embeddings))

    def forward(self, padded: Ids) -> Outputs:
        """Padded ids [B, T] -> logits and probabilities [B, V]."""
        with np.errstate(over="ignore", invalid="ignore"):  # a linear network may overflow
            return self.output(self.final([self.unpadded(row) for row in padded.tolist()]))

    def final(self, sequences: Sequence[Sequence[int]]) -> Floats:
        """What the last recurrent layer hands on after each of B sequences of ids: [B, H]."""
        return ended(self.finals(sequences))

    def finals(self, sequences: Sequence[Sequence[int]]) -> Pausing[Floats]:
        """The same with a pause after every timestep of a layer."""
        packed = pack(sequences)
        states = (yield from self.timesteps(packed))[-1]
        last = self._body[-1]
        if isinstance(last, BothWays):
            return last.final(packed, states[1], states[2])
        return packed.last(states[0])

    def unpadded(self, ids: list[int]) -> list[int]:
        """The ids whose timesteps are computed: all of them unless padding is masked."""
        return [number for number in ids if number] if self.network.mask_zero else ids

    def run(self, packed: Packed, state: Sequence[States] | None = None) -> list[States]:
        """The states of every recurrent layer at every timestep, [N, H] each.

        They start from `state`, [B, H] each in packed order, or zeros. A Bidirectional has what it
        merged, and the hidden state of either reading; it always starts from zeros.
        """
        return ended(self.timesteps(packed, state))

    def timesteps(
        self, packed: Packed, state: Sequence[States] | None = None
    ) -> Pausing[list[States]]:
        """The same with a pause after every timestep of a layer."""
        all_start = state is None and self._all_start(packed)
        entered = None if self._entered is None else self._entered[packed.ids]  # [N, G·H]
        x = self._enter(packed.ids) if entered is None else entered  # [N, F]; not read if entered
        states: list[States] = []
        for layer in self._body:
            if isinstance(layer, BothWays):
                (forward, *_), (backward, *_) = yield from layer.timesteps(x, packed)
                x = layer.merge(forward, backward)
                states.append((x, forward, backward))
                continue
            if not isinstance(layer, Cell):
                x = _apply(layer, x)
                continue
            before = None if state is None else state[len(states)]
            second = self._after_start[len(states)] if all_start else None
            if entered is None:
                entered = yield from layer.entering(x)
            after = yield from layer.timesteps(entered, packed.running, before, second)
            states.append(after)
            x, entered = states[-1][0], None  # [N, H]
        return states

    def slide(self, ids: Sequence[int], length: int) -> Pausing[Floats]:
        """What the last recurrent layer hands on after every window of `length` ids: [n, H].

        All n = N - length + 1 windows take a timestep together, with a pause after each: n rows are
        a wide product, what a word enters is computed once for all windows that it is in, and of
        the states the last alone is kept. For causal networks; every id is a timestep.
        """
        n = len(ids) - length + 1
        with np.errstate(over="ignore", invalid="ignore"):
            entered = self._entered_first(np.array(ids, np.intp))  # [N, G·H]
        states: list[States | None] = [None] * len(self.cells)
        for t in range(length):
            with np.errstate(over="ignore", invalid="ignore"):
                x = self._step(entered[t : t + n].copy(), states)
            yield
        return x

    def _entered_first(self, ids: NDArray[np.intp]) -> Floats:
        """What ids [N] add to the first recurrent layer: [N, G·H]."""
        if self._entered is not None:
            return self._entered[ids]
        x = self._enter(ids)
        for layer in self._body:
            if isinstance(layer, Cell):
                return layer.enter(x)
            x = _apply(layer, x)  # type: ignore[arg-type] # nothing reads both ways here
        raise AssertionError("there is no recurrent layer")

    def _step(self, entered: Floats, states: list[States | None]) -> Floats:
        """One timestep of n rows through every layer, from `states` and into them: [n, H]."""
        x, at, rows = entered, 0, [len(entered)]
        for layer in self._body:
            if isinstance(layer, Cell):
                x = layer.enter(x) if at else entered  # all before the first one was done for words
                states[at] = after = ended(layer.timesteps(x, rows, states[at]))
                x = after[0]
                at += 1
            elif at:
                x = _apply(layer, x)  # type: ignore[arg-type] # nothing reads both ways here
        return x

    def _all_start(self, packed: Packed) -> bool:
        """Whether all sequences that have a second timestep, if any has, begin with the start."""
        if self._start is None or len(packed.running) < 2:
            return False
        return bool((packed.ids[: packed.running[1]] == self._start).all())

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
        packed = pack([padded[steps].tolist()])
        recurrent: list[RecurrentTrace] = []
        for layer in self._body:
            if isinstance(layer, BothWays):
                both = layer.run(x, packed)  # [S, H] each
                recurrent += both_traces(layer, x, both, steps, T)
                h = layer.final(packed, both[0][0], both[1][0])  # [1, H]
                x = layer.merge(both[0][0], both[1][0])
            elif isinstance(layer, Cell):
                states = ended(layer.timesteps(layer.enter(x), packed.running))  # [S, H] each
                recurrent.append(recurrent_trace(layer, x, states, steps, T))
                x = states[0]
                h = x if len(steps) else np.zeros((1, x.shape[1]), np.float32)  # all padding
            else:
                x = _apply(layer, x)
        outputs = self.output(h if self.network.causal else h[-1:])
        said = None  # after each step, too
        if self.network.causal:
            said = spread(outputs.probabilities[: len(steps)], steps, T)
        return Trace(
            padded,
            skipped,
            tuple(recurrent),
            h[-1],
            self._dense_traces(h[-1:]),
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
            case Bidirectional():
                forward, backward = _arranged_cell(layer.forward), _arranged_cell(layer.backward)
                return replace(layer, forward=forward, backward=backward)
            case Recurrent():
                return _arranged_cell(layer)
            case Dense():
                return replace(layer, kernel=arranged(layer.kernel))
        return layer

    return replace(network, layers=tuple(one(layer) for layer in network.layers))


def _arranged_cell(layer: Recurrent) -> Recurrent:
    kernels = arranged(layer.kernel), arranged(layer.recurrent_kernel)
    return replace(layer, kernel=kernels[0], recurrent_kernel=kernels[1])


def _as_computed(layer: Layer) -> Layer | Cell | BothWays:
    if isinstance(layer, Bidirectional):
        return BothWays(layer)
    return make_cell(layer) if isinstance(layer, Recurrent) else layer


def _as_dense(layer: Layer) -> Layer:
    """A tied output as a Dense of its own."""
    if not isinstance(layer, ReversedEmbedding):
        return layer
    return Dense(layer.name, "linear", layer.embeddings.T, None)


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
