"""Files made to keep the command busy, or to end it in a traceback: refused by their cause."""

import pickle
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from app.errors import ArchiveError, ModelError, TokenizerError
from app.importing.folder import Wanted, import_model
from app.importing.tokenizers import kept, read_tokenizer
from app.importing.unpickling import read_pickle
from tests.importing.test_importing import FIXTURES
from tests.keras_files import edit_config

# Read in a second where the time grows with the length, in hours where it grows with its square.
LINES = """
import resource
import sys
from pathlib import Path
from app.errors import TokenizerError
from app.importing.tokenizers import read_tokenizer

resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
path, many = Path(sys.argv[1]), 1_000_000
for line in ("," * many + "x", "1" + "," * many + " x y", "a" + "\\t" * many + "x",
             "1" + "\\t" * many + "x y", "a" + " ,:" * many + "x", "1" * many + ",", ":" * many):
    path.write_text(line)
    try:
        read_tokenizer(path)
    except TokenizerError:
        pass
print("read")
"""


def test_lines_of_separators_are_read_as_soon_as_any_other(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LINES, str(tmp_path / "words.txt")]
    read = subprocess.run(command, capture_output=True, text=True)
    assert read.stdout == "read\n", read.stderr


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("the 1", "the"),
        ("1 the", "the"),
        (", 1", ","),
        ("1 ,", ","),
        (",,1", ","),
        ("1,,", ","),
        ("1\t:", ":"),
        ("a,b, :1", "a,b,"),
        ("1 ,:a,b", "a,b"),
        ("a:,1", "a:"),
    ],
)
def test_what_divides_a_word_from_its_id_may_be_a_word(
    tmp_path: Path, line: str, word: str
) -> None:
    path = tmp_path / "words.txt"
    path.write_text(line)
    assert read_tokenizer(path).words == {word: 1}


def shared(depth: int) -> list[Any]:
    """Lists of the one before them, twice: 2 to the power of the depth are written out."""
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested, nested]
    return nested


VECTORIZATION: dict[str, Any] = {"standardize": "lower", "vocabulary": ["a"]}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"a": shared(60)}, "'a': list is no word with its id"),
        ({1: shared(60), 2: "a"}, "1: list is no word with its id"),
        ({"index_word": {1: shared(60)}}, "the word of 1 is no text"),
        ({"word_index": {"a": 1}, "filters": shared(60)}, "filters and split are no texts"),
        ([["a", shared(60)]], "'a': list is no word with its id"),
        (
            {"config": {**VECTORIZATION, "standardize": shared(60)}, "weights": []},
            "standardize = list is not served",
        ),
        ({"config": {**VECTORIZATION, "split": shared(60)}, "weights": []}, "split = list"),
        (
            {"config": {**VECTORIZATION, "output_sequence_length": shared(60)}, "weights": []},
            "output_sequence_length = list is not served",
        ),
        (
            {"config": {"mask_token": shared(60), "vocabulary": [shared(60)]}, "weights": []},
            "mask_token = list is no text",
        ),
        (
            {"config": {"oov_token": shared(60), "vocabulary": [shared(60)]}, "weights": []},
            "oov_token = list is no text",
        ),
    ],
)
def test_lists_that_a_pickle_shares_are_not_written_out(value: Any, why: str) -> None:
    content = pickle.dumps(value)
    assert len(content) < 1000
    with pytest.raises(TokenizerError, match=why):
        kept(read_pickle(content))


def test_a_list_within_many_is_named_by_its_type(tmp_path: Path) -> None:
    path = tmp_path / "words.json"
    path.write_text('{"a": ' + "[" * 900 + "]" * 900 + "}")  # nearly as deep as Python calls itself
    with pytest.raises(TokenizerError, match="'a': list is no word with its id"):
        read_tokenizer(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL))
def test_an_array_of_many_words_is_read(protocol: int) -> None:
    words = [f"word{number}" for number in range(5000)]
    for array in (
        np.array(words),
        np.array(words, dtype=object),
        [np.str_(word) for word in words],
    ):
        assert read_pickle(pickle.dumps(array, protocol)) == words


def test_an_array_s_items_are_copied_once() -> None:
    dtype = b"cnumpy\ndtype\nU\x02O8\x85Rq\x00"
    state = b"(K\x01M\xe8\x03\x85h\x00\x89](" + b"N" * 1000 + b"etq\x01"
    again = b"cnumpy.core.multiarray\n_reconstruct\n)Rh\x01b"
    assert len(read_pickle(b"\x80\x02" + dtype + b"0" + state + b"0" + again + b".")) == 1000
    with pytest.raises(TokenizerError, match="copies too much"):
        read_pickle(b"\x80\x02" + dtype + b"0" + state + b"0" + again * 9 + b".")


def npy(header: str, items: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + items


def header(dtype: str, shape: str) -> str:
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"


@pytest.mark.parametrize(
    "content",
    [
        npy("{"),
        npy("'''"),
        npy("if 1:\n  a\n b"),
        npy("-" * 5000 + "1"),
        npy("(" * 5000),
        npy(header("<U5", "(True,)"), b"a" * 20),
        npy(header("<U5", "(" + "9" * 26 + ",)")),
        npy(header("<U5", "(" + "9" * 18 + ",)")),
        npy(header("<U5", "(-1,)")),
        npy(header("<U1", "(1,)"), b"\xff\xfe\xff\x7f"),
        npy(header("|S3", "(1,)"), b"\xff\xfe\xfd"),
        npy(header("<U1", "(2,)"), b"a\0\0\0"),
    ],
)
def test_a_damaged_array_is_no_sound_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "words.npy"
    path.write_bytes(content)
    with pytest.raises(TokenizerError, match=r"words.npy: it is no sound .npy file: \S"):
        read_tokenizer(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL))
def test_a_character_that_is_none_is_damage(protocol: int) -> None:
    array = np.frombuffer(b"\xff\xfe\xff\x7f", "<U1")
    with pytest.raises(TokenizerError, match="the pickle is damaged"):
        read_pickle(pickle.dumps(array, protocol))


@pytest.mark.parametrize("content", [r'"\ud800"', r'"\ud800{}"', '"', '"[]"', '"{"'])
def test_a_text_that_holds_no_architecture(tmp_path: Path, content: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(content)
    with pytest.raises(ArchiveError, match=r"model\.json is not"):
        import_model(path, None, tmp_path / "mine", Wanted())


@pytest.mark.parametrize("config", [b"\xff", b'{"class_name": "\xff"}', b"\xf0\x9f", 5, 1.5])
def test_a_configuration_that_is_no_text(tmp_path: Path, config: Any) -> None:
    path = tmp_path / "model.h5"
    shutil.copy(FIXTURES / "tf-2.15-lstm.h5", path)
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = config
    with pytest.raises(ModelError):
        import_model(path, FIXTURES / "tf-2.15-plain-4.pickle", tmp_path / "mine", Wanted())


@pytest.mark.parametrize("entry", ["a text", ["a list"], None, 5, {}, {"config": "a text"}])
def test_a_layer_beside_the_words_that_is_none(tmp_path: Path, entry: Any) -> None:
    path = tmp_path / "model.keras"
    shutil.copy(FIXTURES / "tf-2.15-vectorization.keras", path)
    edit_config(path, lambda config: config["config"]["layers"].append(entry))
    with pytest.raises(TokenizerError, match="a layer without a configuration"):
        import_model(path, None, tmp_path / "mine", Wanted())
