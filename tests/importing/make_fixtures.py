"""Writes model files and tokenizers with whatever TensorFlow runs it, and what Keras answers.

    python tests/importing/make_fixtures.py tests/importing/fixtures

The files that are committed were made by TensorFlow 2.13.1, 2.15.1 and 2.21.0, each in a virtual
environment of its own (Python 3.11, tensorflow-cpu). For each network there are the file, its
tokenizer, and 20 sentences with their ids and probabilities by Keras's own calls. Of Sequentials
inside a model, by TensorFlow 2.12.1, and of cuDNN's layers, by 2.15.1, there are rows of ids and
their probabilities.
"""

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

keras = tf.keras
layers = keras.layers
VERSION = ".".join(tf.__version__.split(".")[:2])
TIMESTEPS = 6

CORPUS = """Alice was beginning to get very tired of sitting by her sister on the bank
and of having nothing to do: once or twice she had peeped into the book
but it had no pictures or conversations in it
"and what is the use of a book," thought Alice, "without pictures or conversations?"
So she was considering in her own mind (as well as she could)
whether the pleasure of making a daisy-chain would be worth the trouble
when suddenly a White Rabbit with pink eyes ran close by her""".splitlines()

SENTENCES = [
    "Alice was beginning",
    "alice WAS very tired",
    '"And what is the use of a book,"',
    "the White Rabbit ran",
    "she had peeped into the book",
    "without pictures",
    "a daisy-chain would be worth",
    "daisy-chain",
    "So she was considering (in her own mind)",
    "the trouble with pink eyes",
    "Alice met nobody at all by the bank",
    "nobody knows the rabbit",
    "it's Alice's book",
    "don't be tired of sitting",
    "to get\tvery\nclose by her sister",
    "the caf\u00e9 and the na\u00efve rabbit",
    "ALICE! ALICE?",
    "once or twice she had peeped into the book but it had no pictures",
    "of",
    "pink  eyes   ran",
]


def words_of(**options: Any) -> Any:
    tokenizer = keras.preprocessing.text.Tokenizer(**options)
    tokenizer.fit_on_texts(CORPUS)
    return tokenizer


def recurrent(kind: Any, **options: Any) -> Any:
    if kind == "bidirectional":
        return layers.Bidirectional(layers.LSTM(3, **options))
    return getattr(layers, kind)(4, **options)


def network(kinds: Any, classes: Any, timesteps: Any, mask_zero: Any = False) -> Any:
    model = keras.Sequential([keras.Input((timesteps,))])
    model.add(layers.Embedding(classes, 3, mask_zero=mask_zero))
    for at, kind in enumerate(kinds):
        model.add(recurrent(kind, return_sequences=at < len(kinds) - 1))
        model.add(layers.Dropout(0.1))
    model.add(layers.Dense(classes, activation="softmax"))
    return model


def functional(kind: Any, classes: Any) -> Any:
    entered = keras.Input((None,))
    x = layers.Embedding(classes, 3)(entered)
    x = recurrent(kind)(x)
    x = layers.Dense(5, activation="relu")(x)
    return keras.Model(entered, layers.Dense(classes, activation="softmax")(x))


def many_to_many(classes: Any) -> Any:
    model = keras.Sequential([layers.Embedding(classes, 3, mask_zero=True)])
    model.add(layers.GRU(4, return_sequences=True))
    model.add(layers.Dense(classes))
    model.build((None, None))
    return model


