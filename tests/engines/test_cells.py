"""Cells on numbers worked out by hand, and what holds for each of them in the engine."""

from dataclasses import replace
from math import exp, tanh

import numpy as np
import pytest

from app.arrays import Floats
from app.engines import products
from app.engines.activations import ACTIVATIONS
from app.engines.cells import CELLS
from app.engines.cells.simple_rnn import SimpleRNN
from app.engines.numpy_engine import NumpyEngine
from app.engines.packing import pack
from app.engines.prefixes import Lookups, Runner
from app.folder.keras.recurrent import RECURRENT
from app.layers import Dense, Embedding, Recurrent
from app.network import Network
from app.pauses import ended
from app.terms import ARITHMETIC
from tests import random_networks
from tests.small_models import KINDS, both_ways, small_network

SEQUENCES = [[2, 5, 3, 4], [2], [2, 1], [2, 3, 4], [2, 5]]


def s(x: float) -> float:
    return 1 / (1 + exp(-x))


def f(*values: object) -> Floats:
    return np.array(values, np.float32)


def one_unit(layer: Recurrent) -> Network:
    """x is 1 for id 1 and -2 for id 2."""
    embedding = Embedding("embedding", f([0.0], [1.0], [-2.0]), True)
    dense = Dense("dense", "softmax", f([1.0, 0.0, -1.0]), f(0.0, 0.0, 1.0))
    return Network("by hand", "Sequential", (embedding, layer, dense), None)


def test_an_lstm_by_hand() -> None:
    kernel, recurrent, bias = f([0.5, -1.0, 2.0, 1.5]), f([1.0, 0.5, -0.5, 2.0]), f(0.1, 1.0, 0, -1)
    layer = Recurrent("lstm", "LSTM", "tanh", kernel, recurrent, bias, False, "sigmoid")
    [trace] = NumpyEngine(one_unit(layer)).trace(np.array([1, 2], np.int32)).recurrent
    i, _, g, o = s(0.6), s(0.0), tanh(2.0), s(0.5)
    c = i * g
    h = o * tanh(c)
    second = [-1.0 + h + 0.1, 2.0 + 0.5 * h + 1.0, -4.0 - 0.5 * h, -3.0 + 2.0 * h - 1.0]
    i, forget, g, o = s(second[0]), s(second[1]), tanh(second[2]), s(second[3])
    assert trace.cell_state is not None
    assert trace.cell_state[:, 0] == pytest.approx([c, forget * c + i * g], rel=1e-6)
    assert trace.hidden_state[:, 0] == pytest.approx([h, o * tanh(forget * c + i * g)], rel=1e-6)
    assert [term.name for term in trace.terms] == ["input", "forget", "cell", "output"]
    assert [term.pre_activation[1, 0] for term in trace.terms] == pytest.approx(second, rel=1e-6)
    assert [term.value[1, 0] for term in trace.terms] == pytest.approx([i, forget, g, o], rel=1e-6)
    assert trace.terms[1].recurrent_term[1, 0] == pytest.approx(0.5 * h, rel=1e-6)


