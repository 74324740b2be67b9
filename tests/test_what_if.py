"""Other orders, words left out, other weights: against the phrases and networks themselves."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.engines.numpy_engine import NumpyEngine
from app.errors import InvalidRequest
from app.folder.read import load_model
from app.inspection import compare
from app.layers import Elementwise, Embedding, ReversedEmbedding
from app.model import Model
from app.network import Network
from app.what_if import compare_orders, leave_one_out, orders, with_weights
from tests.small_models import model_of, small_model


def test_every_order_once_and_the_phrase_first() -> None:
    model = small_model()
    assert orders(model, " w1  w2") == ("w1 w2", "w2 w1")
    assert len(orders(model, "w1 w2 w3 w4")) == 24
    assert len(orders(model, "w1 w1 w2")) == 3
    with pytest.raises(InvalidRequest):
        orders(model, "w1 w2 w3 w4 w5")


def test_one_bag_of_words_and_other_states() -> None:
    compared = compare_orders(small_model(), "w1 w2 w3")
    assert compared.same_bag_of_words
    assert (compared.hidden_state_distance[0, 1:] > 0.01).all()


def test_leaving_a_word_out_is_the_phrase_without_it() -> None:
    model = small_model(masked=False)
    left = leave_one_out(model, "w1 w2 w3")
    assert [(one.word, one.phrase) for one in left] == [
        ("w1", "w2 w3"),
        ("w2", "w1 w3"),
        ("w3", "w1 w2"),
    ]
    pair = compare(model, ["w1 w2 w3", "w1 w3"])
    assert left[1].hidden_state_distance == pair.hidden_state_distance[0, 1]
    assert left[1].distribution_distance == pair.distribution_distance[0, 1]
    assert leave_one_out(model, "w1") == ()


def test_overridden_weights_are_computed_with(notebook_folder: Path) -> None:
    model = load_model(notebook_folder)
    changed = with_weights(model, {"simple_rnn/kernel": [[0.5]], "simple_rnn/bias": [0.25]})
    W, U, b, V, c = (np.asarray(array, np.float64) for array in changed.network.weights.values())
    assert (W.item(), b.item()) == (0.5, 0.25)
    h = np.tanh(1 * W[0] + np.tanh(3 * W[0] + b) @ U + b)
    y = np.exp(h @ V + c)
    np.testing.assert_allclose(changed.outputs("this is").probabilities, y / y.sum(), rtol=1e-5)
    assert model.outputs("this is").probabilities[2] == np.float32(0.46750897)


def tied_model() -> Model:
    table = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    recurrent = small_model().network.recurrent[0]
    layers = (
        Embedding("table", table, True, "ReversibleEmbedding"),
        replace(
            recurrent, kernel=np.ones((3, 3), "f"), recurrent_kernel=np.ones((3, 3), "f"), bias=None
        ),
        ReversedEmbedding("table", table, True),
        Elementwise("softmax", "softmax", 6, "Softmax"),
    )
    return model_of(NumpyEngine(Network("tied", "Functional", layers, None)))


def test_a_tied_table_changes_at_both_ends() -> None:
    table = np.linspace(-1, 1, 18, dtype=np.float32).reshape(6, 3)
    changed = with_weights(tied_model(), {"table/embeddings": table.tolist()})
    h = np.tanh(table[2] @ np.ones((3, 3)))
    y = np.exp(h @ table.T)
    np.testing.assert_allclose(changed.outputs("w2").probabilities, y / y.sum(), rtol=1e-5)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"nope": [1]}, "no such weight"),
        ({"simple_rnn/bias": [[1.0]]}, "its shape is [1], not [1, 1]"),
        ({"simple_rnn/bias": ["x"]}, "not an array of numbers"),
        ({"simple_rnn/bias": [[1], [1, 2]]}, "not an array of numbers"),
        ({"simple_rnn/bias": [1e300]}, "float32"),
        ({"simple_rnn/bias": [float("nan")]}, "float32"),
        ({"simple_rnn/bias": [10**400]}, "float32"),
        ({"simple_rnn/bias": None}, "not an array of numbers"),
        ({"simple_rnn/bias": ["1"]}, "not an array of numbers"),
        ({"simple_rnn/bias": [True]}, "not an array of numbers"),
        ({"simple_rnn/bias": [None]}, "not an array of numbers"),
        ({"simple_rnn/bias": 1.0}, "its shape is [1], not []"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    notebook_folder: Path, weights: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        with_weights(load_model(notebook_folder), weights)
    assert said in refused.value.problems[0].message
    assert refused.value.problems[0].pointer.startswith("/weights/")


def test_a_large_model_s_weights_stay_as_they_are() -> None:
    with pytest.raises(InvalidRequest, match="at most 1000"):
        with_weights(small_model(), {"dense/bias": [0.0] * 300})
