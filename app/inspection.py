"""The deeper looks at a model: explain a prediction, compare phrases.

Pure functions of a Model and phrases. In-sequence states are those of one forward pass: where a
network does not mask its padding, the state after word k differs from the final state of the
k-word phrase padded anew.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app import costs
from app.answers import (
    Compared,
    ComparedPhrase,
    DenseOutput,
    Explained,
    ExplainedStep,
    GatedStep,
    LayerStep,
    Prediction,
    TermStep,
)
from app.arrays import Floats
from app.engines.base import RecurrentTrace, Trace
from app.engines.cells.cell import Term
from app.engines.numpy_engine import NumpyEngine
from app.engines.packing import pack
from app.engines.ragged import forward_each
from app.model import DEFAULT_TOP_K, Model
from app.text.encoding import Encoded
from app.text.padding import context, pad


def bag_of_words(encoded: Encoded) -> dict[str, int]:
    """The phrase with its order thrown away: "this is" and "is this" are the same bag."""
    return dict(Counter(encoded.tokens))


def entropy(probabilities: Floats) -> np.float32:
    """Entropy of a distribution [V] in bits."""
    p = probabilities[probabilities > 0].astype(np.float64)
    return np.float32(max(0.0, -(p * np.log2(p)).sum()))


def check_cost(model: Model, phrases: Sequence[str], most_seconds: float) -> None:
    """Raises TooExpensive where every number of these phrases would take longer than that. A
    network of any number of timesteps has as many as a phrase has words.
    """
    T, padded = model.options.max_length, model.timesteps is not None
    steps = sum(T if padded else min(T, len(phrase) // 2 + 1) for phrase in phrases)
    costs.check(costs.seconds(model.network, steps, steps, together=False), most_seconds)


def explain(model: Model, phrase: str, k: int = DEFAULT_TOP_K) -> Explained:
    """Every number of the forward pass for one phrase."""
    encoded = model.encode(phrase)
    padded = model.pad(encoded)
    trace = model.trace(padded)
    timesteps = tuple(
        ExplainedStep(
            t,
            model.token_at(encoded, padded, t),
            int(padded.ids[t]),
            bool(trace.skipped[t]),
            _layer_steps(trace, t),
            _said(model, trace, t, k),
        )
        for t in range(len(padded.ids))
    )
    return Explained(
        model.id,
        phrase,
        encoded.tokens,
        encoded.ids,
        encoded.spans,
        model.unknown_words(phrase, encoded),
        padded.ids,
        padded.mask,
        model.options.max_length,
        padded.dropped,
        bag_of_words(encoded),
        timesteps,
        tuple(DenseOutput(dense.name, dense.output) for dense in trace.dense),
        trace.logits,
        model.rank(trace.probabilities, k),
        entropy(trace.probabilities),
    )


def _said(model: Model, trace: Trace, t: int, k: int) -> tuple[Prediction, ...]:
    """What the network would have said after a timestep: nothing where it was skipped, or where a
    layer has yet to read what follows.
    """
    if trace.skipped[t] or trace.step_probabilities is None:
        return ()
    return model.rank(trace.step_probabilities[t], k)


def _layer_steps(trace: Trace, t: int) -> tuple[LayerStep | GatedStep, ...]:
    skipped = bool(trace.skipped[t])
    return tuple(_layer_step(layer, t, skipped) for layer in trace.recurrent)


def _layer_step(layer: RecurrentTrace, t: int, skipped: bool) -> LayerStep | GatedStep:
    state = layer.hidden_state[t]
    if len(layer.terms) != 1:
        cell = None if layer.cell_state is None else layer.cell_state[t]
        terms = None if skipped else {term.name: _term_step(term, t) for term in layer.terms}
        return GatedStep(layer.name, None if skipped else layer.input[t], terms, cell, state)
    [term] = layer.terms
    if skipped:
        return LayerStep(layer.name, None, None, None, term.bias, None, state)
    return LayerStep(
        layer.name,
        layer.input[t],
        term.input_term[t],
        term.recurrent_term[t],
        term.bias,
        term.pre_activation[t],
        state,
    )


def _term_step(term: Term, t: int) -> TermStep:
    return TermStep(
        term.input_term[t],
        term.recurrent_term[t],
        term.bias,
        term.pre_activation[t],
        term.value[t],
    )


def compare(model: Model, phrases: Sequence[str], k: int = DEFAULT_TOP_K) -> Compared:
    """Phrases side by side: the same bag of words may be two hidden states."""
    encoded = [model.encode(phrase) for phrase in phrases]
    traces = [model.trace(model.pad(one)) for one in encoded]
    bags = [bag_of_words(one) for one in encoded]
    states = np.stack([trace.final for trace in traces])  # [N, H]
    differences = states[:, None, :] - states[None, :, :]  # [N, N, H]
    distributions = [trace.probabilities for trace in traces]
    return Compared(
        model.id,
        tuple(phrases),
        tuple(
            ComparedPhrase(phrase, bag, state, model.rank(probabilities, k))
            for phrase, bag, state, probabilities in zip(
                phrases, bags, states, distributions, strict=True
            )
        ),
        all(bag == bags[0] for bag in bags),
        np.sqrt((differences**2).sum(axis=-1)),
        np.array([[jensen_shannon(p, q) for q in distributions] for p in distributions], "f"),
    )


def jensen_shannon(p: Floats, q: Floats) -> float:
    """Jensen-Shannon distance to base 2: 0 for equal distributions [V], 1 for disjoint ones.

    The square root of the divergence (Endres and Schindelin 2003), which is a metric.
    """
    p, q = p / p.sum(dtype=np.float64), q / q.sum(dtype=np.float64)
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return math.sqrt(min(1.0, max(0.0, divergence)))


def _relative_entropy(p: NDArray[np.floating], q: NDArray[np.floating]) -> float:
    inside = p > 0
    return float((p[inside] * np.log2(p[inside] / q[inside])).sum())


def logits_before(model: Model, ids: Sequence[int], positions: range) -> Floats:
    """[n, V] after the words before each position, exactly as `predict` would see them."""
    engine, options = model.engine, model.options
    before = ids[: positions.stop - 1]
    whole = positions.stop <= options.max_length and model.start_id not in before
    unrolled = model.network.mask_zero and model.network.causal
    if whole and unrolled and isinstance(engine, NumpyEngine):
        # One pass over the sentence: where padding is masked, every prefix is a state on the way.
        history = context(before, model.start_id, options)
        hidden = engine.run(pack([history]))[-1][0]  # [T, H]
        return engine.output(hidden[-len(positions) :]).logits
    rows = [pad(ids[:at], model.start_id, options).ids for at in positions]
    return forward_each(engine, rows).logits
