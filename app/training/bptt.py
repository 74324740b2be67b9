"""Back-propagation through time, written out: the unrolled network's loss and its gradients.

    x_t = E[id_t]                            embedding
    h_t = tanh(x_t·W + h_{t-1}·U + b)        SimpleRNN, one or several on top of each other
    y_t = h_t·P + c                          projection (optional)
    p_t = softmax(y_t·Eᵀ)   tied, or   softmax(y_t·V + d)

and backwards, with g_t the gradient of the loss with respect to h_t:

    δ_t = (g_t + δ_{t+1}·Uᵀ) ⊙ (1 - h_t²)
    ∂W = Σ x_tᵀ·δ_t    ∂U = Σ h_{t-1}ᵀ·δ_t    ∂b = Σ δ_t    ∂x_t = δ_t·Wᵀ

Everything is time-major, [T, B, features], so that a timestep is one contiguous block. Knows ids
and arrays; nothing about words, files or optimisers. Shapes: T timesteps, B sequences, V classes,
E embedding size, H units, P projection size, N predicted positions (those the mask lets through).

A tied embedding has no output bias of its own: its last column carries it, and the projection's
last output is held at 1 (kernel column 0, bias 1, no gradient), so that a plain Keras network
answers the same.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.network import Floats, Ids, Mask
from app.training.softmax import Candidates, RowGradient, softmax_loss

_EMBEDDING = 0.05  # fresh embeddings lie between minus and plus this
_STATE = 0.63  # standard deviation of tanh(z) for z of variance 1

Parameters = dict[str, Floats]
State = tuple[Floats, ...]  # one [B, H] for each recurrent layer


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a trainable network. `projection` 0 means none; tied needs one."""

    classes: int
    embedding: int
    units: int
    layers: int
    projection: int
    tied: bool

    @property
    def columns(self) -> int:
        """Embedding columns: a tied one has one more, which carries the output bias."""
        return self.embedding + self.tied


@dataclass(frozen=True, slots=True)
class Dropout:
    """Shares dropped in training; one mask a sequence, the same at every timestep.

    Gal and Ghahramani 2016. `words` drops whole words of the vocabulary for a batch, `recurrent`
    single weights of the recurrent kernels for a batch (DropConnect; Merity et al. 2018).
    """

    embedding: float = 0.0
    hidden: float = 0.0
    projection: float = 0.0
    words: float = 0.0
    recurrent: float = 0.0


@dataclass(frozen=True, slots=True)
class Batch:
    """`ids` and `targets` [T, B]; only positions where `mask` [T, B] is True are predicted."""

    ids: Ids
    targets: Ids
    mask: Mask


@dataclass(frozen=True, slots=True)
class Gradients:
    """The summed loss in nats, and gradients of its mean over the `count` predicted positions.

    `rows` are those of the embeddings (and of an untied output), for the touched rows only.
    """

    loss: float
    count: int
    dense: Parameters
    rows: dict[str, RowGradient]
    state: State


def initialize(shape: Shape, rng: np.random.Generator) -> Parameters:
    """Fresh parameters: small uniform embeddings, orthogonal recurrent kernels, kernels that give
    every unit an input of variance 1.

    Embeddings are small for the output's sake; with Glorot's kernels their words would barely be
    heard beside the recurrent state, and learning to hear them takes longer than all the rest.
    """
    uniform = rng.uniform(-_EMBEDDING, _EMBEDDING, (shape.classes, shape.columns))
    parameters = {"embeddings": uniform}
    if shape.tied:
        uniform[:, -1] = 0.0
    features, deviation = shape.columns, _EMBEDDING / np.sqrt(3)
    for layer in range(shape.layers):
        square = rng.standard_normal((shape.units, shape.units))
        scale = 1 / (deviation * np.sqrt(features))
        parameters[f"kernel_{layer}"] = scale * rng.standard_normal((features, shape.units))
        parameters[f"recurrent_kernel_{layer}"] = np.linalg.qr(square)[0]
        parameters[f"bias_{layer}"] = np.zeros(shape.units)
        features, deviation = shape.units, _STATE
    if shape.projection:
        width = shape.columns if shape.tied else shape.projection
        parameters["projection_kernel"] = _glorot(rng, features, width)
        parameters["projection_bias"] = np.zeros(width)
        features = width
    if shape.tied:
        parameters["projection_kernel"][:, -1] = 0.0
        parameters["projection_bias"][-1] = 1.0
    else:
        parameters["output_kernel"] = _glorot(rng, features, shape.classes).T  # [V, P]
        parameters["output_bias"] = np.zeros((shape.classes, 1))
    return {name: np.ascontiguousarray(p, np.float32) for name, p in parameters.items()}


def _glorot(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    limit = np.sqrt(6.0 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))


