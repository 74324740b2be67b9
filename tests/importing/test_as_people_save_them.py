"""Networks as tutorials build them, made here and now with Keras: imported, loaded, and compared
with Keras's own answers; or refused for the reason that is theirs.
"""

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from app.errors import ModelError
from app.folder.read import load_model
from app.importing.folder import Wanted, import_model
from app.model import Model

CLASSES, TIMESTEPS = 12, 5
WORDS = {f"w{number}": number for number in range(1, CLASSES)}
PHRASES = ["w1 w2 w3", "w4", "w5 w6 w7 w8 w9 w10 w11", "w3 w3", "W7, (w8)!"]
ENDINGS = pytest.mark.parametrize("ending", ["h5", "keras"])


def randomized(model: Any) -> Any:
    rng = np.random.default_rng(7)
    drawn = [rng.standard_normal(weight.shape) * 0.8 for weight in model.get_weights()]
    paths = [weight.path for weight in model.weights]
    model.set_weights(
        [
            np.abs(one) + 0.1 if path.endswith("moving_variance") else one
            for one, path in zip(drawn, paths, strict=True)
        ]
    )
    return model


def sequential(keras: Any, *layers: Any, mask_zero: bool = False) -> Any:
    embedding = keras.layers.Embedding(CLASSES, 4, mask_zero=mask_zero)
    output = keras.layers.Dense(CLASSES, activation="softmax")
    entry = keras.Input((TIMESTEPS,))
    return randomized(keras.Sequential([entry, embedding, *layers, output]))


def imported(
    folder: Path, model: Any, ending: str, edit: Callable[[Path], None] | None = None
) -> Model:
    source = folder / f"next_word.{ending}"
    model.save(source)
    if edit is not None:
        edit(source)
    (folder / "words.pickle").write_bytes(pickle.dumps(WORDS))
    import_model(source, folder / "words.pickle", folder / "mine", Wanted())
    return load_model(folder / "mine")


def assert_same_answers(keras: Any, mine: Model, model: Any) -> None:
    for phrase in PHRASES:
        ids = mine.encode(phrase).ids
        assert ids == tuple(int(word.strip("w,()!")) for word in phrase.lower().split())
        padded = keras.utils.pad_sequences([ids], TIMESTEPS)
        answer = np.asarray(model(padded))[0]
        answer = answer[-1] if answer.ndim == 2 else answer
        np.testing.assert_allclose(mine.distribution(phrase).probabilities, answer, atol=1e-6)


@ENDINGS
@pytest.mark.parametrize("mask_zero", [False, True])
def test_batch_normalization(keras: Any, tmp_path: Path, ending: str, mask_zero: bool) -> None:
    L = keras.layers
    model = sequential(
        keras,
        L.LSTM(6, return_sequences=True),
        L.BatchNormalization(),
        L.GRU(5),
        L.BatchNormalization(scale=False, epsilon=0.01),
        L.Dense(7),
        L.BatchNormalization(center=False),
        L.Activation("relu"),
        mask_zero=mask_zero,
    )
    assert_same_answers(keras, imported(tmp_path, model, ending), model)


@ENDINGS
@pytest.mark.parametrize("mask_zero", [False, True])
def test_activations_that_are_layers(
    keras: Any, tmp_path: Path, ending: str, mask_zero: bool
) -> None:
    """What a wrapper or a dropout hands on of a mask, the second LSTM gets."""
    L = keras.layers
    model = sequential(
        keras,
        L.LSTM(6, return_sequences=True),
        L.TimeDistributed(L.Dropout(0.2)),
        L.TimeDistributed(L.Dense(7)),
        L.TimeDistributed(L.ReLU()),
        L.LSTM(6),
        L.Dense(7),
        L.LeakyReLU(0.2),
        L.Dense(8),
        L.ELU(),
        L.Dense(9),
        L.ReLU(max_value=6),
        mask_zero=mask_zero,
    )
    assert_same_answers(keras, imported(tmp_path, model, ending), model)


