"""Recipes: what is read from one, and what is said of one that cannot be run."""

from pathlib import Path

import pytest

from app.errors import CorpusError
from app.training.config import Source, TrainConfig


def recipe_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="latin-1")
    return path


def test_a_recipe_s_texts_are_in_the_folder_that_is_given(tmp_path: Path) -> None:
    text = """
    sources = [{ file = "one.txt" }, { file = "two.txt.gz", weight = 2 }]
    validation = ["held_out.txt"]
    teacher = "models/english"
    units = 5
    slow_units = 2
    epochs = 3
    blocked = ["a", "b"]
    shown_as = { i = "I" }
    """
    assert TrainConfig.from_recipe(recipe_of(tmp_path, text), Path("data")) == TrainConfig(
        sources=(Source(Path("data/one.txt")), Source(Path("data/two.txt.gz"), 2.0)),
        validation=(Path("data/held_out.txt"),),
        teacher=Path("models/english"),
        units=5,
        slow_units=2,
        epochs=3.0,
        blocked=("a", "b"),
        shown_as={"i": "I"},
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"^mine\.toml: sources: there is no text to train on$"),
        ("units = ", r"^mine\.toml is not TOML: Invalid value \(at end of document\)$"),
        ('title = "\xe9"', r"^mine\.toml is not TOML: 'utf-8' codec can't decode byte 0xe9"),
        ("sources = [{ weight = 2 }]", r"^mine\.toml: sources\.0\.file: Field required$"),
        ('sources = [{ file = "x", wait = 2 }]', r"^mine\.toml: sources\.0\.wait: Unexpected"),
        pytest.param("a = " + "[" * 5000, r"^mine\.toml is not TOML: \S", id="nested"),
        ("unit = 5", r"^mine\.toml: unit: Unexpected keyword argument$"),
        ('units = "many"', r"^mine\.toml: units: Input should be a valid integer"),
        ("units = 0", r"^mine\.toml: units: Input should be greater than or equal to 1$"),
        ("dropout = 1.0", r"^mine\.toml: dropout: Input should be less than 1$"),
        ('tokenizer = "letters"', r"^mine\.toml: tokenizer: Input should be 'whitespace'"),
    ],
)
def test_a_recipe_that_cannot_be_run_is_refused_by_the_field(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(CorpusError, match=said):
        TrainConfig.from_recipe(recipe_of(tmp_path, text), tmp_path)