class Unrolled:
    """A trainable network: the parameters, the forward pass and its gradients."""

    def __init__(self, shape: Shape, parameters: Parameters) -> None:
        self.shape = shape
        self.parameters = parameters

    def initial_state(self, sequences: int) -> State:
        """Zeros, [B, H] for each recurrent layer."""
        return tuple(
            np.zeros((sequences, self.shape.units), np.float32) for _ in range(self.shape.layers)
        )

    @property
    def output_table(self) -> str:
        """The parameter whose row i is dotted with the last features to give logit i."""
        return "embeddings" if self.shape.tied else "output_kernel"

    def features(self, ids: Ids, mask: Mask, state: State) -> tuple[Floats, State]:
        """What the output layer sees, [N, P], without dropout; and the final state."""
        hidden, _, final = self._recurrent(ids, state, None, None)
        return self._project(hidden[-1][mask]), final

    def logits(self, features: Floats) -> Floats:
        """[N, P] -> [N, V]."""
        table = self.parameters[self.output_table]
        logits: Floats = features @ table.T
        if not self.shape.tied:
            logits += self.parameters["output_bias"][:, 0]
        return logits

    def gradients(
        self,
        batch: Batch,
        state: State,
        candidates: Candidates | None,
        dropout: Dropout,
        rng: np.random.Generator,
    ) -> Gradients:
        """Forward and backward over one batch.

        `candidates` limits the softmax to a sample of the classes; None takes all of them.
        """
        if dropout.recurrent:
            return self._with_dropped_weights(batch, state, candidates, dropout, rng)
        T, B = batch.ids.shape
        masks = _dropout_masks(self.shape, B, dropout, rng)
        kept = None if not dropout.words else rng.random(self.shape.classes) >= dropout.words
        embedded = self.parameters["embeddings"][batch.ids]  # [T, B, E]
        if kept is not None:
            embedded *= (kept / np.float32(1 - dropout.words))[batch.ids][..., None]
        hidden, inputs, final = self._recurrent(batch.ids, state, masks, embedded)
        sequence = np.nonzero(batch.mask)[1]  # [N]
        last = hidden[-1][batch.mask]  # [N, H]
        if masks.hidden:
            last *= masks.hidden[-1][sequence]
        projected = self._project(last)  # [N, P]
        if masks.projection is not None:
            projected *= masks.projection[sequence]
        loss = softmax_loss(
            projected,
            self.parameters[self.output_table],
            None if self.shape.tied else self.parameters["output_bias"],
            batch.targets[batch.mask],
            candidates,
        )
        dense: Parameters = {}
        d_features = loss.d_features
        if masks.projection is not None:
            d_features *= masks.projection[sequence]
        d_last = self._project_backward(last, d_features, dense)  # [N, H]
        if masks.hidden:
            d_last *= masks.hidden[-1][sequence]
        d_top = np.zeros_like(hidden[-1])  # [T, B, H]
        d_top[batch.mask] = d_last
        d_embedded = self._recurrent_backward(hidden, inputs, state, d_top, masks, dense)
        if kept is not None:
            d_embedded *= (kept / np.float32(1 - dropout.words))[batch.ids][..., None]
        rows = {self.output_table: loss.rows}
        if loss.bias_rows is not None:
            rows["output_bias"] = loss.bias_rows
        entered = RowGradient.summed(batch.ids.ravel(), d_embedded.reshape(T * B, -1))
        tied = rows.get("embeddings")
        rows["embeddings"] = entered if tied is None else tied.plus(entered)
        return Gradients(loss.total, len(sequence), dense, rows, final)

    def _with_dropped_weights(
        self,
        batch: Batch,
        state: State,
        candidates: Candidates | None,
        dropout: Dropout,
        rng: np.random.Generator,
    ) -> Gradients:
        masks = {
            name: _inverted(dropout.recurrent, parameter.shape, rng)
            for name, parameter in self.parameters.items()
            if name.startswith("recurrent_kernel")
        }
        dropped = {name: self.parameters[name] * mask for name, mask in masks.items()}
        thinned = Unrolled(self.shape, self.parameters | dropped)
        rest = replace(dropout, recurrent=0.0)
        gradients = thinned.gradients(batch, state, candidates, rest, rng)
        for name, mask in masks.items():
            gradients.dense[name] *= mask
        return gradients

    def _recurrent(
        self, ids: Ids, state: State, masks: "_Masks | None", embedded: Floats | None
    ) -> tuple[list[Floats], list[Floats], State]:
        """All recurrent layers: their hidden states [T, B, H] and inputs [T, B, F]."""
        x = self.parameters["embeddings"][ids] if embedded is None else embedded
        if masks is not None and masks.embedding is not None:
            x *= masks.embedding
        hidden: list[Floats] = []
        inputs: list[Floats] = []
        for layer in range(self.shape.layers):
            if layer and masks is not None and masks.hidden:
                x = x * masks.hidden[layer - 1]
            inputs.append(x)
            x = self._layer(layer, x, state[layer])
            hidden.append(x)
        return hidden, inputs, tuple(h[-1].copy() for h in hidden)

    def _layer(self, layer: int, x: Floats, h: Floats) -> Floats:
        """[T, B, F], [B, H] -> [T, B, H]."""
        T, B, F = x.shape
        U = self.parameters[f"recurrent_kernel_{layer}"]
        out = x.reshape(T * B, F) @ self.parameters[f"kernel_{layer}"]
        out += self.parameters[f"bias_{layer}"]
        out = out.reshape(T, B, -1)
        recurrent_term = np.empty_like(h)
        for t in range(T):
            np.matmul(h, U, out=recurrent_term)
            out[t] += recurrent_term
            h = np.tanh(out[t], out=out[t])
        return out

    def _project(self, last: Floats) -> Floats:
        """[N, H] -> [N, P]."""
        if "projection_kernel" not in self.parameters:
            return last.copy()
        projected: Floats = last @ self.parameters["projection_kernel"]
        projected += self.parameters["projection_bias"]
        return projected

    def _project_backward(self, last: Floats, d_features: Floats, dense: Parameters) -> Floats:
        if "projection_kernel" not in self.parameters:
            return d_features
        dense["projection_kernel"] = last.T @ d_features
        dense["projection_bias"] = d_features.sum(axis=0)
        if self.shape.tied:  # the output that carries the bias stays 1
            dense["projection_kernel"][:, -1] = 0.0
            dense["projection_bias"][-1] = 0.0
        d_last: Floats = d_features @ self.parameters["projection_kernel"].T
        return d_last

    def _recurrent_backward(
        self,
        hidden: list[Floats],
        inputs: list[Floats],
        state: State,
        d_top: Floats,
        masks: "_Masks",
        dense: Parameters,
    ) -> Floats:
        """Gradients of every recurrent layer into `dense`; returns that of the embedded input."""
        d_out = d_top
        for layer in reversed(range(self.shape.layers)):
            delta = self._through_time(layer, hidden[layer], d_out)  # [T, B, H]
            T, B, H = delta.shape
            flat = delta.reshape(T * B, H)
            before = np.concatenate([state[layer][None], hidden[layer][:-1]])  # h_{t-1}
            dense[f"kernel_{layer}"] = inputs[layer].reshape(T * B, -1).T @ flat
            dense[f"recurrent_kernel_{layer}"] = before.reshape(T * B, H).T @ flat
            dense[f"bias_{layer}"] = flat.sum(axis=0)
            d_out = (flat @ self.parameters[f"kernel_{layer}"].T).reshape(T, B, -1)
            if layer and masks.hidden:
                d_out *= masks.hidden[layer - 1]
        if masks.embedding is not None:
            d_out *= masks.embedding
        return d_out

    def _through_time(self, layer: int, hidden: Floats, d_hidden: Floats) -> Floats:
        """δ_t for every timestep, last to first. [T, B, H], [T, B, H] -> [T, B, H]."""
        U_T = np.ascontiguousarray(self.parameters[f"recurrent_kernel_{layer}"].T)
        delta: Floats = np.float32(1) - np.square(hidden)
        carried = np.zeros_like(hidden[0])
        for t in reversed(range(len(hidden))):
            carried += d_hidden[t]
            delta[t] *= carried
            np.matmul(delta[t], U_T, out=carried)
        return delta


@dataclass(frozen=True, slots=True)
class _Masks:
    """Inverted dropout masks, [B, features] each; None or empty where nothing is dropped."""

    embedding: Floats | None
    hidden: tuple[Floats, ...]
    projection: Floats | None


def _dropout_masks(shape: Shape, B: int, dropout: Dropout, rng: np.random.Generator) -> _Masks:
    def mask(rate: float, features: int) -> Floats | None:
        return _inverted(rate, (B, features), rng) if rate else None

    hidden = [mask(dropout.hidden, shape.units) for _ in range(shape.layers)]
    projection = None
    if shape.projection:
        projection = mask(dropout.projection, shape.columns if shape.tied else shape.projection)
        if projection is not None and shape.tied:
            projection[:, -1] = 1.0  # the bias is not a feature
    return _Masks(
        mask(dropout.embedding, shape.columns),
        tuple(one for one in hidden if one is not None),
        projection,
    )


def _inverted(rate: float, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """0 for a share `rate` of a mask, for the others what keeps its mean 1."""
    kept = rng.random(shape, np.float32) >= np.float32(rate)
    return kept * np.float32(1 / (1 - rate))
