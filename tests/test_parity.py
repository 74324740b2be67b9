"""Property: our engines equal Keras at every timestep, for any network within the contract."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from app.arrays import Floats
from app.engines import make_engine
from app.engines.activations import ACTIVATIONS, softmax
from app.engines.base import RecurrentTrace
from app.folder.keras import read_network
from app.folder.keras.topology import ADDED
from app.layers import ActivationName
from app.text.padding import pad
from app.text.tokens import Side, TextOptions
from tests.random_networks import Recipe, build, entering, every_state, recipes

pytestmark = pytest.mark.tensorflow
TOLERANCE = 1e-5


@settings(
    max_examples=275,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    recipe=recipes(),
    words=st.lists(st.integers(1, 8), min_size=1, max_size=9),
    padding=st.sampled_from(["pre", "post"]),
)
def test_every_state_and_the_distribution_equal_keras(
    keras: Any,
    tmp_path_factory: pytest.TempPathFactory,
    recipe: Recipe,
    words: list[int],
    padding: Side,
) -> None:
    last = recipe.recurrent[-1].merge is not None and recipe.last_returns_sequences
    assume(not (padding == "post" and recipe.mask_zero and last))  # is refused when it is loaded
    ids = [1 + word % (recipe.classes - 1) for word in words]
    padded = pad(ids, None, TextOptions(max_length=recipe.max_length, padding=padding))
    built = build(recipe)
    path = tmp_path_factory.getbasetemp() / "random.keras"
    built.model.save(path)
    network = read_network(path)
    assert network.parameters == built.model.count_params()

    engine = make_engine("numpy", network)
    trace = engine.trace(padded.ids)
    layers = {layer.name: layer for layer in network.recurrent}
    expected_states = every_state(built, entering(recipe, padded.ids))
    for ours, theirs in zip(trace.recurrent, expected_states, strict=True):
        assert (ours.cell_state is not None) == (len(theirs) > 1)
        states = [ours.hidden_state] + ([] if ours.cell_state is None else [ours.cell_state])
        for found, state in zip(states, theirs, strict=True):
            np.testing.assert_allclose(found, state, atol=TOLERANCE, rtol=TOLERANCE)
        computed = ~trace.skipped
        layer = layers.get(ours.name)
        if layer is not None:
            made = remade(ours, layer.activation, backwards=layer.go_backwards)
            np.testing.assert_allclose(
                made[computed], ours.hidden_state[computed], atol=TOLERANCE, rtol=TOLERANCE
            )
        for term in ours.terms:
            total = term.input_term + term.recurrent_term + term.bias
            np.testing.assert_allclose(
                term.pre_activation[computed], total[computed], atol=TOLERANCE, rtol=TOLERANCE
            )
    expected = keras.ops.convert_to_numpy(built.model(entering(recipe, padded.ids)))
    expected = expected.reshape(-1, recipe.classes)[-1]
    if recipe.ending == "logits":
        expected = softmax(expected)
        assert network.layers[-1].name == ADDED
    np.testing.assert_allclose(trace.probabilities, expected, atol=TOLERANCE)
    np.testing.assert_allclose(
        engine.forward(padded.ids[None]).probabilities[0], expected, atol=TOLERANCE
    )


def remade(trace: RecurrentTrace, activation: ActivationName, *, backwards: bool) -> Floats:
    """The hidden states [T, H], from what a trace says of its terms."""
    values = {term.name: term.value for term in trace.terms}
    before = np.zeros_like(trace.hidden_state)
    if backwards:
        before[:-1] = trace.hidden_state[1:]
    else:
        before[1:] = trace.hidden_state[:-1]
    if "update" in values:
        z = values["update"]
        return z * before + (1 - z) * values["candidate"]
    if trace.cell_state is not None:
        return values["output"] * ACTIVATIONS[activation](trace.cell_state.copy())
    assert list(values) == ["hidden"], "a new cell's equations belong here"
    return values["hidden"]


@settings(max_examples=25, derandomize=True)
@given(recipe=recipes(), words=st.lists(st.integers(1, 8), min_size=1, max_size=9))
def test_the_tensorflow_engine_traces_what_the_numpy_engine_traces(
    recipe: Recipe, words: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    pytest.importorskip("keras", reason="TensorFlow is not installed")
    path = Path(tmp_path_factory.getbasetemp()) / "random.keras"
    build(recipe).model.save(path)
    network = read_network(path)
    ids = [1 + word % (recipe.classes - 1) for word in words]
    padded = pad(ids, None, TextOptions(max_length=recipe.max_length)).ids
    ours, theirs = (make_engine(name, network).trace(padded) for name in ("numpy", "tensorflow"))
    np.testing.assert_array_equal(ours.skipped, theirs.skipped)
    for left, right in zip(ours.recurrent, theirs.recurrent, strict=True):
        numbers: list[tuple[Any, Any]] = [
            (left.input, right.input),
            (left.hidden_state, right.hidden_state),
        ]
        assert (left.cell_state is None) == (right.cell_state is None)
        if left.cell_state is not None:
            numbers.append((left.cell_state, right.cell_state))
        for one, other in zip(left.terms, right.terms, strict=True):
            assert one.name == other.name
            numbers += zip(one[1:], other[1:], strict=True)
        for found, expected in numbers:
            np.testing.assert_allclose(found, expected, atol=TOLERANCE, rtol=TOLERANCE)
    assert [d.name for d in ours.dense] == [d.name for d in theirs.dense]
    for left_dense, right_dense in zip(ours.dense, theirs.dense, strict=True):
        np.testing.assert_allclose(left_dense.output, right_dense.output, atol=TOLERANCE)
    np.testing.assert_allclose(ours.logits, theirs.logits, atol=TOLERANCE, rtol=TOLERANCE)
    np.testing.assert_allclose(ours.final, theirs.final, atol=TOLERANCE, rtol=TOLERANCE)
    assert (ours.step_probabilities is None) == (theirs.step_probabilities is None)
    if ours.step_probabilities is not None and theirs.step_probabilities is not None:
        said = ours.step_probabilities, theirs.step_probabilities
        np.testing.assert_allclose(*said, atol=TOLERANCE)
    batch = np.stack([padded, padded])
    forward = make_engine("tensorflow", network).forward(batch)
    np.testing.assert_allclose(forward.probabilities[1], ours.probabilities, atol=TOLERANCE)
