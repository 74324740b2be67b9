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

from app.arrays import Floats, Ids, Mask
from app.training.network.dropout import Dropout, Masks, inverted
from app.training.network.parameters import Parameters, Shape
from app.training.network.softmax import (
    Candidates,
    Drawn,
    Output,
    RowGradient,
    Taught,
    softmax_loss,
)

State = tuple[Floats, ...]  # one [B, H] for each recurrent layer


@dataclass(frozen=True, slots=True)
class Batch:
    """`ids` and `targets` [T, B]; only positions where `mask` [T, B] is True are predicted.

    `drawn`, with ids [T, B, M], are other words for the same positions; `taught` [B] is the share
    of each sequence's loss that is a teacher's; nothing of it where there is none.
    """

    ids: Ids
    targets: Ids
    mask: Mask
    drawn: Drawn | None = None
    taught: Floats | None = None

    @property
    def words(self) -> Ids:
        """All that is to be predicted, one behind the other: the text's own, and what is drawn."""
        own = self.targets[self.mask]
        if self.drawn is None:
            return own
        return np.concatenate([own, self.drawn.ids[self.mask].ravel()])


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
    def output(self) -> Output:
        """The output layer, that of a tied network being its embeddings."""
        return Output(self.parameters[self.output_table], self.parameters.get("output_bias"))

    @property
    def output_table(self) -> str:
        """The parameter whose row i is dotted with the last features to give logit i."""
        return "embeddings" if self.shape.tied else "output_kernel"

    def last_hidden(self, ids: Ids, mask: Mask, state: State) -> tuple[Floats, State]:
        """The last layer's hidden states at the predicted positions, [N, H], without dropout; and
        the final state.
        """
        hidden, _, final = self._recurrent(ids, state, None, None)
        return hidden[-1][mask], final

    def features(self, ids: Ids, mask: Mask, state: State) -> tuple[Floats, State]:
        """What the output layer sees, [N, P], without dropout; and the final state."""
        last, final = self.last_hidden(ids, mask, state)
        return self._project(last), final

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
        teacher: "Teacher | None" = None,
    ) -> Gradients:
        """Forward and backward over one batch.

        `candidates` limits the softmax to some of the classes, all `batch.words` among them; None
        takes all of them.
        A `teacher` reads the same sequences from their start, and takes part in the loss.
        """
        if dropout.recurrent:
            return self._with_dropped_weights(batch, state, candidates, dropout, rng, teacher)
        T, B = batch.ids.shape
        masks = Masks.draw(dropout, self.shape, B, rng)
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
            self.output,
            batch.targets[batch.mask],
            candidates,
            None
            if teacher is None or batch.taught is None
            else teacher.answer(batch, batch.taught),
            None if batch.drawn is None else replace(batch.drawn, ids=batch.drawn.ids[batch.mask]),
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
        if not self.shape.tied:
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
        teacher: "Teacher | None",
    ) -> Gradients:
        slow = self.shape.slow
        masks: dict[str, Floats] = {}
        dropped: Parameters = {}
        for name, parameter in self.parameters.items():
            if name.startswith("recurrent_kernel"):
                learnt = parameter[:, slow:]
                masks[name] = inverted(dropout.recurrent, learnt.shape, rng)
                dropped[name] = parameter.copy()
                dropped[name][:, slow:] *= masks[name]
        thinned = Unrolled(self.shape, self.parameters | dropped)
        rest = replace(dropout, recurrent=0.0)
        gradients = thinned.gradients(batch, state, candidates, rest, rng, teacher)
        for name, mask in masks.items():
            gradients.dense[name][:, slow:] *= mask
        return gradients

    def _recurrent(
        self, ids: Ids, state: State, masks: Masks | None, embedded: Floats | None
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
        slow = self.shape.slow
        alphas, U = self._recurrent_kernel(layer)
        out = x.reshape(T * B, F) @ self.parameters[f"kernel_{layer}"]
        out += self.parameters[f"bias_{layer}"]
        out = out.reshape(T, B, -1)
        recurrent_term = np.empty((B, U.shape[1]), np.float32)
        for t in range(T):
            np.matmul(h, U, out=recurrent_term)
            out[t, :, slow:] += recurrent_term
            out[t, :, :slow] += alphas * h[:, :slow]
            h = np.tanh(out[t], out=out[t])
        return out

    def _recurrent_kernel(self, layer: int) -> tuple[Floats, Floats]:
        """α [slow] of the slow units, who hear nothing else; and the others' kernel [H, H - slow].

        Multiplied apart: a product with the whole kernel would spend `slow` / H of its time on 0.
        """
        slow, U = self.shape.slow, self.parameters[f"recurrent_kernel_{layer}"]
        return np.diag(U)[:slow], U[:, slow:]

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
        masks: Masks,
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
            dense[f"recurrent_kernel_{layer}"] = np.zeros((H, H), np.float32)
            learnt = dense[f"recurrent_kernel_{layer}"][:, self.shape.slow :]
            learnt[:] = before.reshape(T * B, H).T @ flat[:, self.shape.slow :]
            dense[f"bias_{layer}"] = flat.sum(axis=0)
            d_out = (flat @ self.parameters[f"kernel_{layer}"].T).reshape(T, B, -1)
            if layer and masks.hidden:
                d_out *= masks.hidden[layer - 1]
        if masks.embedding is not None:
            d_out *= masks.embedding
        return d_out

    def _through_time(self, layer: int, hidden: Floats, d_hidden: Floats) -> Floats:
        """δ_t for every timestep, last to first. [T, B, H], [T, B, H] -> [T, B, H]."""
        slow = self.shape.slow
        alphas, U = self._recurrent_kernel(layer)
        U_T = np.ascontiguousarray(U.T)  # [H - slow, H]
        delta: Floats = np.float32(1) - np.square(hidden)
        carried = np.zeros_like(hidden[0])
        for t in reversed(range(len(hidden))):
            carried += d_hidden[t]
            delta[t] *= carried
            np.matmul(delta[t, :, slow:], U_T, out=carried)
            carried[:, :slow] += alphas * delta[t, :, :slow]
        return delta


@dataclass(frozen=True, slots=True)
class Teacher:
    """A trained network of the same classes: what a batch says of each sequence's loss is against
    its distribution.
    """

    net: Unrolled
    fingerprint: str = ""  # of its model

    def answer(self, batch: Batch, shares: Floats) -> Taught:
        """What it says of every predicted position, each sequence read from a fresh state, for its
        share [B] of the loss.
        """
        state = self.net.initial_state(batch.ids.shape[1])
        features, _ = self.net.features(batch.ids, batch.mask, state)
        return Taught(features, self.net.output, shares[np.nonzero(batch.mask)[1]])
