"""Models that were pickled whole: the archive in the pickle, and nothing of the pickle executed."""

import io
import pickle
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import ArchiveError
from app.folder.read import load_model
from app.importing.folder import Wanted, import_model
from tests.importing.test_as_people_save_them import WORDS, assert_same_answers, sequential
from tests.importing.test_importing import FIXTURES


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


def imported(folder: Path, content: bytes) -> Path:
    (folder / "model.pkl").write_bytes(content)
    (folder / "words.pickle").write_bytes(pickle.dumps(WORDS))
    import_model(folder / "model.pkl", folder / "words.pickle", folder / "mine", Wanted())
    return folder / "mine"


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_a_pickled_model(keras: Any, tmp_path: Path, protocol: int) -> None:
    model = sequential(keras, keras.layers.GRU(5))
    folder = imported(tmp_path, pickle.dumps(model, protocol))
    assert_same_answers(keras, load_model(folder), model)


def test_as_tensorflow_2_15_pickled_it(tmp_path: Path) -> None:
    """A function of Keras's, and the archive as its argument; whatever the function is."""
    archive = (FIXTURES / "tf-2.15-lstm.keras").read_bytes()
    touched = tmp_path / "touched"
    content = pickle.dumps(Calls(subprocess.call, ["touch", str(touched)], archive), 4)
    (tmp_path / "model.joblib").write_bytes(content)
    tokenizer = FIXTURES / "tf-2.15-plain-4.pickle"
    import_model(tmp_path / "model.joblib", tokenizer, tmp_path / "a", Wanted())
    import_model(FIXTURES / "tf-2.15-lstm.keras", tokenizer, tmp_path / "b", Wanted())
    mine, plain = load_model(tmp_path / "a"), load_model(tmp_path / "b")
    answers = [one.distribution("alice was").probabilities for one in (mine, plain)]
    assert np.array_equal(answers[0], answers[1])
    assert not touched.exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (pickle.dumps({"model": b"nothing"}), "holds no .keras archive"),
        (
            pickle.dumps([b"PK\x03\x04" + bytes(9)] * 1 + [b"PK\x03\x04a"]),
            "holds no .keras archive",
        ),
        (pickle.dumps(io.BytesIO(b"PK\x03\x04" + bytes(99))), "model.pkl"),
        (pickle.dumps(WORDS)[:-9], "a damaged pickle"),
        (b"\x80\xff", "a damaged pickle"),
    ],
)
def test_what_holds_none_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(ArchiveError, match=why):
        imported(tmp_path, content)
