"""A models folder while it changes: what is served, what is left out, what stays."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from app.errors import ModelError, ModelNotFound, UnknownWords
from app.folder.read import load_model, signature_of
from app.serving.repository import Repository
from tests.keras_files import write_folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    write_folder(tmp_path / "models" / "one", seed=1)
    return tmp_path / "models"


def loaded(models: Path, default: str | None = None) -> Repository:
    repository = Repository(models, default=default)
    repository.load()
    return repository


def swap(folder: Path, seed: int) -> None:
    """Replace a model folder in one move, as a training run publishes."""
    fresh = write_folder(folder.with_name(f".{folder.name}.new"), seed)
    folder.rename(folder.with_name(f".{folder.name}.old"))
    fresh.rename(folder)
    shutil.rmtree(folder.with_name(f".{folder.name}.old"))


def test_a_new_folder_is_served_a_changed_one_swapped_a_gone_one_dropped(models: Path) -> None:
    repository = loaded(models)
    before = repository.get("one")
    assert not repository.refresh()
    assert repository.get("one") is before

    write_folder(models / "two", seed=2)
    assert repository.refresh()
    assert set(repository.models) == {"one", "two"}
    assert repository.get("one") is before, "an unchanged model is not loaded again"

    swap(models / "one", seed=3)
    assert repository.refresh()
    assert repository.get("one").fingerprint != before.fingerprint
    assert repository.get("one").fingerprint == load_model(models / "one").fingerprint

    shutil.rmtree(models / "two")
    assert repository.refresh()
    with pytest.raises(ModelNotFound, match="loaded: one"):
        repository.get("two")


def test_a_folder_that_breaks_leaves_its_last_good_version_in_service(models: Path) -> None:
    repository = loaded(models)
    good = repository.get("one")
    archive = (models / "one" / "model.keras").read_bytes()
    (models / "one" / "model.keras").write_bytes(archive[:-100])
    assert repository.refresh()
    assert repository.get("one") is good
    assert "model.keras" in repository.problems["one"]

    (models / "one" / "model.keras").write_bytes(archive)
    assert repository.refresh()
    assert repository.problems == {}
    assert repository.get("one").fingerprint == good.fingerprint


def test_a_bad_folder_does_not_keep_the_good_ones_from_service(models: Path) -> None:
    (models / "bad").mkdir()
    (models / "bad" / "vocabulary.json").write_text("{}")
    repository = loaded(models)
    assert set(repository.models) == {"one"}
    assert set(repository.problems) == {"bad"}


def test_hidden_folders_are_not_models(models: Path) -> None:
    write_folder(models / ".one.run")
    assert set(loaded(models).models) == {"one"}


def test_the_default_is_the_named_one_or_english_or_the_first(models: Path) -> None:
    write_folder(models / "aaa")
    assert loaded(models).default.id == "aaa"
    write_folder(models / "english")
    assert loaded(models).default.id == "english"
    assert loaded(models, "one").default.id == "one"
    with pytest.raises(ModelError, match=r"default model 'nope'.*no such folder"):
        loaded(models, "nope")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model could be loaded"):
        loaded(tmp_path)


def test_a_file_that_is_not_the_card_s_is_refused(models: Path) -> None:
    card = {"sha256": {"model.keras": "0" * 64}}
    (models / "one" / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="sha256"):
        load_model(models / "one")


@pytest.mark.parametrize("mark", ["[UNK]", "<OOV>", "<unk>"])
def test_keras_s_own_mark_of_unknown_words_is_known_without_a_card(models: Path, mark: str) -> None:
    vocabulary = {mark: 1, "b": 2, "c": 3, "d": 4, "e": 5}
    (models / "one" / "vocabulary.json").write_text(json.dumps(vocabulary))
    model = load_model(models / "one")
    assert model.encode("c zebra b").ids == (3, 1, 2)
    assert mark not in [one.word for one in model.predict("c", 5).predictions]
    (models / "one" / "model.json").write_text('{"unknown": null}')
    with pytest.raises(UnknownWords):
        load_model(models / "one").encode("c zebra b")


def test_a_folder_whose_name_is_no_id_is_named(models: Path) -> None:
    write_folder(models / "my model")
    (models / "lost+found").mkdir()
    repository = loaded(models)
    assert set(repository.models) == {"one"}
    assert list(repository.problems) == ["my model"]
    assert "'my model' cannot be a model's name" in repository.problems["my model"]


def test_a_file_that_may_be_read_at_last_is_read_again(models: Path) -> None:
    archive = models / "one" / "model.keras"
    before = signature_of(models / "one")
    archive.chmod(0o600)
    assert signature_of(models / "one") != before


def test_a_file_that_is_still_being_copied_is_served_once_it_is_whole(models: Path) -> None:
    repository = loaded(models)
    content = (models / "one" / "model.keras").read_bytes()
    (models / "two").mkdir()
    (models / "two" / "model.keras").write_bytes(content[:1000])
    (models / "two" / "vocabulary.json").write_text('{"a": 1}')
    assert repository.refresh()
    assert list(repository.problems) == ["two"]
    with (models / "two" / "model.keras").open("ab") as file:
        file.write(content[1000:])
    assert repository.refresh()
    assert repository.problems == {}
    assert len(repository.get("two").vocabulary) == 1


def test_a_fingerprint_is_of_lengths_and_contents(models: Path) -> None:
    digest = hashlib.sha256()
    for name in ("model.keras", "vocabulary.json"):
        content = (models / "one" / name).read_bytes()
        digest.update(len(content).to_bytes(8, "little") + content)
    digest.update(bytes(8))  # no model.json
    assert load_model(models / "one").fingerprint == digest.hexdigest()


def test_a_file_that_vanishes_while_it_is_read_is_an_error_of_the_model(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanish(path: Path) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("app.folder.read._fingerprint", vanish)
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        load_model(models / "one")