def with_random_weights(model: Any, seed: Any) -> Any:
    """Keras starts with zero biases and close to even answers: these are neither."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.standard_normal(w.shape) * 0.9 for w in model.get_weights()])
    return model


def answers(model: Any, ids_of: Any, padding: Any) -> Any:
    """What an application does: texts_to_sequences, pad_sequences, predict; the last step."""
    found: list[dict[str, Any]] = []
    for sentence in SENTENCES:
        ids = list(map(int, ids_of(sentence)))
        if not ids:
            found.append({"phrase": sentence, "ids": [], "probabilities": None})
            continue
        padded = [ids]
        if padding:
            padded = keras.preprocessing.sequence.pad_sequences([ids], TIMESTEPS, padding=padding)
        said = np.array(model(np.array(padded)))
        said = said[0, -1] if said.ndim == 3 else said[0]
        if abs(said.sum() - 1) > 1e-3:  # logits
            said = np.exp(said - said.max()) / np.exp(said - said.max()).sum()
        rounded = [round(float(p), 8) for p in said]
        found.append({"phrase": sentence, "ids": ids, "probabilities": rounded})
    return found


def write(folder: Any, name: Any, model: Any, tokenizer: Any, padding: Any, formats: Any) -> Any:
    for ending in formats:
        model.save(folder / f"{name}.{ending}")
    ids_of = lambda sentence: tokenizer.texts_to_sequences([sentence])[0]  # noqa: E731
    expected = answers(model, ids_of, padding)
    (folder / f"{name}.expected.json").write_text(json.dumps(expected, ensure_ascii=False))


def tokenizers(folder: Any) -> Any:
    """The forms that people keep; all of the same Tokenizer."""
    plain = words_of()
    with_oov = words_of(oov_token="<OOV>")
    few = words_of(num_words=20, oov_token="<OOV>")
    for name, one in (("plain", plain), ("oov", with_oov), ("few", few)):
        for protocol in (2, 4) if name == "plain" else (pickle.HIGHEST_PROTOCOL,):
            path = folder / f"tf-{VERSION}-{name}-{protocol}.pickle"
            path.write_bytes(pickle.dumps(one, protocol))
        (folder / f"tf-{VERSION}-{name}.tokenizer.json").write_text(one.to_json())
    return plain, with_oov, few


def vectorized(folder: Any) -> Any:
    layer = layers.TextVectorization(output_sequence_length=TIMESTEPS)
    layer.adapt(CORPUS)
    classes = layer.vocabulary_size()
    model = keras.Sequential(
        [
            keras.Input((1,), dtype=tf.string),
            layer,
            layers.Embedding(classes, 3, mask_zero=True),
            layers.GRU(4),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    for at, one in enumerate(model.layers[1:]):
        with_random_weights(one, 5 + at)
    found: list[dict[str, Any]] = []
    for sentence in SENTENCES:
        ids = [int(number) for number in layer(tf.constant([sentence]))[0]]
        said = np.array(model(tf.constant([[sentence]])))[0]
        rounded = [round(float(p), 8) for p in said]
        found.append({"phrase": sentence, "padded": ids, "probabilities": rounded})
    model.save(folder / f"tf-{VERSION}-vectorization.keras")
    path = folder / f"tf-{VERSION}-vectorization.expected.json"
    path.write_text(json.dumps(found, ensure_ascii=False))


def nested() -> Any:
    words = keras.Sequential([layers.Embedding(12, 4), layers.Dropout(0.1)], name="words")
    deepest = [layers.LSTM(3, return_sequences=True), layers.Bidirectional(layers.GRU(2))]
    first = layers.LSTM(5, return_sequences=True)
    deep = keras.Sequential([first, keras.Sequential(deepest), layers.Dense(6, "tanh")])
    head = [layers.Dense(7), layers.Activation("relu"), layers.Dense(12, "softmax")]
    return keras.Sequential([keras.Input((TIMESTEPS,)), words, deep, *head])


def nested_in_a_graph() -> Any:
    """One of whose layers is not trained."""
    entered = keras.Input((TIMESTEPS,))
    first = layers.SimpleRNN(5, return_sequences=True, trainable=False)
    memory = keras.Sequential([first, layers.SimpleRNN(4)], name="deep")
    x = layers.Dense(12)(memory(layers.Embedding(12, 4)(entered)))
    return keras.Model(entered, layers.Softmax()(x))


def sequentials_inside(folder: Any) -> Any:
    for seed, make in enumerate((nested, nested_in_a_graph)):
        model = with_random_weights(make(), seed)
        ids = np.random.default_rng(seed).integers(0, 12, (5, TIMESTEPS))
        said = {"ids": ids.tolist(), "probabilities": np.array(model(ids)).tolist()}
        name = f"tf-{VERSION}-{make.__name__}"
        (folder / f"{name}.rows.json").write_text(json.dumps(said))
        model.save(folder / f"{name}.keras", save_format="keras_v3")
        model.save(folder / f"{name}.h5")  # as it did ".keras", too, unless told so


def on_cudnn(lstm: Any, gru: Any) -> Any:
    model = keras.Sequential([keras.Input((TIMESTEPS,)), layers.Embedding(12, 4)])
    model.add(lstm(5, return_sequences=True))
    model.add(layers.Bidirectional(gru(3)))
    model.add(layers.Dense(12, "softmax"))
    return model


def cudnn(folder: Any) -> Any:
    """Layers that a GPU alone computes; the answers are of those that Keras loads them into."""
    name, fast = f"tf-{VERSION}-cudnn", tf.compat.v1.keras.layers
    model = with_random_weights(on_cudnn(fast.CuDNNLSTM, fast.CuDNNGRU), 5)
    model.save(folder / f"{name}.h5")
    plain = on_cudnn(layers.LSTM, layers.GRU)
    plain.load_weights(folder / f"{name}.h5")
    ids = np.random.default_rng(5).integers(0, 12, (5, TIMESTEPS))
    said = {"ids": ids.tolist(), "probabilities": np.array(plain(ids)).tolist()}
    (folder / f"{name}.rows.json").write_text(json.dumps(said))


def main(out: Any) -> Any:
    folder = Path(out)
    if VERSION == "2.15":
        cudnn(folder)
    if VERSION == "2.12":
        sequentials_inside(folder)
        return
    plain, with_oov, few = tokenizers(folder)
    classes = len(plain.word_index) + 1
    both = ("h5", "keras")
    lstm = with_random_weights(network(["LSTM"], classes, TIMESTEPS), 0)
    write(folder, f"tf-{VERSION}-lstm", lstm, plain, "pre", both)
    stacked = network(["SimpleRNN", "GRU"], classes + 1, TIMESTEPS, mask_zero=True)
    stacked = with_random_weights(stacked, 1)
    write(folder, f"tf-{VERSION}-stacked", stacked, with_oov, "pre", both)
    rnn = with_random_weights(functional("SimpleRNN", 20), 2)
    write(folder, f"tf-{VERSION}-functional", rnn, few, None, both)
    both_ways = with_random_weights(network(["bidirectional"], classes, TIMESTEPS), 3)
    write(folder, f"tf-{VERSION}-bidirectional", both_ways, plain, "pre", both)
    many = with_random_weights(many_to_many(classes), 4)
    write(folder, f"tf-{VERSION}-many", many, plain, None, both)
    vectorized(folder)


if __name__ == "__main__":
    main(sys.argv[1])
