"""Hand-written gradients against TensorFlow's GradientTape, full and sampled softmax."""

from typing import Any

import numpy as np
import pytest

from app.training.network.bptt import Batch, Gradients, Teacher, Unrolled
from app.training.network.dropout import Dropout
from app.training.network.parameters import Shape, initialize
from app.training.network.softmax import Drawn, RowGradient, sample_candidates

pytestmark = pytest.mark.tensorflow
T, B, V = 5, 4, 70
SHAPES = [
    Shape(V, embedding=6, units=8, layers=1, projection=6, tied=True),
    Shape(V, embedding=6, units=8, layers=2, projection=6, tied=True),
    Shape(V, embedding=6, units=8, layers=2, projection=5, tied=False),
    Shape(V, embedding=6, units=8, layers=1, projection=0, tied=False),
    Shape(V, embedding=6, units=8, layers=2, projection=6, tied=True, slow=3),
]


def _scores(tf: Any, net: Unrolled, variables: Any, batch: Batch, state: Any) -> Any:
    """The logits at the predicted positions with plain TensorFlow operations, in float64."""
    x = tf.gather(variables["embeddings"], batch.ids)
    for layer in range(net.shape.layers):
        h, states = tf.constant(state[layer].astype("float64")), []
        for t in range(T):
            h = tf.tanh(
                x[t] @ variables[f"kernel_{layer}"]
                + h @ variables[f"recurrent_kernel_{layer}"]
                + variables[f"bias_{layer}"]
            )
            states.append(h)
        x = tf.stack(states)
    y = tf.boolean_mask(x, batch.mask)
    if "projection_kernel" in variables:
        y = y @ variables["projection_kernel"] + variables["projection_bias"]
    scores = tf.matmul(y, variables[net.output_table], transpose_b=True)
    if not net.shape.tied:
        scores += variables["output_bias"][:, 0]
    return scores


def _variables(tf: Any, net: Unrolled) -> Any:
    return {name: tf.Variable(p.astype("float64")) for name, p in net.parameters.items()}


@pytest.mark.parametrize(
    ("share", "by_drawing", "each_own"),
    [
        (0.0, 0.0, False),
        (0.4, 0.0, False),
        (0.0, 0.3, False),
        (0.4, 0.3, False),
        (0.4, 0.3, True),
    ],
)
@pytest.mark.parametrize("sampled", [0, 20])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_equal_tensorflow_s(
    shape: Shape, sampled: int, share: float, by_drawing: float, each_own: bool
) -> None:
    """Also where each sequence has a share of its own that is a teacher's."""
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    rng = np.random.default_rng(1)
    net = Unrolled(shape, initialize(shape, rng))
    ids, targets = rng.integers(1, V, (2, T, B)).astype(np.int32)
    mask = np.ones((T, B), np.bool_)
    mask[3:, 1] = mask[4:, 2] = False
    others = rng.integers(1, V, (T, B, 3)).astype(np.int32)
    drawn = Drawn(others, by_drawing) if by_drawing else None
    taught_of = np.array([0.7, 0.0, 0.1, 0.5] if each_own else [share] * B, np.float32)
    batch = Batch(ids, targets, mask, drawn, taught_of)
    state = net.initial_state(B)
    for h in state:
        h += rng.uniform(-0.5, 0.5, h.shape).astype(np.float32)
    candidates = sample_candidates(V, 10, sampled, batch.words, rng)
    wanted = targets[mask]
    weights = np.ones(V)
    if candidates is not None:
        certain = {*range(10), *wanted.tolist()} | ({*others[mask].ravel()} if drawn else set())
        sample = [one for one in candidates.ids if one not in certain]
        weights[:] = 0
        weights[sample] = (V - len(certain)) / len(sample)
        weights[sorted(certain)] = 1

    other = Unrolled(SHAPES[2], initialize(SHAPES[2], np.random.default_rng(2)))
    teacher = Teacher(other) if share else None
    theirs = _scores(tf, other, _variables(tf, other), batch, other.initial_state(B))
    taught = tf.exp(theirs) * weights
    taught /= tf.reduce_sum(taught, axis=1, keepdims=True)

    found = net.gradients(batch, state, candidates, Dropout(), rng, teacher)
    variables = _variables(tf, net)
    with tf.GradientTape() as tape:
        scores = _scores(tf, net, variables, batch, state)
        total = tf.math.log(tf.reduce_sum(tf.exp(scores) * weights, axis=1))
        text_s = total - tf.gather(scores, wanted, batch_dims=1)  # [N]
        teacher_s = total - tf.reduce_sum(taught * scores, axis=1)
        each = tf.gather(scores, others[mask], batch_dims=1)
        drawing_s = total - tf.reduce_mean(each, axis=1)
        shares = np.broadcast_to(taught_of.astype("f8"), (T, B))[mask]
        text_shares = 1 - shares - by_drawing
        loss = tf.reduce_mean(text_shares * text_s + shares * teacher_s + by_drawing * drawing_s)
    assert found.count == len(wanted)
    assert found.loss / found.count == pytest.approx(float(tf.reduce_mean(text_s)), abs=1e-6)
    expected = tape.gradient(loss, variables)
    for name, tensor in expected.items():
        gradient = tf.convert_to_tensor(tensor).numpy()
        if name in found.dense:
            ours = found.dense[name]
        else:
            ours = np.zeros_like(gradient)
            ours[found.rows[name].ids] = found.rows[name].values
        if shape.tied and name.startswith("projection"):
            assert not ours[..., -1].any()  # the output that carries the bias is held
            gradient, ours = gradient[..., :-1], ours[..., :-1]
        if name.startswith("recurrent_kernel"):
            assert not ours[:, : shape.slow].any()  # what slow units hear is held
            gradient, ours = gradient[:, shape.slow :], ours[:, shape.slow :]
        np.testing.assert_allclose(ours, gradient, atol=1e-6, err_msg=name)


