"""A models folder while it changes: what is served, what is left out, what stays."""

import errno
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.errors import ArchiveError, ModelError, ModelNotFound, UnknownWords, VocabularyError
from app.folder.contents import signature_of
from app.folder.read import load_model
from app.logs import JsonFormatter, configure
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings
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


def test_models_outlive_a_models_folder_that_cannot_be_looked_at(models: Path) -> None:
    """Its volume is away, or it leads nowhere: that is no wish to serve nothing."""
    repository = loaded(models)
    served = repository.get("one")
    away = models.with_name("away")
    models.rename(away)
    gone = "there is no such folder"
    for leads_to, why in (
        (None, gone),
        (away / "one" / "model.keras", gone),  # a file
        (models, os.strerror(errno.ELOOP)),
        (away / "nothing", gone),
    ):
        if leads_to is not None:
            models.symlink_to(leads_to)
        for _ in range(2):
            with pytest.raises(OSError):  # noqa: PT011 # whichever of them
                repository.refresh(at_once=True)
        assert repository.problems == {".": why}
        assert repository.get("one") is served
        models.unlink(missing_ok=True)
    away.rename(models)
    assert not repository.refresh()
    assert repository.problems == {}

    shutil.rmtree(models / "one")
    assert repository.refresh()
    assert repository.models == {}, "its folder was removed from where models are"


def test_models_outlive_an_empty_folder_in_the_place_of_theirs(models: Path) -> None:
    """The mount point is what is left where a volume is away."""
    repository = loaded(models)
    served = repository.get("one")
    away = models.with_name("away")
    models.rename(away)
    models.mkdir()
    for _ in range(2):
        with pytest.raises(OSError, match="an empty folder is in its place"):
            repository.refresh(at_once=True)
    assert repository.problems == {".": "an empty folder is in its place"}
    assert repository.get("one") is served

    write_folder(models / "two", seed=2)
    assert repository.refresh()
    assert set(repository.models) == {"two"}, "another folder of models is as good"
    assert repository.problems == {}

    shutil.rmtree(models)
    away.rename(models)
    assert repository.refresh()
    assert set(repository.models) == {"one"}


def test_models_outlive_folders_that_nobody_may_look_at(models: Path) -> None:
    """A models folder that may be listed, but not entered, as others than root find it."""
    looks = """
import json, os, sys
from pathlib import Path
from app.serving.repository import Repository

models = Path(sys.argv[1])
os.chdir(models.parent)
repository = Repository(models)
repository.load()
served = repository.get("one")
if os.geteuid() == 0:
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capset(header, data) == 0  # none of root's rights
models.chmod(0o400)
try:
    repository.refresh(at_once=True)
finally:
    models.chmod(0o700)
print(json.dumps([repository.problems, repository.get("one") is served]))
"""
    said = subprocess.run(
        [sys.executable, "-c", looks, models], check=True, capture_output=True, text=True
    )
    assert json.loads(said.stdout) == [{"one": "one cannot be read: Permission denied"}, True]


def test_a_problem_names_files_by_their_place_in_the_models_folder(models: Path) -> None:
    """Whoever may ask for models need not know where they lie."""
    (models / "new").mkdir()
    (models / "one" / "model.keras").rename(models / "new" / "saved.keras")
    (models / "new" / "tokenizer.json").write_text("{}")
    repository = Repository(models)
    repository.refresh()
    why = repository.problems["new"]
    assert "unrolled import new/saved.keras --tokenizer new/tokenizer.json --out new-" in why
    assert str(models) not in str(repository.problems)


def test_what_is_served_no_more_is_logged(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings())
    write_folder(models / "two")
    repository = loaded(models)
    shutil.rmtree(models / "two")
    repository.refresh()
    assert "model two is served no more: its folder is gone" in capsys.readouterr().err


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
    with pytest.raises(ModelError, match=r"no model could be loaded .*: no folders"):
        loaded(tmp_path)
    with pytest.raises(ModelError, match=r"no model could be loaded .*: there is no such folder"):
        loaded(tmp_path / "models")


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

    monkeypatch.setattr("app.folder.contents.signature_of", vanish)
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        load_model(models / "one")


