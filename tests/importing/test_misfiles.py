"""What lies in a file's place after a clone or a download gone wrong is named, not parsed."""

import bz2
import gzip
import io
import lzma
import shlex
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import ModelError
from app.folder.read import load_model
from app.importing.folder import Wanted, import_model
from tests.importing.test_importing import FIXTURES
from tests.keras_files import write_folder

POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
MISFILES = {
    "git lfs pull": POINTER,
    "a web page": b"\n\n<!DOCTYPE html>\n<html lang=en>",
    "it is empty": b"",
}
MODEL, TOKENIZER = FIXTURES / "tf-2.15-lstm.h5", FIXTURES / "tf-2.15-plain.tokenizer.json"


@pytest.mark.parametrize("told", MISFILES)
@pytest.mark.parametrize(
    "name", ["model.h5", "model.keras", "tokenizer.pickle", "word_index.json", "vocab.txt"]
)
def test_when_importing(tmp_path: Path, name: str, told: str) -> None:
    wrong = tmp_path / name
    wrong.write_bytes(MISFILES[told])
    model, words = (wrong, TOKENIZER) if name.startswith("model") else (MODEL, wrong)
    with pytest.raises(ModelError, match=f"{name} cannot be read: .*{told}"):
        import_model(model, words, tmp_path / "mine", Wanted())
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("told", MISFILES)
def test_as_weights_of_an_architecture(tmp_path: Path, told: str) -> None:
    architecture = tmp_path / "model.json"
    architecture.write_text('{"class_name": "Sequential", "config": {}}')
    weights = tmp_path / "model.weights.h5"
    weights.write_bytes(MISFILES[told])
    with pytest.raises(ModelError, match=f"model.weights.h5 cannot be read: .*{told}"):
        import_model(architecture, TOKENIZER, tmp_path / "mine", Wanted(weights=weights))


@pytest.mark.parametrize("told", MISFILES)
@pytest.mark.parametrize("name", ["model.keras", "vocabulary.json", "model.json"])
def test_in_a_model_folder(tmp_path: Path, name: str, told: str) -> None:
    folder = write_folder(tmp_path / "one")
    (folder / name).write_bytes(MISFILES[told])
    with pytest.raises(ModelError, match=f"{name} cannot be read: .*{told}"):
        load_model(folder)


def zipped(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("pack", "told"),
    [
        (zipped, "zip.*: unpack it first"),
        (tarred, "packed by tar: unpack it first"),
        (lambda *file: gzip.compress(tarred(*file)), "packed by (gzip|tar): unpack it first"),
        (lambda _, content: bz2.compress(content), "packed by bzip2: unpack it first"),
        (lambda _, content: lzma.compress(content), "packed by xz: unpack it first"),
    ],
)
@pytest.mark.parametrize("ending", ["", ".zip", ".tar.gz", ".pickle"])
def test_what_is_packed_is_said_to_be(
    tmp_path: Path, pack: Callable[[str, bytes], bytes], told: str, ending: str
) -> None:
    model, words = tmp_path / f"next_word{ending}", tmp_path / f"tokenizer{ending}"
    model.write_bytes(pack("next_word.h5", MODEL.read_bytes()))
    words.write_bytes(pack("tokenizer.json", TOKENIZER.read_bytes()))
    for files in ((model, TOKENIZER), (MODEL, words)):
        with pytest.raises(ModelError, match=told):
            import_model(*files, tmp_path / "mine", Wanted())


def test_a_model_of_pytorch_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(zipped("model/data.pkl", b"\x80\x02}."))
    with pytest.raises(ModelError, match=r"what torch\.save writes"):
        import_model(tmp_path / "model.pt", TOKENIZER, tmp_path / "mine", Wanted())


def test_another_file_is_called_neither(tmp_path: Path) -> None:
    other = tmp_path / "model.h5"
    other.write_bytes(b"\x89PNG\r\n" + bytes(100))
    with pytest.raises(ModelError, match=r"neither a \.keras archive nor HDF5"):
        import_model(other, TOKENIZER, tmp_path / "mine", Wanted())


def test_a_folder_is_told_what_lies_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "my repository"
    folder.mkdir()
    with pytest.raises(ModelError, match=r"is a folder, in which no \.h5 or \.keras lies"):
        import_model(folder, None, tmp_path / "mine", Wanted())
    (folder / "next_word.h5").write_bytes(MODEL.read_bytes())
    (folder / "tokenizer.json").write_bytes(TOKENIZER.read_bytes())
    with pytest.raises(ModelError, match="name the files in it: unrolled import") as error:
        import_model(folder, None, tmp_path / "mine", Wanted())
    source, words = f"'{folder}/next_word.h5'", f"'{folder}/tokenizer.json'"
    assert f"unrolled import {source} --tokenizer {words} --out" in str(error.value)
    (folder / "tokenizer.json").rename(folder / "token.joblib")
    with pytest.raises(ModelError, match=r"--tokenizer '[^']*/token\.joblib' --out"):
        import_model(folder, None, tmp_path / "mine", Wanted())
    (folder / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(ModelError, match=r"as tf\.saved_model writes it: .* model\.save\("):
        import_model(folder, None, tmp_path / "mine", Wanted())
    with pytest.raises(ModelError, match=r"saved_model\.pb is a part of a folder that"):
        import_model(folder / "saved_model.pb", None, tmp_path / "mine", Wanted())


def test_an_archive_that_was_unpacked_is_told_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "next_word.keras"
    with zipfile.ZipFile(FIXTURES / "tf-2.21-lstm.keras") as archive:
        archive.extractall(folder)
    (folder / "tokenizer.json").write_bytes(TOKENIZER.read_bytes())
    with pytest.raises(ModelError) as told:
        import_model(folder, None, tmp_path / "mine", Wanted())
    _, _, command = str(told.value).partition("name the files in it: unrolled import ")
    config, _, weights, _, words, *_ = shlex.split(command)
    wanted = Wanted(weights=Path(weights))
    assert import_model(Path(config), Path(words), tmp_path / "mine", wanted).taken


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_a_model_named_as_tokenizer(tmp_path: Path, ending: str) -> None:
    with pytest.raises(ModelError, match="it is a model, not a tokenizer"):
        import_model(MODEL, FIXTURES / f"tf-2.15-lstm.{ending}", tmp_path / "mine", Wanted())
