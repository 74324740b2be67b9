"""Networks that one-hot vectors enter, as word-level tutorials build them: ids and answers of the
imported folder beside Keras's own calls on one-hot arrays.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.folder.read import load_model
from app.importing.folder import Wanted, import_model
from tests.importing.test_as_people_save_them import CLASSES, TIMESTEPS, WORDS, randomized

PHRASES = [
    " ".join(f"w{1 + number * step % (CLASSES - 1)}" for number in range(length))
    for step in range(1, 5)
    for length in (1, 2, 3, 5, 7)
]


def dense(keras: Any) -> Any:
    return keras.layers.Dense(CLASSES, activation="softmax")


def lstm(keras: Any) -> list[Any]:
    return [keras.layers.LSTM(6), keras.layers.Dropout(0.2), dense(keras)]


def stacked(keras: Any) -> list[Any]:
    L = keras.layers
    return [L.GRU(5, return_sequences=True), L.SimpleRNN(4), L.Dense(CLASSES), L.Softmax()]


def both_ways(keras: Any) -> list[Any]:
    L = keras.layers
    return [L.Dropout(0.1), L.Bidirectional(L.LSTM(3), merge_mode="concat"), dense(keras)]


def projected(keras: Any) -> list[Any]:
    L = keras.layers
    return [L.TimeDistributed(L.Dense(7, activation="tanh")), L.SimpleRNN(5), dense(keras)]


@pytest.mark.parametrize("network", [lstm, stacked, both_ways, projected])
@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_one_hot_vectors_are_looked_up(
    keras: Any, tmp_path: Path, network: Callable[[Any], list[Any]], ending: str
) -> None:
    model = randomized(keras.Sequential([keras.Input((TIMESTEPS, CLASSES)), *network(keras)]))
    model.save(tmp_path / f"words.{ending}")
    (tmp_path / "words.pickle").write_bytes(pickle.dumps(WORDS))
    import_model(
        tmp_path / f"words.{ending}", tmp_path / "words.pickle", tmp_path / "mine", Wanted()
    )
    mine = load_model(tmp_path / "mine")
    ids = [[int(word[1:]) for word in phrase.split()] for phrase in PHRASES]
    assert [list(mine.encode(phrase).ids) for phrase in PHRASES] == ids
    padded = keras.utils.pad_sequences(ids, TIMESTEPS)
    answers = np.asarray(model(keras.utils.to_categorical(padded, CLASSES)))
    ours = [mine.distribution(phrase).probabilities for phrase in PHRASES]
    np.testing.assert_allclose(ours, answers, atol=1e-6)
