"""A models folder under hostile hands: what is served was always published whole.

A version is a seed: its network answers a phrase with its own numbers, its vocabulary has a word of
its own, so that a mixture would be seen in any answer.
"""

import json
import shutil
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import mkdtemp

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.answers import Prediction
from app.folder.contents import FILES
from app.folder.read import load_model
from app.serving.repository import Repository
from tests.attack.processes import session
from tests.attack.scale import say, scaled
from tests.keras_files import write_folder
from tests.test_lifecycle import get, port_of
from tests.test_server import eventually

VERSIONS = 4
NAMES = ("one", "two")


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Fingerprints of the only versions there are, and the folders they lie in."""
    folder = tmp_path_factory.mktemp("versions")
    made = [write_folder(folder / str(seed), seed=seed) for seed in range(VERSIONS)]
    for one in made:
        words = {"a": 1, "b": 2, "c": 3, "d": 4, f"only_{one.name}": 5}
        (one / "vocabulary.json").write_text(json.dumps(words))
    return {load_model(one).fingerprint: one for one in made}


def test_no_sequence_of_changes_has_a_mixture_served(versions: dict[str, Path]) -> None:
    steps: list[int] = []
    published = list(versions.values())

    class ModelsFolder(RuleBasedStateMachine):
        """Publishers that finish, that do not, and that damage; looks in between, at any time."""

        @initialize()
        def begin(self) -> None:
            self.models = Path(mkdtemp())
            shutil.copytree(published[0], self.models / "one")
            self.repository = Repository(self.models)
            self.repository.load()
            self.still = True  # whether all changes were finished before the last look

        def teardown(self) -> None:
            shutil.rmtree(self.models, ignore_errors=True)

        @rule(name=st.sampled_from(NAMES), version=st.sampled_from(published))
        def publish_by_renaming(self, name: str, version: Path) -> None:
            shutil.copytree(version, self.models / f".{name}.new")
            if (self.models / name).is_symlink():
                (self.models / name).unlink()
            elif (self.models / name).exists():
                shutil.rmtree(self.models / name)
            (self.models / f".{name}.new").rename(self.models / name)

        @rule(name=st.sampled_from(NAMES), version=st.sampled_from(published))
        def swap_a_link(self, name: str, version: Path) -> None:
            if (self.models / name).exists() and not (self.models / name).is_symlink():
                shutil.rmtree(self.models / name)
            (self.models / ".link").symlink_to(version)
            (self.models / ".link").replace(self.models / name)

        @rule(name=st.sampled_from(NAMES), file=st.sampled_from(FILES[:2]))
        def damage(self, name: str, file: str) -> None:
            folder = self.models / name
            if (folder / file).exists() and not folder.is_symlink():
                content = (folder / file).read_bytes()
                (folder / file).write_bytes(content[: len(content) // 2])

        @rule(name=st.sampled_from(NAMES), file=st.sampled_from(FILES[:2]))
        def remove_a_file(self, name: str, file: str) -> None:
            if not (self.models / name).is_symlink():
                (self.models / name / file).unlink(missing_ok=True)

        @precondition(lambda self: (self.models / "two").exists())
        @rule()
        def remove(self) -> None:
            if (self.models / "two").is_symlink():
                (self.models / "two").unlink()
            else:
                shutil.rmtree(self.models / "two")

        @rule()
        def look(self) -> None:
            self.repository.refresh()
            steps.append(1)
            on_disk = {one.name for one in self.models.iterdir() if not one.name.startswith(".")}
            assert set(self.repository.models) | set(self.repository.problems) >= on_disk
            assert set(self.repository.models) <= on_disk | set(self.repository.problems)

        @invariant()
        def what_is_served_was_published_whole(self) -> None:
            for name, model in self.repository.models.items():
                assert model.fingerprint in versions, name
                words = load_words(versions[model.fingerprint])
                assert dict(model.vocabulary.word_to_id) == words

    known: dict[Path, dict[str, int]] = {}

    def load_words(version: Path) -> dict[str, int]:
        if version not in known:
            known[version] = dict(load_model(version).vocabulary.word_to_id)
        return known[version]

    run_state_machine_as_test(
        ModelsFolder,
        settings=settings(
            max_examples=scaled(15, 400), stateful_step_count=12, deadline=None, derandomize=True
        ),
    )
    say(f"models folder: {len(steps)} looks between changes, no mixture served")


Answer = tuple[tuple[str, str], ...]


def answer_of(predictions: Iterable[Prediction]) -> Answer:
    """Words and probabilities, to the digits that do not depend on who shares a product."""
    return tuple((one.word, f"{one.probability:.4f}") for one in predictions)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_reloading_under_load_loses_and_mixes_nothing(
    tmp_path: Path, versions: dict[str, Path], workers: str
) -> None:
    models = tmp_path / "models"
    fingerprints = {one.name: print_ for print_, one in versions.items()}
    shutil.copytree(versions[fingerprints["0"]], models / "one")
    whole = {answer_of(load_model(folder).predict("b").predictions) for folder in versions.values()}
    assert len(whole) == VERSIONS
    answers: list[Answer] = []
    with session(models, tmp_path / "log", workers=workers, poll_seconds="0.2") as one:
        port = port_of(one)
        end = time.monotonic() + scaled(5, 60)
        done = threading.Event()

        def ask() -> None:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
                while not done.is_set():
                    answer = client.post("/v1/predict", json={"phrase": "b"}, timeout=60)
                    assert answer.status_code == 200, answer.text
                    found = [Prediction(**one) for one in answer.json()["predictions"]]
                    answers.append(answer_of(found))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        publishes = 0
        while time.monotonic() < end or len(set(answers)) < 2:
            assert time.monotonic() < end + 60, "no reload was seen"
            publishes += 1
            fresh = models / ".new"
            shutil.copytree(versions[fingerprints[str(publishes % VERSIONS)]], fresh)
            (models / "one").rename(models / ".old")
            time.sleep(0.05)  # a look in between finds no model there
            fresh.rename(models / "one")
            shutil.rmtree(models / ".old")
            time.sleep(0.5)
        done.set()
        for thread in threads:
            thread.join()
        eventually(lambda: get(port, "/v1/models").json()["problems"] == [])
    assert set(answers) <= whole
    say(
        f"{publishes} publishes under load, {workers} workers: {len(answers)} answers, "
        "0 lost, 0 mixed"
    )
