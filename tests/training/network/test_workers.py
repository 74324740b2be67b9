"""Steps shared by several threads: the same gradients as one, and no thread left."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from app.training.network.bptt import Batch, Gradients, Teacher, Unrolled
from app.training.network.dropout import Dropout
from app.training.network.parameters import Shape, initialize
from app.training.network.softmax import Drawn, sample_candidates
from app.training.network.workers import workers
from app.training.text.batches import padded_batch

TIED = Shape(30, embedding=6, units=8, layers=2, projection=6, tied=True)
UNTIED = Shape(30, embedding=6, units=8, layers=1, projection=0, tied=False)


def a_batch(sequences: int, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    lines = [rng.integers(1, 30, rng.integers(2, 9)).astype(np.int32) for _ in range(sequences)]
    batch = padded_batch(lines, 1)
    drawn = rng.integers(1, 30, (*batch.ids.shape, 2)).astype(np.int32)
    shares = rng.uniform(0, 0.7, sequences).astype(np.float32)
    return replace(batch, drawn=Drawn(drawn, share=0.3), taught=shares)


def assert_same(one: Gradients, other: Gradients) -> None:
    assert one.loss == pytest.approx(other.loss, rel=1e-6)
    assert one.count == other.count
    for name, gradient in one.dense.items():
        np.testing.assert_allclose(other.dense[name], gradient, atol=1e-6, err_msg=name)
    for name, rows in one.rows.items():
        np.testing.assert_allclose(other.rows[name].spread(30), rows.spread(30), atol=1e-6)
    for ours, theirs in zip(one.state, other.state, strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-6)


@pytest.mark.parametrize("shape", [TIED, UNTIED])
@pytest.mark.parametrize("sampled", [0, 9])
def test_the_gradients_are_those_of_one_thread(shape: Shape, sampled: int) -> None:
    net = Unrolled(shape, initialize(shape, np.random.default_rng(0)))
    alone = Unrolled(shape, {name: p.copy() for name, p in net.parameters.items()})
    teacher = Teacher(Unrolled(TIED, initialize(TIED, np.random.default_rng(5))))
    with workers(net, Dropout(), teacher, 3) as team:
        for sequences in (7, 2, 1):  # also fewer than there are hands
            batch = a_batch(sequences, seed=sequences)
            state = tuple(np.tanh(layer + 0.5) for layer in net.initial_state(sequences))
            rng = np.random.default_rng(0)
            candidates = sample_candidates(30, 5, sampled, batch.words, rng)
            expected = alone.gradients(batch, state, candidates, Dropout(), rng, teacher)
            assert_same(expected, team.gradients(batch, state, candidates, (0,)))
            # An update in the caller is seen by all in the next step.
            for net_or_alone in (net, alone):
                net_or_alone.parameters["recurrent_kernel_0"] *= np.float32(0.9)


def test_shares_draw_different_dropout_and_the_same_in_every_run() -> None:
    net = Unrolled(TIED, initialize(TIED, np.random.default_rng(0)))
    batch = padded_batch([np.array([5, 6, 7], np.int32)] * 2, 1)  # one line twice
    dropout = Dropout(embedding=0.5)
    runs = []
    for _ in range(2):
        with workers(net, dropout, None, 2) as team:
            runs.append(team.gradients(batch, net.initial_state(2), None, (3,)))
    assert_same(*runs)
    one, other = runs[0].state[0]
    assert np.abs(one - other).max() > 1e-3


def test_a_share_that_fails_ends_the_step() -> None:
    net = Unrolled(TIED, initialize(TIED, np.random.default_rng(0)))
    batch = a_batch(4)
    batch.ids[:, 1] = 10_000  # outside the embedding, in the second share alone
    with (
        pytest.raises(IndexError, match="10000 is out of bounds"),
        workers(net, Dropout(), None, 2) as team,
    ):
        team.gradients(batch, net.initial_state(4), None, (0,))
    assert [one for one in threading.enumerate() if one.name.startswith("gradients")] == []
