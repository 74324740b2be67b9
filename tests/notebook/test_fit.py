"""Training in NumPy: against finite differences, and against Keras given the same start."""

from typing import Any

import numpy as np
import pytest

from app.arrays import Floats
from app.notebook.answer import run
from app.notebook.fit import Weights, fit, forward, loss_and_gradients, start
from app.notebook.steps import prepare

TEXT = "the dog bit the man and the man bit the dog"


def as_doubles(weights: Weights) -> Any:
    return tuple(weight.astype(np.float64) for weight in weights)


def test_gradients_are_finite_differences() -> None:
    ready = prepare(TEXT, 3)
    weights = as_doubles(start(2, ready.labels.shape[1], 3))
    weights[1][:] = [[0.3, -0.2], [0.1, 0.4]]
    _, gradients = loss_and_gradients(weights, ready.x, ready.labels)
    for weight, gradient in zip(weights, gradients, strict=True):
        for at in np.ndindex(weight.shape):
            losses = []
            for step in (1e-5, -2e-5):
                weight[at] += step
                losses.append(loss_and_gradients(weights, ready.x, ready.labels)[0])
            weight[at] += 1e-5
            assert gradient[at] == pytest.approx((losses[0] - losses[1]) / 2e-5, abs=1e-6)


def test_the_start_has_glorot_s_range_and_no_memory() -> None:
    W, U, b, V, c = start(4, 9, 0)
    assert not U.any()
    assert not b.any()
    assert not c.any()
    assert np.abs(W).max() <= np.sqrt(6 / 5)
    assert np.sqrt(6 / 13) * 0.7 < np.abs(V).max() <= np.sqrt(6 / 13)
    assert (start(4, 9, 0)[3] == V).all()
    assert (start(4, 9, 1)[3] != V).any()


def test_records_are_the_start_the_end_and_what_lies_between() -> None:
    ready = prepare("This is an example")
    weights = start(1, 5, 0)
    records = list(fit(weights, ready.x, ready.labels, 7, 4))
    assert [record.epoch for record in records] == [0, 2, 5, 7]
    assert all((a == b).all() for a, b in zip(records[0].weights, weights, strict=True))
    again = list(fit(weights, ready.x, ready.labels, 5, 100))
    assert (again[-1].weights[0] == records[2].weights[0]).all()
    assert len(again) == 6


def keras_twin(keras: Any, window: int, weights: Weights) -> Any:
    units, classes = weights[3].shape
    model = keras.Sequential(
        [
            keras.Input((window, 1)),
            keras.layers.SimpleRNN(units),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    model.set_weights(list(weights))
    return model


@pytest.mark.tensorflow
@pytest.mark.parametrize(("text", "window", "units"), [("This is an example", 2, 1), (TEXT, 3, 4)])
def test_it_goes_where_keras_goes(keras: Any, text: str, window: int, units: int) -> None:
    ready = prepare(text, window)
    weights = start(units, ready.labels.shape[1], 5)
    model = keras_twin(keras, window, weights)
    fitted = model.fit(
        ready.x, ready.labels, batch_size=len(ready.x), shuffle=False, epochs=300, verbose=0
    )
    records = list(fit(weights, ready.x, ready.labels, 300, 301))
    losses = [record.loss for record in records]
    np.testing.assert_allclose(losses[:300], fitted.history["loss"], rtol=2e-4)
    for ours, theirs in zip(records[-1].weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-4)
    p = model.predict(ready.x, verbose=0)
    logits = forward(records[-1].weights, ready.x)[1]
    ours = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(ours, p, atol=2e-4)


def test_500_epochs_answer_an_twice_and_1500_do_not() -> None:
    few, many = (run("This is an example", 2, 1, epochs, 56) for epochs in (500, 1500))
    assert [guess.next_word for guess in few.predictions] == ["an", "an"]
    assert [guess.next_word for guess in many.predictions] == ["an", "example"]
    assert many.history[-1].loss < few.history[-1].loss < few.history[0].loss


def softmax(y: Floats) -> Floats:
    e: Floats = np.exp(y)
    p: Floats = e / e.sum()
    return p


def test_by_hand_every_term_adds_up_to_the_prediction() -> None:
    answer = run(TEXT, 3, 2, 50, 0)
    W, U, b, V, c = (answer.weights[name] for name in answer.weights)
    for guess in answer.predictions:
        h = np.zeros(2)
        for x, step in zip(guess.ids, guess.by_hand.timesteps, strict=True):
            np.testing.assert_allclose(step.input_term, x * W[0], rtol=1e-6)
            np.testing.assert_allclose(step.recurrent_terms, h[:, None] * U, atol=1e-6)
            total = step.input_term + step.recurrent_terms.sum(axis=0) + b
            np.testing.assert_allclose(step.pre_activation, total, atol=1e-6)
            h = np.tanh(x * W[0] + h @ U + b)
            np.testing.assert_allclose(step.hidden_state, h, atol=1e-6)
        np.testing.assert_allclose(guess.probabilities, softmax(h @ V + c), atol=1e-6)
        assert guess.label in answer.word_to_int
