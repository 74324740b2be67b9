"""Networks that one-hot vectors enter, as word-level tutorials build them: ids and answers of the
imported folder beside Keras's own calls on one-hot arrays.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import UnsupportedNetwork
from app.folder.read import load_model
from app.importing.folder import Wanted, import_model
from app.text.tokens import tokenize
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


def in_order(keras: Any) -> list[Any]:
    return [keras.layers.LSTM(6), keras.layers.Dense(CLASSES), keras.layers.Activation("softmax")]


def without_bias(keras: Any) -> list[Any]:
    L = keras.layers
    output = L.Dense(CLASSES, use_bias=False, activation="softmax")
    return [L.Bidirectional(L.GRU(3)), L.Dense(5, activation="relu"), output]


def at_every_step(keras: Any) -> list[Any]:
    L = keras.layers
    return [L.SimpleRNN(6, return_sequences=True), L.TimeDistributed(L.Dense(CLASSES)), L.Softmax()]


@pytest.mark.parametrize(
    ("network", "kept"),
    [(in_order, "list"), (without_bias, "dictionary"), (at_every_step, "list")],
)
def test_words_from_0_are_padded_with_zeros(
    keras: Any, tmp_path: Path, network: Callable[[Any], list[Any]], kept: str
) -> None:
    """As np.zeros((n, length, words)) is filled from the left, by the places of np.unique."""
    model = randomized(keras.Sequential([keras.Input((TIMESTEPS, CLASSES)), *network(keras)]))
    model.save(tmp_path / "words.keras")
    words = [*"abcdefghij", "s", "t"]
    assert len(words) == CLASSES
    if kept == "list":
        np.save(tmp_path / "words.npy", np.array([f"{word}{word}" for word in words]))
    else:
        found = {f"{word}{word}": number for number, word in enumerate(words)}
        (tmp_path / "words.npy").write_bytes(pickle.dumps(found))
    done = import_model(
        tmp_path / "words.keras", tmp_path / "words.npy", tmp_path / "mine", Wanted()
    )
    assert "padding: 'post'" in done.assumed
    mine = load_model(tmp_path / "mine")
    for phrase in ("aa", "bb aa", "tt ss cc aa", "aa bb cc dd ee", "jj ii hh gg ff ee dd"):
        places = [words.index(word[0]) for word in phrase.split()]
        assert list(mine.encode(phrase).ids) == [place + 1 for place in places]
        vectors = np.zeros((1, TIMESTEPS, CLASSES), np.float32)
        for step, place in enumerate(places[-TIMESTEPS:]):
            vectors[0, step, place] = 1
        answer = np.asarray(model(vectors))[0]
        answer = answer[-1] if answer.ndim == 2 else answer
        padding, *ours = mine.distribution(phrase).probabilities
        assert padding == 0
        np.testing.assert_allclose(ours, answer, atol=1e-6)


def test_words_from_0_without_a_place_for_padding(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    output = L.SimpleRNN(CLASSES), L.Softmax()
    model = randomized(keras.Sequential([keras.Input((TIMESTEPS, CLASSES)), *output]))
    model.save(tmp_path / "words.keras")
    (tmp_path / "words.txt").write_text("\n".join(f"w{number}" for number in range(CLASSES)))
    with pytest.raises(UnsupportedNetwork, match="vectors of zeros, which pad shorter phrases"):
        import_model(tmp_path / "words.keras", tmp_path / "words.txt", tmp_path / "mine", Wanted())


@pytest.mark.parametrize(
    ("cut_off", "tokens"),
    [(["s", "t"], ["don", "t", "it", "s"]), (["s't"], ["don't", "it\u2019s"])],
)
def test_words_cut_at_apostrophes(
    keras: Any, tmp_path: Path, cut_off: list[str], tokens: list[str]
) -> None:
    """A vocabulary that a regular expression made has "s" and "t", and no word with one in it."""
    model = randomized(keras.Sequential([keras.Input((TIMESTEPS, CLASSES)), *lstm(keras)]))
    model.save(tmp_path / "words.keras")
    words = [*cut_off, *(f"w{number}" for number in range(CLASSES - 1 - len(cut_off)))]
    (tmp_path / "words.txt").write_text("\n".join(["<PAD>", *words]))
    import_model(tmp_path / "words.keras", tmp_path / "words.txt", tmp_path / "mine", Wanted())
    mine = load_model(tmp_path / "mine")
    assert [one.text for one in tokenize("Don't, it\u2019s!", mine.options)] == tokens
