"""The trained network to take home: a few lines of NumPy, or a model folder in a zip."""

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Mapping
from typing import Any

from app.folder.write import as_json
from app.notebook.answer import NotebookAnswer, network_of

_PROGRAM = '''"""The next word, by hand: a recurrent network with {parameters} parameters.

Trained on {text} for {epochs} epochs.
"""

import numpy as np

word_to_int = {word_to_int}
W = np.array({kernel}, np.float32)  # [1, H] what a word adds
U = np.array({recurrent_kernel}, np.float32)  # [H, H] what the state before adds
b = np.array({bias}, np.float32)  # [H]
V = np.array({dense_kernel}, np.float32)  # [H, V] state -> logits
c = np.array({dense_bias}, np.float32)  # [V]


def predict(phrase):
    ids = [word_to_int[word] for word in phrase.lower().split()][-{window}:]
    ids = [0] * ({window} - len(ids)) + ids  # padding in front
    h = np.zeros(len(b), np.float32)
    for x in ids:
        h = np.tanh(np.float32(x) * W[0] + h @ U + b)
    y = h @ V + c
    e = np.exp(y - y.max())
    return e / e.sum()  # [V], in the order of the ids


if __name__ == "__main__":
    words = [None, *sorted(word_to_int, key=word_to_int.get)]
    for phrase in {phrases}:
        p = predict(phrase)
        print(phrase, "->", words[int(p.argmax())], p)
'''


def numpy_lines(answer: NotebookAnswer) -> str:
    """A program that needs NumPy alone and answers as the trained network does."""
    weights = {name: _numbers(array) for name, array in answer.weights.items()}
    return _PROGRAM.format(
        parameters=answer.parameters,
        text=json.dumps(answer.text),
        epochs=answer.epochs,
        word_to_int=json.dumps(answer.word_to_int),
        kernel=weights["simple_rnn/kernel"],
        recurrent_kernel=weights["simple_rnn/recurrent_kernel"],
        bias=weights["simple_rnn/bias"],
        dense_kernel=weights["dense/kernel"],
        dense_bias=weights["dense/bias"],
        window=answer.window,
        phrases=json.dumps([example.phrase for example in answer.examples]),
    )


def _numbers(array: Any) -> str:
    """Nested lists; every float32 with the nine digits that bring it back."""
    if array.ndim > 1:
        return "[" + ", ".join(_numbers(row) for row in array) + "]"
    return "[" + ", ".join(f"{float(value):.9g}" for value in array) + "]"


def zipped_folder(answer: NotebookAnswer, name: str = "my-notebook") -> bytes:
    """A model folder that Keras opens and this service serves, in a zip.

    It is made in memory: no answer waits for a disk, or needs one that can be written.
    """
    from app.folder.keras.write import write_network  # h5py: not needed to serve

    network = io.BytesIO()
    write_network(network, network_of(answer.weights, answer.window))
    files = {"model.keras": network.getvalue(), "vocabulary.json": as_json(answer.word_to_int)}
    files["model.json"] = as_json(_card(answer, files))
    image = io.BytesIO()
    with zipfile.ZipFile(image, "w") as archive:
        for file, content in sorted(files.items()):
            member = zipfile.ZipInfo(f"{name}/{file}", time.localtime()[:6])
            member.external_attr = 0o644 << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return image.getvalue()


def _card(answer: NotebookAnswer, files: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "title": "My notebook",
        "description": f"The notebook's network, trained on {answer.text[:200]!r}.",
        "max_length": answer.window,
        "lowercase": True,
        "corpus": answer.text,
        "training": {"epochs": answer.epochs, "seed": answer.seed},
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
