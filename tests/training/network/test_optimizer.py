"""AdamW against Keras's, for whole arrays and for tables of which a batch touches some rows."""

from typing import Any

import numpy as np
import pytest

from app.arrays import Floats
from app.training.network.bptt import Gradients
from app.training.network.optimizer import AdamW
from app.training.network.parameters import Parameters
from app.training.network.softmax import RowGradient

RATE, DECAY = 0.01, 0.3


def gradients(dense: Parameters, rows: dict[str, RowGradient] | None = None) -> Gradients:
    return Gradients(0.0, 1, dense, rows or {}, ())


class Both:
    """One parameter under our optimiser and under Keras's."""

    def __init__(self, keras: Any, start: Floats) -> None:
        self.keras, self.reference = keras, keras.Variable(start)
        self.theirs = keras.optimizers.AdamW(RATE, weight_decay=DECAY, beta_2=0.99, epsilon=1e-8)
        self.ours, self.parameters = AdamW(weight_decay=DECAY, clip_norm=0.0), {"it": start.copy()}

    def step(self, dense: Floats, ours: Gradients, rtol: float) -> None:
        """The same gradient for both; afterwards they are equal."""
        self.theirs.apply([self.keras.ops.convert_to_tensor(dense)], [self.reference])
        self.ours.update(self.parameters, ours, RATE)
        np.testing.assert_allclose(self.parameters["it"], np.asarray(self.reference), rtol=rtol)


@pytest.mark.tensorflow
def test_steps_equal_keras_s(keras: Any) -> None:
    rng = np.random.default_rng(0)
    both = Both(keras, rng.standard_normal((5, 4), np.float32))
    for _ in range(7):
        gradient = rng.standard_normal((5, 4), np.float32)
        both.step(gradient, gradients({"it": gradient.copy()}), rtol=1e-5)


@pytest.mark.tensorflow
def test_rows_that_a_batch_leaves_out_go_on_as_keras_s_do(keras: Any) -> None:
    rng = np.random.default_rng(1)
    both = Both(keras, rng.standard_normal((6, 3), np.float32))
    for step in range(12):
        ids = np.flatnonzero(rng.random(6) < (0.3 if step else 1.0))
        values = rng.standard_normal((len(ids), 3), np.float32)
        dense = np.zeros((6, 3), np.float32)
        dense[ids] = values
        both.step(dense, gradients({}, {"it": RowGradient(ids, values)}), rtol=2e-5)


@pytest.mark.parametrize("lazy", [False, True])
def test_all_rows_of_a_table_are_touched_as_if_it_were_dense(lazy: bool) -> None:
    rng = np.random.default_rng(1)
    start = rng.standard_normal((6, 3), np.float32)
    by_rows, dense = {"embeddings": start.copy()}, {"embeddings": start.copy()}
    one, other = AdamW(DECAY, 1.0, lazy=lazy), AdamW(DECAY, 1.0)
    for _ in range(4):
        gradient = rng.standard_normal((6, 3), np.float32)
        rows = RowGradient(np.arange(6), gradient.copy())
        one.update(by_rows, gradients({}, {"embeddings": rows}), RATE)
        other.update(dense, gradients({"embeddings": gradient.copy()}), RATE)
    np.testing.assert_allclose(by_rows["embeddings"], dense["embeddings"], rtol=1e-6)


def test_moments_end_at_zero_before_they_become_subnormal_numbers() -> None:
    parameters = {"embeddings": np.ones((2, 2), np.float32)}
    optimizer = AdamW(0.0, 0.0)
    tiny = RowGradient(np.array([1]), np.full((1, 2), 1e-12, np.float32))
    nothing = RowGradient(np.array([0]), np.zeros((1, 2), np.float32))
    for step in range(800):
        touched = tiny if step == 0 else nothing
        optimizer.update(parameters, gradients({}, {"embeddings": touched}), RATE)
        for moment in (optimizer.first["embeddings"], optimizer.second["embeddings"]):
            assert not ((moment != 0) & (np.abs(moment) < np.finfo(np.float32).tiny)).any()
    assert not optimizer.first["embeddings"].any()


@pytest.mark.parametrize("lazy", [False, True])
def test_rows_that_no_batch_touches_decay_all_the_same(lazy: bool) -> None:
    parameters = {"embeddings": np.ones((3, 2), np.float32)}
    touched = RowGradient(np.array([1]), np.full((1, 2), 0.5, np.float32))
    optimizer = AdamW(DECAY, 0.0, lazy=lazy)
    optimizer.update(parameters, gradients({}, {"embeddings": touched}), RATE)
    kept = 1 - RATE * DECAY
    # The first step of Adam is as long as the rate, whatever the gradient.
    wanted = [[kept, kept], [kept - RATE, kept - RATE], [kept, kept]]
    np.testing.assert_allclose(parameters["embeddings"], wanted, rtol=1e-6)


def test_a_lazy_row_s_momentum_waits_until_it_is_touched_again() -> None:
    parameters = {"embeddings": np.ones((2, 2), np.float32)}
    optimizer = AdamW(0.0, 0.0, lazy=True)
    for row in (1, 0, 0):
        touched = RowGradient(np.array([row]), np.full((1, 2), 0.5, np.float32))
        optimizer.update(parameters, gradients({}, {"embeddings": touched}), RATE)
        np.testing.assert_allclose(parameters["embeddings"][1], 1 - RATE, rtol=1e-6)
    np.testing.assert_allclose(optimizer.first["embeddings"][1], 0.1 * 0.5, rtol=1e-6)


def test_the_norm_of_all_gradients_together_is_clipped() -> None:
    parameters = {"kernel": np.zeros((2, 2), np.float32), "bias": np.zeros(2, np.float32)}
    dense = {"kernel": np.full((2, 2), 3.0, np.float32), "bias": np.zeros(2, np.float32)}
    optimizer = AdamW(0.0, clip_norm=1.5)
    optimizer.update(parameters, gradients(dense), RATE)
    # The norm is 6, so that every 3 enters as 0.75; a tenth of it is the first moment.
    np.testing.assert_allclose(optimizer.first["kernel"], np.full((2, 2), 0.075), rtol=1e-6)