def test_dropout_masks_are_scaled_and_kept_over_time() -> None:
    shape = SHAPES[0]
    net = Unrolled(shape, initialize(shape, np.random.default_rng(0)))
    ids = np.full((T, 2000), 3, np.int32)
    batch = Batch(ids, ids, np.ones(ids.shape, np.bool_))
    losses = [
        net.gradients(
            batch, net.initial_state(2000), None, Dropout(hidden=rate), np.random.default_rng(0)
        ).loss
        / ids.size
        for rate in (0.0, 0.5)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)  # unbiased to first order
    assert losses[1] != losses[0]


def test_dropped_recurrent_weights_have_the_gradient_of_what_is_left() -> None:
    shape = SHAPES[1]
    rng = np.random.default_rng(0)
    net = Unrolled(shape, initialize(shape, rng))
    ids, targets = rng.integers(1, V, (2, T, B)).astype(np.int32)
    batch = Batch(ids, targets, np.ones(ids.shape, np.bool_))

    def gradients() -> Gradients:
        dropout, same = Dropout(recurrent=0.5), np.random.default_rng(7)
        return net.gradients(batch, net.initial_state(B), None, dropout, same)

    found = gradients().dense["recurrent_kernel_1"]
    kernel = net.parameters["recurrent_kernel_1"]
    assert 16 < (found == 0).sum() < 48  # of 64
    for at in zip(*np.nonzero(np.abs(found) > np.quantile(np.abs(found), 0.9)), strict=True):
        kept, losses = kernel[at], []
        for step in (0.01, -0.01):
            kernel[at] = kept + np.float32(step)
            losses.append(gradients().loss / ids.size)
        kernel[at] = kept
        assert (losses[0] - losses[1]) / 0.02 == pytest.approx(found[at], rel=0.05)
    assert np.array_equal(net.parameters["recurrent_kernel_1"], kernel)


@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[1], SHAPES[2]])
@pytest.mark.parametrize(
    "dropout",
    [
        Dropout(hidden=0.4),
        Dropout(embedding=0.4),
        Dropout(projection=0.4),
        Dropout(words=0.3),
        Dropout(embedding=0.3, hidden=0.25, projection=0.2, words=0.15, recurrent=0.25),
    ],
    ids=["hidden", "embedding", "projection", "words", "as in the PTB recipe"],
)
def test_gradients_under_dropout_are_the_slopes_of_the_loss(shape: Shape, dropout: Dropout) -> None:
    """In the direction of the gradient, and in others, with the same masks each time."""
    rng = np.random.default_rng(3)
    net = Unrolled(shape, initialize(shape, rng))
    ids, targets = rng.integers(1, V, (2, T, B)).astype(np.int32)
    batch = Batch(ids, targets, np.ones(ids.shape, np.bool_))

    def gradients() -> Gradients:
        same = np.random.default_rng(11)
        return net.gradients(batch, net.initial_state(B), None, dropout, same)

    found, dropped = (
        gradients(),
        net.gradients(batch, net.initial_state(B), None, Dropout(), np.random.default_rng(11)),
    )
    assert found.loss != dropped.loss  # something is dropped
    for name, parameter in net.parameters.items():
        if name in found.dense:
            gradient = found.dense[name].astype(np.float64)
        else:
            gradient = np.zeros(parameter.shape)
            gradient[found.rows[name].ids] = found.rows[name].values
        held = np.ones(parameter.shape)
        if shape.tied and name.startswith("projection"):
            held[..., -1] = 0  # the output that carries the bias is not learnt
        before = parameter.copy()
        for direction in (gradient, *rng.standard_normal((3, *parameter.shape))):
            direction = direction * held
            direction /= np.linalg.norm(direction)
            losses = []
            for step in (0.01, -0.01):
                parameter[:] = before + step * direction
                losses.append(gradients().loss / ids.size)
            parameter[:] = before
            slope = (losses[0] - losses[1]) / 0.02
            assert slope == pytest.approx((gradient * direction).sum(), rel=0.02, abs=3e-4), name


def test_a_fresh_network_hears_its_words() -> None:
    shape = Shape(2000, embedding=64, units=200, layers=2, projection=64, tied=True)
    net = Unrolled(shape, initialize(shape, np.random.default_rng(0)))
    entering = net.parameters["embeddings"] @ net.parameters["kernel_0"]
    assert entering.var() == pytest.approx(1.0, rel=0.1)
    above = np.tanh(np.random.default_rng(1).standard_normal((2000, 200)))
    assert (above @ net.parameters["kernel_1"]).var() == pytest.approx(1.0, rel=0.1)


def test_row_gradients_add_up_repeated_ids() -> None:
    values = np.arange(8, dtype="f").reshape(4, 2)
    rows = RowGradient.summed(np.array([5, 2, 5, 2]), values)
    assert rows.ids.tolist() == [2, 5]
    assert rows.values.tolist() == [[8, 10], [4, 6]]
    both = rows.plus(RowGradient(np.array([1, 5]), np.ones((2, 2), "f")))
    assert both.ids.tolist() == [1, 2, 5]
    assert both.values.tolist() == [[1, 1], [8, 10], [5, 7]]