@pytest.mark.parametrize(
    ("kind", "told", "reason"),
    [
        ("ReLU", {"negative_slope": 0.1}, "negative_slope = 0.1 is not supported"),
        ("ReLU", {"threshold": 1.0}, "threshold = 1.0 is not supported"),
        ("ReLU", {"max_value": 5.0}, "max_value = 5.0 is not supported, only 6"),
        ("LeakyReLU", {}, "negative_slope = 0.3 is not supported, only 0.2"),
        ("ELU", {"alpha": 0.5}, "alpha = 0.5 is not supported, only 1.0"),
    ],
)
def test_an_option_of_an_activation_that_is_not_understood_is_named(
    keras: Any, tmp_path: Path, kind: str, told: dict[str, float], reason: str
) -> None:
    model = sequential(keras, keras.layers.LSTM(6), getattr(keras.layers, kind)(**told))
    with pytest.raises(ModelError, match=re.escape(reason)):
        imported(tmp_path, model, "keras")


@ENDINGS
def test_activations_that_are_tensorflow_s_own_functions(
    keras: Any, tmp_path: Path, ending: str
) -> None:
    import tensorflow as tf

    L = keras.layers
    model = sequential(keras, L.LSTM(6), L.Dense(7, activation=tf.nn.relu))
    model.layers[-1].activation = tf.nn.softmax  # is saved as "softmax_v2"
    assert_same_answers(keras, imported(tmp_path, model, ending), model)


@ENDINGS
def test_word_vectors_that_an_initializer_was_given(
    keras: Any, tmp_path: Path, ending: str
) -> None:
    """A configuration of more than 4 MB, in which all of them stand once more."""
    L, wide = keras.layers, 20_000
    vectors = keras.initializers.Constant(np.random.default_rng(7).standard_normal((CLASSES, wide)))
    embedding = L.Embedding(CLASSES, wide, embeddings_initializer=vectors, trainable=False)
    output = L.Dense(CLASSES, activation="softmax")
    model = keras.Sequential([keras.Input((TIMESTEPS,)), embedding, L.GRU(5), output])
    assert_same_answers(keras, imported(tmp_path, model, ending), model)
    if ending == "keras":
        (tmp_path / "mine" / "model.json").unlink()  # which has the digest of the other
        (tmp_path / "next_word.keras").rename(tmp_path / "mine" / "model.keras")
        with pytest.raises(ModelError, match=r"a Constant initializer's .* `unrolled import`"):
            load_model(tmp_path / "mine")


@ENDINGS
def test_a_softmax_at_every_timestep(keras: Any, tmp_path: Path, ending: str) -> None:
    L = keras.layers
    entry = keras.Input((TIMESTEPS,))
    x = L.LSTM(6, return_sequences=True)(L.Embedding(CLASSES, 4)(entry))
    x = L.TimeDistributed(L.Dense(7, activation="relu"))(x)
    x = L.TimeDistributed(L.Dense(CLASSES, activation="softmax"))(x)
    model = randomized(keras.Model(entry, x))
    assert_same_answers(keras, imported(tmp_path, model, ending), model)


