"""The NumPy engine and the ranking, on numbers worked out by hand or by plain sorting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.arrays import Floats, Indices
from app.engines.activations import softmax
from app.engines.numpy_engine import NumpyEngine
from app.engines.packing import pack
from app.engines.topk import best_of_rows, top_k
from app.layers import Dense, Embedding, Recurrent
from app.network import Network
from tests.small_models import small_network


def f(*values: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(values, np.float32)


def test_two_steps_by_hand() -> None:
    network = Network(
        "by hand",
        "Sequential",
        (
            Embedding("embedding", f([0.0], [1.0], [-2.0]), True),
            Recurrent("rnn", "SimpleRNN", "relu", f([2.0]), f([0.5]), f(0.25), False),
            Dense("dense", "softmax", f([1.0, 0.0, -1.0]), f(0.0, 0.0, 1.0)),
        ),
        None,
    )
    trace = NumpyEngine(network).trace(np.array([0, 1, 1], np.int32))
    # Padding is skipped; then relu(1·2 + 0.25) = 2.25 and relu(1·2 + 2.25·0.5 + 0.25) = 3.375.
    assert trace.skipped.tolist() == [True, False, False]
    [rnn] = trace.recurrent
    assert rnn.hidden_state[:, 0].tolist() == [0.0, 2.25, 3.375]
    [term] = rnn.terms
    assert term.input_term[:, 0].tolist() == [0.0, 2.0, 2.0]
    assert term.recurrent_term[:, 0].tolist() == [0.0, 0.0, 1.125]
    assert trace.logits.tolist() == [3.375, 0.0, -2.375]
    e = np.exp([3.375, 0.0, -2.375])
    assert trace.probabilities == pytest.approx(e / e.sum(), rel=1e-6)


def test_nothing_but_padding_leaves_the_initial_state() -> None:
    engine = NumpyEngine(small_network(units=(5, 4)))
    assert engine.network.mask_zero
    padded = np.array([[0, 0, 0], [0, 1, 2], [0, 0, 0]], np.int32)
    initial = engine.output(np.zeros((1, 4), np.float32))
    together = engine.forward(padded)
    np.testing.assert_array_equal(together.logits[0], initial.logits[0])
    np.testing.assert_array_equal(together.logits[2], initial.logits[0])
    np.testing.assert_array_equal(engine.forward(padded[:1]).logits, initial.logits)
    np.testing.assert_array_equal(engine.forward(padded[::2]).logits[1], initial.logits[0])
    trace = engine.trace(padded[0])
    assert trace.skipped.all()
    np.testing.assert_array_equal(trace.recurrent[-1].hidden_state, np.zeros((3, 4)))
    np.testing.assert_array_equal(trace.probabilities, initial.probabilities[0])
    np.testing.assert_array_equal(trace.step_probabilities, np.zeros((3, len(initial.logits[0]))))


def test_softmax_of_huge_and_equal_values() -> None:
    assert softmax(f([1e30, 1e30, -1e30])).tolist() == [[0.5, 0.5, 0.0]]


def test_sequences_packed_together_end_where_each_ends_alone() -> None:
    engine = NumpyEngine(small_network(units=(5, 4)))
    sequences = [[1, 2, 3, 4], [5], [6, 7], [8, 9, 10]]
    packed = pack(sequences)
    together = packed.last(engine.run(packed)[-1][0])
    for row, sequence in zip(together, sequences, strict=True):
        one = pack([sequence])
        np.testing.assert_allclose(row, one.last(engine.run(one)[-1][0])[0], atol=1e-6)


@pytest.mark.parametrize(
    "sequences",
    [
        [[2, 5, 3, 4]],
        [[2]],
        [[2, 1], [2, 3, 4], [2], [2, 5]],
        [[3], [2, 5], [2, 4, 1]],  # what begins otherwise has no second timestep
        [[3, 5], [2, 5]],
        [[5, 2, 4]],
        [[], [2, 5]],
        [[]],
    ],
)
def test_a_start_word_s_part_is_computed_once_and_changes_nothing(
    sequences: list[list[int]],
) -> None:
    network = small_network(units=(5, 4))
    engine, plain = NumpyEngine(network, start=2), NumpyEngine(network)
    np.testing.assert_allclose(engine.final(sequences), plain.final(sequences), atol=1e-6)
    packed = pack([[4, 5]])
    state = engine.run(pack([[3]]))
    for [ours], [expected] in zip(
        engine.run(packed, state), engine.run(pack([[3, 4, 5]])), strict=True
    ):
        np.testing.assert_allclose(ours, expected[1:], atol=1e-6)  # begun elsewhere, with a state


def sorted_out(scores: Floats, k: int, barred: Indices) -> list[int]:
    """The reference: a plain stable sort."""
    return [at for at in np.argsort(-scores, kind="stable").tolist() if at not in barred][:k]


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 100),
    st.integers(1, 5),
    st.integers(2, 3000),
    st.sampled_from([1, 40]),  # 40: most probabilities are 0, and their order is the logits'
)
def test_a_ranking_is_a_stable_sort_s_beginning(
    seed: int, k: int, rows: int, classes: int, factor: int
) -> None:
    rng = np.random.default_rng(seed)
    logits = factor * rng.integers(-4, 4, (rows, classes)).astype(np.float32)
    barred = np.unique(rng.integers(0, classes, 3))
    for row, found in zip(logits, best_of_rows(logits.copy(), k, barred), strict=True):
        assert found is not None
        probabilities = softmax(row)
        expected = sorted_out(row, k, barred)
        assert found.ids == expected
        assert found.probabilities == probabilities[expected].tolist()
        before = probabilities.copy()
        assert top_k(probabilities, k, barred).tolist() == sorted_out(probabilities, k, barred)
        np.testing.assert_array_equal(probabilities, before)
