"""What is said of a folder that reads text otherwise than its vocabulary was made, and id 0."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import ModelError
from app.folder.keras.write import write_network
from app.folder.read import load_model
from app.serving.repository import Repository
from tests.small_models import small_network

LISTED = [first + second for first in "abcdefgh" for second in "klmnopqr"][:59]


def folder_of(path: Path, words: dict[str, int], masked: bool = True, **card: Any) -> Path:
    folder = path / "mine"
    folder.mkdir()
    network = small_network(masked=masked, classes=len(LISTED) + 1)
    write_network(folder / "model.keras", network)
    (folder / "vocabulary.json").write_text(json.dumps(words))
    if card:
        (folder / "model.json").write_text(json.dumps(card))
    return folder


def numbered(words: list[str], first: int = 1) -> dict[str, int]:
    return {word: number for number, word in enumerate(words, first)}


def test_words_that_the_tokenizer_splits_or_changes_are_counted(tmp_path: Path) -> None:
    words = ["well-known", "Alice", *LISTED[:18]]
    folder = folder_of(tmp_path, numbered(words), tokenizer="words", lowercase=True)
    [said] = load_model(folder).warnings
    assert "no phrase can have 1 of the words (5.0%), such as 'well-known'" in said
    assert "Set tokenizer, lowercase and, for 'keras', filters and split in model.json" in said


def test_capitals_that_keras_would_lower_are_counted(tmp_path: Path) -> None:
    words = ["Alice", "Bob", *LISTED[:8]]
    folder = folder_of(tmp_path, numbered(words), tokenizer="keras", lowercase=True)
    [said] = load_model(folder).warnings
    assert "no phrase can have 2 of the words (20.0%), such as 'Alice'" in said


def test_a_vocabulary_without_punctuation_is_told_of_tokenizers(tmp_path: Path) -> None:
    [said] = load_model(folder_of(tmp_path, numbered(LISTED))).warnings
    assert "white space alone divides words" in said
    assert "Set tokenizer in model.json: 'keras'" in said


@pytest.mark.parametrize("tokenizer", ["whitespace", "words", "keras"])
def test_a_folder_that_agrees_with_itself_is_told_nothing(tmp_path: Path, tokenizer: str) -> None:
    folder = folder_of(tmp_path, numbered(LISTED), tokenizer=tokenizer)
    assert load_model(folder).warnings == ()


def test_a_misspelt_field_is_told_the_nearest(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, numbered(LISTED), tokenizer="words", lower_case=True)
    [said] = load_model(folder).warnings
    assert said == "model.json: 'lower_case' means nothing here; was 'lowercase' meant?"


def test_it_is_written_to_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder_of(tmp_path, numbered(LISTED))
    with caplog.at_level(logging.WARNING):
        Repository(tmp_path).load()
    logged = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("model mine: vocabulary.json: no word has") for line in logged)


def test_id_0_is_a_word_where_the_card_says_so(tmp_path: Path) -> None:
    words = numbered(LISTED, first=0)
    card = {"tokenizer": "keras", "zero_is_a_word": True}
    model = load_model(folder_of(tmp_path, words, masked=False, **card))
    assert model.encode("ak am ak").ids == (0, 2, 0)
    assert model.options.padding == "none"
    probabilities = model.distribution("ak am").probabilities
    ids = np.array([[0, 2]], np.int32)
    np.testing.assert_array_equal(probabilities, model.engine.forward(ids).probabilities[0])
    assert model.vocabulary.words[0] == "ak"


@pytest.mark.parametrize(("masked", "card"), [(True, {"zero_is_a_word": True}), (False, {})])
def test_id_0_is_no_word_otherwise(tmp_path: Path, masked: bool, card: dict[str, Any]) -> None:
    folder = folder_of(tmp_path, numbered(LISTED, first=0), masked=masked, **card)
    with pytest.raises(ModelError, match="zero_is_a_word"):
        load_model(folder)


def test_a_vocabulary_of_another_network_is_noticed(tmp_path: Path) -> None:
    few = folder_of(tmp_path, numbered(LISTED[:5]), tokenizer="words")
    [said] = load_model(few).warnings
    assert said.startswith("vocabulary.json: 54 of the network's 60 classes have no word; ")
    (few / "vocabulary.json").write_text(json.dumps(numbered(LISTED[:6])))
    assert load_model(few).warnings == ()