def written_just_now(file: Path) -> None:
    """By a clock that goes ahead: it counts from when it is seen, however late that is."""
    ahead = time.time() + 3600
    os.utime(file, (ahead, ahead))


def test_what_is_being_written_is_served_once_it_has_been_still(models: Path) -> None:
    repository = Repository(models, still_seconds=0.2)
    repository.load()
    good = repository.get("one")
    counted: list[str] = []
    fresh = write_folder(models.parent / "fresh", seed=2)
    for name in ("model.keras", "vocabulary.json"):  # each may come as late as it likes
        shutil.copy(fresh / name, models / "one" / name)
        written_just_now(models / "one" / name)
        begin = time.monotonic()
        repository.refresh(count=counted.append)
        assert repository.problems == {"one": "it is still being written"}
        assert repository.get("one") is good
    while repository.get("one") is good:
        repository.refresh(count=counted.append)
    assert time.monotonic() - begin >= 0.2
    assert set(counted[:-1]) == {"waiting"}
    assert counted[-1] == "loaded"
    assert repository.problems == {}
    assert repository.get("one").fingerprint == load_model(fresh).fingerprint


def test_a_model_outlives_the_moment_between_moving_the_old_away_and_the_new_in(
    models: Path,
) -> None:
    repository = Repository(models, still_seconds=0.2)
    repository.load()
    before = repository.get("one")
    (models / "one").rename(models / ".old")
    repository.refresh()
    assert repository.get("one") is before, "nobody is told that there is no such model"
    write_folder(models / "one", seed=2)
    repository.refresh(at_once=True)
    after = repository.get("one")
    assert after.fingerprint == load_model(models / "one").fingerprint != before.fingerprint

    for _ in range(2):  # a folder that failed to load, or was never still, is no different
        shutil.rmtree(models / "one", ignore_errors=True)
        begin = time.monotonic()
        while "one" in repository.models:
            repository.refresh()
        assert time.monotonic() - begin >= 0.2
        write_folder(models / "one", seed=3)
        repository.refresh(at_once=True)
        written_just_now(models / "one" / "model.keras")
        repository.refresh()
        assert repository.problems == {"one": "it is still being written"}

    shutil.rmtree(models / "one")
    repository.refresh(at_once=True)
    assert repository.models == {}, "who asks for a look at once is told what is there"


def test_what_has_digests_that_fit_is_served_at_once(models: Path) -> None:
    repository = Repository(models, still_seconds=3600)
    repository._still_seconds = 0  # the fixture has just written it
    repository.load()
    repository._still_seconds = 3600
    good = repository.get("one")
    for seed, fits in ((2, False), (3, True)):
        fresh = write_folder(models.parent / f"fresh{seed}", seed=seed)
        digests = {
            name: hashlib.sha256((fresh / name).read_bytes()).hexdigest()
            for name in ("model.keras", "vocabulary.json")
        }
        if not fits:
            digests["vocabulary.json"] = "0" * 64
        (fresh / "model.json").write_text(json.dumps({"sha256": digests}))
        for name in ("model.json", "model.keras", "vocabulary.json"):
            shutil.copy(fresh / name, models / "one" / name)
        assert repository.refresh()
        assert (repository.get("one") is good) != fits
        assert bool(repository.problems) != fits


