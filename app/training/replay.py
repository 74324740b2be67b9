"""The notebook, replayed with Keras: "This is an ____", step by step in the terminal.

Builds the smallest network there is, trains it, and then recomputes its answer by hand from nothing
but the weights. `app/notebook/` has the steps, and trains without Keras.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from app.arrays import Floats
from app.errors import MissingDependency
from app.folder.write import replace_folder, sha256_of, write_json
from app.notebook.answer import by_hand, in_brackets
from app.notebook.steps import TEXT, WINDOW, Examples, prepare
from app.text.vocabulary import Vocabulary

# What the notebook's own 500 epochs ended with (models/notebook): they answer "an" twice.
_LONGER = 1500


def build_network(classes: int) -> Any:
    """SimpleRNN(1) and Dense(classes): 3 + 2·classes weights."""
    keras = _keras()
    model = keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            keras.layers.SimpleRNN(
                1,
                activation="tanh",
                recurrent_initializer="zeros",
                unroll=True,
                name="simple_rnn",
            ),
            keras.layers.Dense(classes, activation="softmax", name="dense"),
        ],
        name="notebook",
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    return model


def replay(out: Path, *, epochs: int = 500, seed: int = 0) -> None:
    """Run the notebook from its text to its prediction, printing every step; write a model folder.

    Raises MissingDependency without TensorFlow.
    """
    keras = _keras()
    keras.utils.set_random_seed(seed)
    ready = prepare(TEXT)
    examples, vocabulary, padded, labels, x = (
        ready.examples,
        ready.vocabulary,
        ready.padded,
        ready.labels,
        ready.x,
    )
    _say("text", repr(TEXT))
    _say("examples", list(zip(examples.phrases, examples.labels, strict=True)))
    _say("vocabulary", vocabulary.word_to_id)
    _say("encoded documents", [list(ids) for ids in ready.encoded])
    _say("padded documents", padded.tolist())
    _say("one-hot labels", labels.astype(int).tolist())
    _say("reshaped (batch, timesteps, features)", x.shape)

    model = build_network(labels.shape[1])
    model.summary(print_fn=lambda line, **_: print(line))
    losses = model.fit(x, labels, epochs=epochs, verbose=0).history["loss"]
    _say("fit", f"{epochs} epochs, loss {losses[0]:.4f} → {losses[-1]:.4f}")
    largest = _compare_by_hand(model, padded, examples, vocabulary)
    _say("largest difference from Keras", f"{largest:.2g}")
    _publish(out, model, vocabulary, epochs, seed)
    _say("written", out)
    _show_longer_fit(model, x, labels, vocabulary, epochs)


def _compare_by_hand(
    model: Any, padded: np.ndarray[Any, Any], examples: Examples, vocabulary: Vocabulary
) -> float:
    weights = model.get_weights()
    names = ("W", "U", "b", "V", "c")
    for name, array in zip(names, weights, strict=True):
        _say(f"weight {name}", in_brackets(array.ravel()))
    largest = 0.0
    answers = model.predict(padded[..., None].astype(np.float32), verbose=0)  # [N, V]
    for phrase, ids, answer in zip(examples.phrases, padded.tolist(), answers, strict=True):
        print(f"\n{phrase!r}, by hand:")
        ours = by_hand(ids, weights)
        for line in ours.lines:
            print("  " + line)
        difference = float(np.abs(ours.probabilities - answer).max())
        largest = max(largest, difference)
        print(f"  Keras:       {in_brackets(answer)}   difference {difference:.2g}")
        print(f"  next word:   {vocabulary.words[int(answer.argmax())]}")
    print()
    return largest


def _show_longer_fit(
    model: Any, x: Floats, labels: Floats, vocabulary: Vocabulary, epochs: int
) -> None:
    """The notebook's quirk: its 500 epochs leave "is an" at "an"; going on mends it."""
    print(
        '\nThe notebook\'s published weights (models/notebook) answer "an" for "is an" as well:\n'
        "500 epochs were too few for the second example. A longer fit mends it:"
    )
    longest = max(epochs, _LONGER)
    for total in sorted({epochs, longest}):
        if total > epochs:
            model.fit(x, labels, epochs=total - epochs, verbose=0)
        for phrase, answer in zip(("this is", "is an"), model.predict(x, verbose=0), strict=True):
            word, p = vocabulary.words[int(answer.argmax())], answer.max()
            print(f"  after {total} epochs of this fit, {phrase!r} → {word} {p:.2%}")


def _publish(out: Path, model: Any, vocabulary: Vocabulary, epochs: int, seed: int) -> None:
    folder = out.with_name(f".{out.name}.new")
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model.keras")
    write_json(folder / "vocabulary.json", vocabulary.word_to_id, indent=0)
    card = {
        "title": "The notebook, replayed",
        "description": f"The notebook's network, trained anew on {TEXT!r}.",
        "max_length": WINDOW,
        "lowercase": True,
        "corpus": TEXT,
        "training": {"epochs": epochs, "seed": seed, "versions": {"keras": _keras().__version__}},
        "sha256": {n: sha256_of(folder / n) for n in ("model.keras", "vocabulary.json")},
    }
    write_json(folder / "model.json", card)
    replace_folder(folder, out)


def _keras() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # no notes on the processor
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # nor this one, which heeds no level
    try:
        import keras
        import tensorflow  # noqa: F401 - the backend
    except ImportError as error:
        raise MissingDependency(
            "the notebook is replayed with Keras: pip install 'unrolled[tensorflow]'"
        ) from error
    return keras


def _say(what: str, value: object) -> None:
    print(f"{what}: {value}")