def test_a_masked_tied_embedding_with_a_softmax_layer(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    entry = keras.Input((TIMESTEPS,))
    table = L.ReversibleEmbedding(CLASSES, 4, mask_zero=True)
    x = L.SimpleRNN(4, return_sequences=True)(table(entry))
    model = randomized(keras.Model(entry, L.Softmax()(table(x, reverse=True))))
    assert_same_answers(keras, imported(tmp_path, model, "keras"), model)


@pytest.mark.parametrize("engine", ["numpy", "tensorflow"])
def test_phrases_enter_a_network_of_any_length_as_they_are(
    keras: Any, tmp_path: Path, engine: str
) -> None:
    L = keras.layers
    entry = keras.Input((None,))
    x = L.GRU(5)(L.Embedding(CLASSES, 4)(entry))
    model = randomized(keras.Model(entry, L.Dense(CLASSES, activation="softmax")(x)))
    assert imported(tmp_path, model, "keras").options.padding == "none"
    mine = load_model(tmp_path / "mine", engine)
    for phrase in PHRASES:
        ids = np.array([mine.encode(phrase).ids])
        answer = np.asarray(model(ids))[0]
        np.testing.assert_allclose(mine.distribution(phrase).probabilities, answer, atol=1e-6)


@ENDINGS
def test_an_rnn_of_a_cell(keras: Any, tmp_path: Path, ending: str) -> None:
    L = keras.layers
    gru = L.RNN(L.GRUCell(5, reset_after=False), return_sequences=True)
    both = L.Bidirectional(L.RNN(L.LSTMCell(4), return_sequences=True))
    model = sequential(keras, gru, both, L.RNN(L.SimpleRNNCell(3, use_bias=False)), mask_zero=True)
    gru.trainable = False
    mine = imported(tmp_path, model, ending)
    cells = [layer.class_name for layer in mine.network.recurrent]
    assert cells == ["GRU", "LSTM", "LSTM", "SimpleRNN"]
    assert_same_answers(keras, mine, model)


@ENDINGS
def test_a_stateful_network_begins_anew(keras: Any, tmp_path: Path, ending: str) -> None:
    """As the tutorial on generating text has it: one phrase at a time, of any length, logits."""
    L = keras.layers
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(1, None)),
            L.Embedding(CLASSES, 4),
            L.GRU(5, return_sequences=True, stateful=True),
            L.LSTM(4, return_sequences=True, stateful=True),
            L.Dense(CLASSES),
        ]
    )
    mine = imported(tmp_path, randomized(model), ending)
    for phrase in PHRASES:
        for layer in model.layers[1:3]:
            layer.reset_states()
        logits = model(np.array([mine.encode(phrase).ids]))
        answer = np.asarray(keras.ops.softmax(logits))[0, -1]
        np.testing.assert_allclose(mine.distribution(phrase).probabilities, answer, atol=1e-6)


@pytest.mark.parametrize("reset_after", [False, True])
def test_what_keras_2_called_hard_sigmoid(keras: Any, tmp_path: Path, reset_after: bool) -> None:
    """Keras before 2.3 has it in every LSTM and GRU; here Keras 3's file is said to be one."""

    def network(old: Any) -> Any:
        L = keras.layers
        return sequential(
            keras,
            L.Bidirectional(L.LSTM(6, recurrent_activation=old, return_sequences=True)),
            L.SimpleRNN(4, activation=old, return_sequences=True),
            L.GRU(5, recurrent_activation=old, reset_after=reset_after),
            L.Dense(6, activation=old),
        )

    def older(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            file.attrs["keras_version"] = "2.2.4"

    # A Bidirectional makes its layers of their options, where a function is known by its name.
    @keras.saving.register_keras_serializable("tests")  # type: ignore[untyped-decorator] # Keras's
    def before_keras_3(x: Any) -> Any:
        return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)

    as_it_was = network(before_keras_3)
    mine = imported(tmp_path, network("hard_sigmoid"), "h5", older)
    assert_same_answers(keras, mine, as_it_was)