def test_a_folder_that_cannot_be_read_for_want_of_memory_is_read_again(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = loaded(models)
    write_folder(models / "two", seed=2)
    write_folder(models / "three", seed=3)
    counted: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr("app.folder.read.parse_network", want_of_memory)
        repository.refresh(count=counted.append)
    assert repository.problems["two"] == "it could not be read: MemoryError"
    assert set(repository.models) == {"one"}
    repository.refresh(count=counted.append)
    assert counted == ["failed", "failed", "loaded", "loaded"]
    assert (set(repository.models), repository.problems) == ({"one", "two", "three"}, {})


def want_of_memory(*_: object, **__: object) -> None:
    raise MemoryError


def test_a_models_folder_that_cannot_be_looked_at_is_said_and_watched_on(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(Settings(poll_seconds=0.01), Repository(models))
    with TestClient(app) as client:
        with monkeypatch.context() as patch:
            patch.setattr(Repository, "_folders", want_of_memory)
            said = {"folder": ".", "reason": "it could not be looked at: MemoryError"}
            while client.get("/v1/models").json()["problems"] != [said]:
                pass
            assert client.get("/readyz").status_code == 200
        write_folder(models / "two", seed=2)
        while client.get("/v1/models/two").status_code == 404:
            pass
        assert client.get("/v1/models").json()["problems"] == []
        text = client.get("/metrics").text
        failed = next(line for line in text.splitlines() if 'outcome="failed"' in line)
        assert float(failed.split()[1]) >= 1
        assert 'unrolled_reloads_total{outcome="loaded"} 1.0' in text
        assert "unrolled_model_problems 0.0" in text


def test_models_are_listed_and_problems_told_where_the_default_is_none_of_them(
    models: Path,
) -> None:
    write_folder(models / "two")
    repository = loaded(models, "one")
    app = create_app(Settings(poll_seconds=0, default_model="one"), repository)
    with TestClient(app) as client:
        (models / "bad").mkdir()
        (models / "bad" / "vocabulary.json").write_text("{}")
        shutil.rmtree(models / "one")
        repository.refresh()
        listed = client.get("/v1/models").json()
        assert [model["id"] for model in listed["data"]] == ["two"]
        assert [problem["folder"] for problem in listed["problems"]] == ["bad"]
        stats = client.get("/v2/models/stats").json()["model_stats"]
        assert [one["name"] for one in stats] == ["two"]
        for probe in ("/readyz", "/health", "/v2/health/ready"):
            assert client.get(probe).status_code == 503
        told = client.get("/readyz").json()
        assert (told["code"], told["detail"]) == (
            "not_ready",
            "the default model, one, is not loaded",
        )
        shutil.rmtree(models / "two")
        repository.refresh()
        assert client.get("/v1/models").json()["data"] == []


def test_a_folder_may_have_any_bytes_for_a_name_and_is_listed_and_logged(models: Path) -> None:
    write_folder(models / os.fsdecode(b"caf\xff"))
    app = create_app(Settings(poll_seconds=0), loaded(models))
    with TestClient(app) as client:
        [problem] = client.get("/v1/models").json()["problems"]
        assert problem["folder"] == "caf\\udcff"
        assert "cannot be a model's name" in problem["reason"]
        index = {one["name"]: one for one in client.post("/v2/repository/index").json()}
    assert index["caf\\udcff"]["state"] == "UNAVAILABLE"
    record = logging.makeLogRecord({"msg": "model %s", "args": (os.fsdecode(b"caf\xff"),)})
    assert json.loads(JsonFormatter().format(record))["message"] == "model caf\\udcff"


def test_the_index_says_what_is_wrong_with_a_new_version_of_what_is_served(models: Path) -> None:
    repository = loaded(models)
    (models / "one" / "vocabulary.json").write_text("{")
    repository.refresh()
    with TestClient(create_app(Settings(poll_seconds=0), repository)) as client:
        [entry] = client.post("/v2/repository/index").json()
    assert (entry["name"], entry["state"]) == ("one", "READY")
    assert entry["reason"] == "vocabulary.json is not valid JSON"


def test_a_terabyte_is_refused_by_its_size(models: Path) -> None:
    with (models / "one" / "model.keras").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(ArchiveError, match="is 1099511627776 bytes, more than"):
        load_model(models / "one")
    with (models / "one" / "model.keras").open("wb") as file:
        file.truncate(1 << 30)  # a hole that is not too large
    with pytest.raises(ArchiveError, match="damaged, or not"):
        load_model(models / "one")
    write_folder(models / "two")
    with (models / "two" / "vocabulary.json").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(VocabularyError, match="larger than"):
        load_model(models / "two")
