"""Files that real releases of Keras wrote: imported, served, and compared with what Keras said.

`make_fixtures.py` made them; the ids and probabilities beside each are Keras's own.
"""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.errors import ModelError
from app.folder.read import load_model
from app.importing.folder import Wanted, import_model
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.keras_files import edit_config

FIXTURES = Path(__file__).parent / "fixtures"
RELEASES = ("2.13", "2.15", "2.21")
TOKENIZERS = {
    "lstm": ("plain-2.pickle", "plain-4.pickle", "plain.tokenizer.json"),
    "stacked": ("oov-5.pickle", "oov.tokenizer.json"),
    "functional": ("few-5.pickle", "few.tokenizer.json"),
    "bidirectional": ("plain-4.pickle",),
    "many": ("plain.tokenizer.json",),
}
CASES = [
    (f"tf-{release}", network, ending, tokenizer)
    for release in RELEASES
    for network, tokenizers in TOKENIZERS.items()
    for ending in ("h5", "keras")
    for tokenizer in tokenizers
]


def served(folder: Path) -> TestClient:
    repository = Repository.of(load_model(folder))
    return TestClient(create_app(Settings(), repository), raise_server_exceptions=False)


def expected_of(name: str) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = json.loads((FIXTURES / f"{name}.expected.json").read_text())
    assert len(answers) == 20
    return answers


@pytest.mark.parametrize(("release", "network", "ending", "tokenizer"), CASES)
def test_ids_and_probabilities_are_keras_s(
    tmp_path: Path, release: str, network: str, ending: str, tokenizer: str
) -> None:
    out = tmp_path / "mine"
    source = FIXTURES / f"{release}-{network}.{ending}"
    import_model(source, FIXTURES / f"{release}-{tokenizer}", out, Wanted())
    with served(out) as client:
        for answer in expected_of(f"{release}-{network}"):
            found = client.post("/v1/tokenize", json={"phrase": answer["phrase"]}).json()
            assert found["ids"] == answer["ids"]
            said = client.post("/v1/distribution", json={"phrase": answer["phrase"]})
            if not answer["ids"]:
                assert (said.status_code, said.json()["code"]) == (422, "empty_phrase")
                continue
            wanted = answer["probabilities"]
            np.testing.assert_allclose(said.json()["probabilities"], wanted, atol=1e-5)


@pytest.mark.parametrize("release", RELEASES)
def test_a_vocabulary_inside_a_network(tmp_path: Path, release: str) -> None:
    name = f"tf-{release}-vectorization"
    out = tmp_path / "mine"
    import_model(FIXTURES / f"{name}.keras", None, out, Wanted())
    with served(out) as client:
        for answer in expected_of(name):
            padded = client.post("/v1/pad", json={"phrase": answer["phrase"]}).json()
            assert padded["padded"] == answer["padded"]
            said = client.post("/v1/distribution", json={"phrase": answer["phrase"]}).json()
            np.testing.assert_allclose(said["probabilities"], answer["probabilities"], atol=1e-5)


def test_an_archive_from_windows(tmp_path: Path) -> None:
    source = tmp_path / "windows.keras"
    with (
        zipfile.ZipFile(FIXTURES / "tf-2.15-vectorization.keras") as archive,
        zipfile.ZipFile(source, "w") as windows,
    ):
        for info in archive.infolist():
            windows.writestr(info.filename.replace("/", "\\"), archive.read(info))
    import_model(source, None, tmp_path / "mine", Wanted())
    import_model(FIXTURES / "tf-2.15-vectorization.keras", None, tmp_path / "other", Wanted())
    mine, other = load_model(tmp_path / "mine"), load_model(tmp_path / "other")
    assert mine.vocabulary.word_to_id == other.vocabulary.word_to_id


