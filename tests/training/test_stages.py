"""A recipe in stages: each ends in a folder, and one command goes on where it stopped."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import CorpusError, OtherRun
from app.folder.read import load_model
from app.training.fit import Progress, Report
from app.training.stages import run_stages, stages_of
from tests.training.small_runs import LINES

RECIPE = """
sources = [{ file = "corpus.txt" }]
max_length = 8
embedding = 4
units = 6
epochs = 2
batch_size = 120
validations = 2
blocked = ["cat"]

[[stage]]
name = "small"

[[stage]]
name = "larger"
from = "small"
grow = true
units = 9
seed = 1
"""


class _Killed(BaseException):
    """Not an error that anything may catch."""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "corpus.txt").write_text("\n".join(LINES * 20))
    path = tmp_path / "two.toml"
    path.write_text(RECIPE)
    return path


def run(recipe: Path, kill_in: str = "") -> list[str]:
    """Run the recipe; the names of the stages that had something to do."""
    begun = []
    stages = stages_of(recipe, recipe.parent, recipe.parent / "out")

    @contextlib.contextmanager
    def report_of(number: int) -> Iterator[Report]:
        begun.append(stages[number].name)

        def report(step: Progress) -> None:
            if stages[number].name == kill_in and step.step == 3:
                raise _Killed

        yield report

    run_stages(stages, report_of, "unrolled train --recipe two")
    return begun


def test_each_stage_begins_with_an_earlier_one_and_the_card_says_so(recipe: Path) -> None:
    assert run(recipe) == ["small", "larger"]
    model = load_model(recipe.parent / "out")
    assert model.network.recurrent[0].units == 9
    training = model.card["training"]
    assert training["command"] == "unrolled train --recipe two (stage larger)"
    assert training["started_from"]["model"] == "small"
    first = training["started_from"]["training"]
    assert (first["recipe"]["units"], first["recipe"]["seed"]) == (6, 0)
    assert (training["recipe"]["units"], training["recipe"]["seed"]) == (9, 1)


def test_the_same_command_goes_on_with_the_stage_that_was_killed(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.training.fit._SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    with pytest.raises(_Killed):
        run(recipe, kill_in="larger")
    assert run(recipe) == ["larger"]
    card = json.loads((recipe.parent / "out" / "model.json").read_text())
    assert [one["step"] for one in card["training"]["resumed"]] == [2]


def test_the_folder_of_a_stage_of_another_recipe_is_not_taken(recipe: Path) -> None:
    with pytest.raises(_Killed):
        run(recipe, kill_in="larger")
    recipe.write_text(RECIPE.replace("units = 6", "units = 7"))
    with pytest.raises(OtherRun, match="small is of another recipe"):
        run(recipe)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('from = "third"', "larger: there is no earlier stage 'third'"),
        ('from = "small"\nname = "small"', "TOML"),
        ('teacher = ["small"]', r"larger: there is no earlier stage \['small'\]"),
        ("", "every stage needs a name"),
    ],
)
def test_a_stage_that_cannot_be_run_is_named(recipe: Path, wrong: str, said: str) -> None:
    text = RECIPE.replace('from = "small"', wrong)
    recipe.write_text(text if wrong else RECIPE.replace('name = "larger"', ""))
    with pytest.raises(CorpusError, match=said):
        stages_of(recipe, recipe.parent, recipe.parent / "out")


@pytest.mark.parametrize("stages", ["5", "[]", "[5]", '["small"]', '{ name = "small" }'])
def test_stages_that_are_no_tables(tmp_path: Path, stages: str) -> None:
    path = tmp_path / "one.toml"
    path.write_text(f'sources = [{{ file = "corpus.txt" }}]\nstage = {stages}\n')
    with pytest.raises(CorpusError, match=r"stage: a table for each is needed"):
        stages_of(path, tmp_path, tmp_path / "out")