def test_hard_sigmoid_of_a_cell_s_state_is_refused(keras: Any, tmp_path: Path) -> None:
    def older(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            file.attrs["keras_version"] = "2.2.4"

    model = sequential(keras, keras.layers.LSTM(3, activation="hard_sigmoid", name="odd"))
    with pytest.raises(ModelError, match=r"'odd' \(LSTM\): activation = 'hard_sigmoid' of Keras 2"):
        imported(tmp_path, model, "h5", older)


def vectors(keras: Any) -> Any:
    L = keras.layers
    return keras.Sequential([keras.Input((TIMESTEPS, 9)), L.LSTM(3), L.Dense(CLASSES, "softmax")])


def one_unit(keras: Any) -> Any:
    L = keras.layers
    entry, embedding = keras.Input((TIMESTEPS,)), L.Embedding(CLASSES, 4)
    return keras.Sequential([entry, embedding, L.LSTM(3), L.Dense(1)])


def attention(keras: Any) -> Any:
    L = keras.layers
    entry = keras.Input((TIMESTEPS,))
    x = L.LSTM(3, return_sequences=True)(L.Embedding(CLASSES, 4)(entry))
    x = L.GlobalAveragePooling1D()(L.Attention(name="looks")([x, x]))
    return keras.Model(entry, L.Dense(CLASSES, activation="softmax")(x))


def subclassed(keras: Any) -> Any:
    class NextWord(keras.Model):  # type: ignore[misc] # Keras's
        def __init__(self) -> None:
            super().__init__()
            self.embedding = keras.layers.Embedding(CLASSES, 4)
            self.gru = keras.layers.GRU(3)
            self.dense = keras.layers.Dense(CLASSES)

        def call(self, ids: Any) -> Any:
            return self.dense(self.gru(self.embedding(ids)))

    model = NextWord()
    model(np.ones((1, TIMESTEPS)))
    return model


def test_a_class_of_its_own_is_named(keras: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a 'NextWord', not .* stands in its code alone"):
        imported(tmp_path, subclassed(keras), "keras")


def pooled(keras: Any) -> Any:
    L = keras.layers
    return sequential(keras, L.LSTM(3, return_sequences=True), L.GlobalMaxPooling1D(name="pool"))


def normalized(keras: Any) -> Any:
    return sequential(keras, keras.layers.LSTM(3), keras.layers.LayerNormalization(name="norm"))


def mixed_precision(keras: Any) -> Any:
    return sequential(keras, keras.layers.LSTM(3, dtype="mixed_float16"))


def lambda_layer(keras: Any) -> Any:
    return sequential(keras, keras.layers.Lambda(lambda x: x * 2), keras.layers.LSTM(3))


def lambda_activation(keras: Any) -> Any:
    L = keras.layers
    return sequential(keras, L.LSTM(3), L.Dense(4, activation=lambda x: x * 2))


def layer_as_activation(keras: Any) -> Any:
    L = keras.layers
    return sequential(keras, L.LSTM(3), L.Dense(4, activation=L.LeakyReLU()))


@ENDINGS
@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize(
    ("network", "why"),
    [
        (mixed_precision, "'mixed_float16' is not supported, only float32: build the same layers"),
        (lambda_layer, r"\(Lambda\): what it computes is code of the file, which is not run"),
        (lambda_activation, r"\(Dense\): activation is a lambda, whose code is not run"),
        (layer_as_activation, r"\(Dense\): activation = 'LeakyReLU' is not supported"),
        (vectors, "vectors of 9 numbers, and 12 classes come out: these are not one-hot"),
        (one_unit, "has one unit, not one for each word"),
        (attention, r"'looks' \(Attention\): this type of layer is not supported"),
        (pooled, r"'pool' \(GlobalMaxPooling1D\): this type of layer"),
        (normalized, r"'norm' \(LayerNormalization\): this type of layer"),
    ],
)
def test_what_is_not_served_is_named(
    keras: Any, tmp_path: Path, network: Callable[[Any], Any], why: str, ending: str
) -> None:
    with pytest.raises(ModelError, match=why):
        imported(tmp_path, network(keras), ending)
    assert not (tmp_path / "mine").exists()


def test_a_tokenizer_of_fewer_words_is_told(keras: Any, tmp_path: Path) -> None:
    sequential(keras, keras.layers.LSTM(3)).save(tmp_path / "network.keras")
    few = dict(list(WORDS.items())[:-2])
    (tmp_path / "words.pickle").write_bytes(pickle.dumps(few))
    source, words = tmp_path / "network.keras", tmp_path / "words.pickle"
    done = import_model(source, words, tmp_path / "mine", Wanted())
    assert "the network has 12 classes, and the vocabulary words for 10" in done.taken
    words.write_bytes(pickle.dumps(WORDS))
    done = import_model(source, words, tmp_path / "mine", Wanted(), overwrite=True)
    assert not any("the vocabulary words for" in line for line in done.taken)


@pytest.mark.parametrize(("last", "told"), [("sat", True), ("Mr.", False)])
def test_marks_that_are_words_of_their_own_are_told(
    keras: Any, tmp_path: Path, last: str, told: bool
) -> None:
    """As nltk.word_tokenize divides: no Tokenizer's filters let a mark through."""
    sequential(keras, keras.layers.LSTM(3)).save(tmp_path / "network.keras")
    (tmp_path / "words.pickle").write_bytes(pickle.dumps({",": 1, ".": 2, "cat": 3, last: 4}))
    source, words = tmp_path / "network.keras", tmp_path / "words.pickle"
    done = import_model(source, words, tmp_path / "mine", Wanted())
    assert "tokenizer: 'whitespace'" in done.assumed
    assert any("needs a space before each mark" in line for line in done.taken) == told


def test_an_h5_of_keras_1_is_told_what_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "next_word.h5"
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"1.1.0"
        file.attrs["model_config"] = b'{"class_name": "Sequential", "config": []}'
    with pytest.raises(ModelError, match=r"written by Keras 1\.1\.0, .* Keras 2 reads it"):
        import_model(path, None, tmp_path / "mine", Wanted())


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_network_that_was_never_built_is_named(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    model = keras.Sequential([L.Embedding(CLASSES, 4), L.LSTM(3), L.Dense(CLASSES)])
    with pytest.raises(ModelError, match=r"it has no weights: .* saved before it was built"):
        imported(tmp_path, model, "h5")


@pytest.mark.parametrize("characters", [" abc", "abcdefghijklmnopqrstuvwxyz"])
def test_characters_are_no_words(keras: Any, tmp_path: Path, characters: str) -> None:
    model = sequential(keras, keras.layers.LSTM(3))
    model.save(tmp_path / "network.keras")
    (tmp_path / "map.pickle").write_bytes(pickle.dumps({c: i for i, c in enumerate(characters)}))
    with pytest.raises(ModelError, match="character by character"):
        import_model(
            tmp_path / "network.keras", tmp_path / "map.pickle", tmp_path / "mine", Wanted()
        )


def test_a_string_lookup_in_front(keras: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    listed = ["the", "The", "caf\u00e9", "cat,", "sat", "caf\u00e9\u00a0noir", "\u00a0"]
    for at, options in enumerate(({}, {"mask_token": "", "oov_token": "<unk>"})):
        lookup = keras.layers.StringLookup(vocabulary=listed, **options)
        classes = lookup.vocabulary_size()
        L = keras.layers
        model = keras.Sequential(
            [
                keras.Input((None,), dtype=tf.string),
                lookup,
                L.Embedding(classes, 4),
                L.GRU(5),
                L.Dense(classes, activation="softmax"),
            ]
        )
        for layer in model.layers[1:]:
            randomized(layer)
        model.save(tmp_path / f"{at}.keras")
        import_model(tmp_path / f"{at}.keras", None, tmp_path / f"mine-{at}", Wanted())
        mine = load_model(tmp_path / f"mine-{at}")
        # TensorFlow splits at ASCII's white space alone: other spaces are letters to it.
        spaces = (
            "caf\u00e9\u00a0noir the",
            "the\u00a0cat,\u2003sat \u00a0 the",
            "\u00a0",
            "sat\u3000\x0b The",
        )
        for phrase in (
            "the cat, sat",
            "The\u0020 caf\u00e9\nsat",
            "cafe\u0301 the",
            "dog",
            *spaces,
        ):
            words = tf.strings.split(tf.constant([phrase])).to_tensor()
            assert mine.encode(phrase).ids == tuple(np.asarray(lookup(words))[0].tolist())
            answer = np.asarray(model(words))[0]
            np.testing.assert_allclose(mine.distribution(phrase).probabilities, answer, atol=1e-6)


def test_a_vocabulary_that_an_h5_does_not_keep(keras: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    layer = keras.layers.TextVectorization(output_sequence_length=TIMESTEPS)
    layer.adapt(["the cat sat on the mat"])
    L = keras.layers
    entry = keras.Input((1,), dtype=tf.string)
    model = keras.Sequential([entry, layer, L.Embedding(7, 4), L.LSTM(3), L.Dense(7, "softmax")])
    model.save(tmp_path / "network.h5")
    with pytest.raises(ModelError, match=r"an \.h5 does not keep it, save the model as \.keras"):
        import_model(tmp_path / "network.h5", None, tmp_path / "mine", Wanted())