def test_dropped_words_are_listed(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    tokenizer = FIXTURES / "tf-2.21-plain.tokenizer.json"
    import_model(FIXTURES / "tf-2.21-lstm.keras", tokenizer, out, Wanted())
    with served(out) as client:
        phrase = "the zebra ran"
        for path in ("/v1/tokenize", "/v1/pad", "/v1/explain", "/v1/predict"):
            answer = client.post(path, json={"phrase": phrase}).json()
            assert [word["word"] for word in answer["unknown"]] == ["zebra"]
            assert answer["unknown"][0]["span"] == [4, 9]
        assert "unknown" not in client.post("/v1/predict", json={"phrase": "the ran"}).json()
        nothing_left = client.post("/v1/predict", json={"phrase": "zebra"}).json()
        assert nothing_left["code"] == "empty_phrase"
        assert "no words that are known" in nothing_left["detail"]


def test_a_folder_that_is_there_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    source, tokenizer = FIXTURES / "tf-2.21-lstm.h5", FIXTURES / "tf-2.21-plain-4.pickle"
    import_model(source, tokenizer, out, Wanted(title="First"))
    with pytest.raises(ModelError, match="--overwrite replaces it"):
        import_model(source, tokenizer, out, Wanted(title="Second"))
    assert load_model(out).card["title"] == "First"
    import_model(source, tokenizer, out, Wanted(title="Second"), overwrite=True)
    assert load_model(out).card["title"] == "Second"
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "text").write_text("precious")
    with pytest.raises(ModelError, match="is not a model"):
        import_model(source, tokenizer, tmp_path / "notes", Wanted(), overwrite=True)
    assert [one.name for one in (tmp_path / "notes").iterdir()] == ["text"]


@pytest.mark.parametrize("model", ["model.h5", "model.keras"])
def test_a_folder_with_what_people_have_is_told_the_command(tmp_path: Path, model: str) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(FIXTURES / f"tf-2.15-lstm.{model.rpartition('.')[2]}", folder / model)
    shutil.copy(FIXTURES / "tf-2.15-plain-4.pickle", folder / "tokenizer.pickle")
    command = (
        f"unrolled import {folder / model} --tokenizer {folder / 'tokenizer.pickle'} "
        f"--out {folder}-imported"
    )
    with pytest.raises(ModelError, match="missing") as refused:
        load_model(folder)
    assert str(refused.value).endswith(command)


def test_a_tokenizer_as_vocabulary_is_told_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(FIXTURES / "tf-2.15-lstm.keras", folder / "model.keras")
    shutil.copy(FIXTURES / "tf-2.15-plain.tokenizer.json", folder / "vocabulary.json")
    with pytest.raises(ModelError, match=r"unrolled import .*vocabulary\.json"):
        load_model(folder)


def test_a_vocabulary_inside_a_served_network_is_told_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(FIXTURES / "tf-2.15-vectorization.keras", folder / "model.keras")
    (folder / "vocabulary.json").write_text('{"the": 2}')
    with pytest.raises(ModelError, match=r"\(TextVectorization\): .*`unrolled import model\.keras"):
        load_model(folder)


def test_a_functional_model_of_tf_keras(tmp_path: Path) -> None:
    """Keras 2 beside a later TensorFlow has another module in its files."""
    source = tmp_path / "functional.keras"
    shutil.copy(FIXTURES / "tf-2.15-functional.keras", source)

    def rename(config: dict[str, Any]) -> None:
        assert config["module"].startswith("keras.")
        config["module"] = "tf_keras.src.engine.functional"

    edit_config(source, rename)
    tokenizer = FIXTURES / "tf-2.15-few-5.pickle"
    done = import_model(source, tokenizer, tmp_path / "mine", Wanted())
    [padding] = [line for line in done.assumed if line.startswith("padding: 'none'")]
    assert "--padding pre --max-length 20" in padding
    model = load_model(tmp_path / "mine")
    for answer in expected_of("tf-2.15-functional"):
        if answer["ids"]:
            found = model.distribution(answer["phrase"]).probabilities
            np.testing.assert_allclose(found, answer["probabilities"], atol=1e-5)