@pytest.mark.parametrize("reset_after", [True, False])
def test_a_gru_by_hand(reset_after: bool) -> None:
    kernel, recurrent, b = f([0.5, -1.0, 2.0]), f([1.0, 0.5, -0.5]), [0.1, 1.0, 0.25]
    d = [0.2, -0.3, 0.4] if reset_after else [0.0, 0.0, 0.0]
    layer = Recurrent(
        *("gru", "GRU", "tanh", kernel, recurrent, f(b, d) if reset_after else f(*b), False),
        recurrent_activation="sigmoid",
        reset_after=reset_after,
    )
    [trace] = NumpyEngine(one_unit(layer)).trace(np.array([1, 2], np.int32)).recurrent
    h = 0.0
    for t, x in enumerate([1.0, -2.0]):
        z = s(0.5 * x + h + b[0] + d[0])
        r = s(-x + 0.5 * h + b[1] + d[1])
        k = r * (-0.5 * h + d[2]) if reset_after else r * h * -0.5
        g = tanh(2 * x + b[2] + k)
        h = z * h + (1 - z) * g
        assert [term.value[t, 0] for term in trace.terms] == pytest.approx([z, r, g], rel=1e-5)
        assert trace.terms[2].recurrent_term[t, 0] == pytest.approx(k, rel=1e-5)
        assert trace.terms[2].bias[0] == pytest.approx(b[2])
        assert trace.hidden_state[t, 0] == pytest.approx(h, rel=1e-5)
    assert [term.name for term in trace.terms] == ["update", "reset", "candidate"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("use_bias", [True, False])
def test_sequences_packed_together_and_with_a_start_word_end_as_alone(
    kind: tuple[str, bool], use_bias: bool
) -> None:
    network = _network(kind, use_bias)
    plain, engine = NumpyEngine(network), NumpyEngine(network, start=2)
    alone = np.concatenate([plain.final([one]) for one in SEQUENCES])
    np.testing.assert_allclose(plain.final(SEQUENCES), alone, atol=1e-6)
    np.testing.assert_allclose(engine.final(SEQUENCES), alone, atol=1e-6)


def _network(kind: tuple[str, bool], use_bias: bool = True) -> Network:
    network = small_network(units=(5, 4), cell=kind[0], reset_after=kind[1])
    if use_bias:
        return network
    layers = [
        replace(layer, bias=None) if isinstance(layer, Recurrent) else layer
        for layer in network.layers
    ]
    return replace(network, layers=tuple(layers))


@pytest.mark.parametrize("kind", KINDS)
def test_a_phrase_goes_on_from_the_states_of_its_beginning(kind: tuple[str, bool]) -> None:
    network, lookups = _network(kind), Lookups()
    runner = Runner(NumpyEngine(network), 6, 1 << 20, lookups)
    contexts = [(1, 2), (3, 4, 5)]
    runner.logits(contexts)
    longer = [(1, 2, 7), (3, 4, 5), (3, 4, 5, 6, 1)]
    expected = NumpyEngine(network).logits(NumpyEngine(network).final(longer))
    np.testing.assert_allclose(runner.logits(longer), expected, atol=1e-5)
    assert (lookups.hits, lookups.misses) == (3, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_is_each_way_and_nothing_is_gone_on_from(kind: tuple[str, bool]) -> None:
    network = both_ways(small_network(units=(4,), cell=kind[0], reset_after=kind[1]))
    alone = NumpyEngine(small_network(units=(4,), cell=kind[0], reset_after=kind[1]))
    engine = NumpyEngine(network, start=2)
    forward = np.concatenate([alone.final([one]) for one in SEQUENCES])
    backward = np.concatenate([alone.final([one[::-1]]) for one in SEQUENCES])
    np.testing.assert_allclose(engine.final(SEQUENCES), (forward + backward) / 2, atol=1e-6)
    lookups = Lookups()
    runner = Runner(engine, 6, 1 << 20, lookups)
    logits, states = ended(runner.run([(1, 2), (1, 2, 3)], {}))
    np.testing.assert_allclose(logits, engine.logits(engine.final([(1, 2), (1, 2, 3)])), atol=1e-6)
    assert states is None
    assert (len(runner.states), lookups.hits) == (0, 0)
    trace = engine.trace(np.array([0, 1, 2], np.int32))
    assert trace.step_probabilities is None
    assert network.states == ("rnn_0/forward", "rnn_0/backward", "rnn_0")
    assert [one.name for one in trace.recurrent] == list(network.states)


@pytest.mark.parametrize(
    ("alone", "left_out"), [(0, 0), (63, 0), (64, 64), (100, 64), (130, 128), (192, 128)]
)
@pytest.mark.parametrize("in_blocks", [True, False])
def test_units_that_hear_only_themselves_are_not_multiplied_with_others(
    alone: int, left_out: int, in_blocks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the states are those of the whole product, in float64, at every timestep."""
    monkeypatch.setattr(products, "blocks_pay", lambda: in_blocks)
    rng = np.random.default_rng(alone)
    B, T, H = 3, 6, 192
    U = rng.normal(0, 0.03, (H, H)).astype(np.float32)
    U[:, :alone] = np.diag(rng.uniform(0.5, 1, H))[:, :alone]
    layer = Recurrent("rnn", "SimpleRNN", "tanh", np.ones((1, H), np.float32), U, None, True)
    cell = SimpleRNN(replace(layer, recurrent_kernel=products.arranged(U)))
    assert cell._others.shape == (H, H - left_out)
    entered = rng.normal(0, 1, (T, B, H)).astype(np.float32)
    expected, h = [], np.zeros((B, H))
    for x in entered.astype(np.float64):
        h = np.tanh(x + h @ U.astype(np.float64))
        expected.append(h)
    (states,) = ended(cell.timesteps(entered.copy().reshape(T * B, H), [B] * T))
    np.testing.assert_allclose(states.reshape(T, B, H), expected, atol=1e-6)
    recurred = cell.recur(states[:B])
    np.testing.assert_allclose(recurred, expected[0] @ U.astype(np.float64), atol=1e-6)


def test_units_that_hear_only_themselves_hear_infinite_states_too() -> None:
    """An infinite state times 0 is not 0, as Keras has it."""
    T, H = 4, 128
    U = np.diag(np.full(H, 10, np.float32))
    U[64, 65] = 1
    layer = Recurrent("rnn", "SimpleRNN", "relu", np.ones((1, H), np.float32), U, None, True)
    entered = np.ones((T, H), np.float32)
    entered[0, 64] = 1e38
    expected, h = [], np.zeros(H, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for x in entered:
            h = np.maximum(x + h @ U, np.float32(0))
            expected.append(h)
        (states,) = ended(SimpleRNN(layer).timesteps(entered.copy(), [1] * T))
    assert np.isnan(expected[2][0])
    np.testing.assert_array_equal(np.isfinite(states), np.isfinite(expected))


def test_every_cell_is_read_computed_named_and_compared_with_keras() -> None:
    assert CELLS.keys() == ARITHMETIC.keys() == RECURRENT.keys() == set(random_networks.CELLS)


def test_the_packing_turns_every_sequence_round() -> None:
    packed = pack([[1, 2, 3], [4], [5, 6]])
    turned = packed.ids[packed.turned()]
    expected = pack([[3, 2, 1], [4], [6, 5]])
    np.testing.assert_array_equal(turned, expected.ids)
    rows = turned.astype(np.float32)[:, None]
    assert packed.first(rows)[:, 0].tolist() == [3, 4, 6]
    assert packed.last(rows)[:, 0].tolist() == [1, 4, 5]


def test_the_older_hard_sigmoid() -> None:
    x = f([-3.0, -2.5, -1.0, 0.0, 1.0, 2.5, 3.0])
    old = ACTIVATIONS["keras_2_hard_sigmoid"](x.copy())
    assert old[0] == pytest.approx([0, 0, 0.3, 0.5, 0.7, 1, 1])
    new = ACTIVATIONS["hard_sigmoid"](x.copy())
    assert new[0] == pytest.approx([0, 1 / 12, 1 / 3, 0.5, 2 / 3, 11 / 12, 1])


@pytest.mark.tensorflow
def test_every_activation_is_keras_s(keras: object) -> None:
    from keras import activations

    x = np.concatenate([np.linspace(-9, 9, 401), [-60.0, 0.0, 30.0]]).astype(np.float32)
    for name, ours in ACTIVATIONS.items():
        if name == "keras_2_hard_sigmoid":
            continue
        expected = np.asarray(activations.get(name)(x[None]))
        given = x[None].copy()
        found = ours(given)
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6, err_msg=name)
        assert found is given or name == "softmax"
