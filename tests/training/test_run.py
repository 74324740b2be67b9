"""Whole training runs on a small text: what is learnt, published, resumed and refused."""

import dataclasses
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import CorpusError, OtherRun
from app.evaluation import evaluate
from app.folder.read import load_model
from app.text.vocabulary import Vocabulary
from app.training.config import Source
from app.training.fit import Progress
from app.training.run import train, workspace_of
from app.training.text.corpus import count_words, encode_file
from tests.training.small_runs import LINES, configured, nothing


def test_a_model_learns_its_text_and_keras_answers_the_same(
    keras: Any, corpus: Path, tmp_path: Path
) -> None:
    result = train(configured(corpus), tmp_path / "mine", nothing)
    model = load_model(tmp_path / "mine")
    # Three equally frequent first words, "cat" or "dog", and nothing else is uncertain.
    assert result.perplexity < 1.5
    assert model.predict("the cat sat", 1).next_word == "on"
    assert model.predict("a bird sang in the", 1).next_word == "tree"
    assert evaluate(model, LINES * 40).perplexity == pytest.approx(result.perplexity, rel=1e-3)
    loaded = keras.models.load_model(tmp_path / "mine" / "model.keras")
    padded = model.pad(model.encode("the dog sat")).ids[None]
    np.testing.assert_allclose(
        np.asarray(loaded(padded)), model.engine.forward(padded).probabilities, atol=1e-6
    )
    assert not workspace_of(tmp_path / "mine").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"tied": False, "projection": 0, "layers": 2},
        {"tied": False, "projection": 6},
        {"start": None},
        {"unknown": None, "vocabulary_size": 6},
        {"context": "running", "sequences": 4, "max_length": 6},
        {"half_precision": True, "sampled": 2},
    ],
)
def test_every_kind_of_network_is_trained_and_served(
    corpus: Path, tmp_path: Path, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.training.fit._HEAD", 3)  # of so few words some are sampled
    train(configured(corpus, epochs=3, **changes), tmp_path / "mine", nothing)
    model = load_model(tmp_path / "mine")
    assert len(model.predict("the", 3).predictions) == 3


def test_a_run_is_the_same_for_the_same_seed(corpus: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        train(configured(corpus, epochs=2), tmp_path / name, nothing)
    one, two = (load_model(tmp_path / name).network.weights for name in ("one", "two"))
    for name, array in one.items():
        np.testing.assert_array_equal(array, two[name])


def test_slow_units_fade_as_they_did_from_the_start(corpus: Path, tmp_path: Path) -> None:
    config = configured(
        corpus, epochs=3, slow_units=3, weight_decay=0.5, recurrent_dropout=0.3, averaged=0.9
    )
    train(config, tmp_path / "mine", nothing)
    model = load_model(tmp_path / "mine")
    (layer,) = model.network.recurrent
    kernel = np.asarray(layer.recurrent_kernel)
    # The times lie between 5 and 150 words at equal ratios: 5, 27.386, 150.
    alphas = np.array([0.8, 1 - 1 / 750**0.5, 149 / 150])
    expected = np.zeros((config.units, 3))
    expected[[0, 1, 2], [0, 1, 2]] = alphas
    np.testing.assert_allclose(kernel[:, :3], expected, atol=1e-5)
    assert np.count_nonzero(kernel[:, 3:]) == kernel[:, 3:].size  # all others learn
    trace = model.trace(model.pad(model.encode("the cat sat on the")))
    x, h = trace.recurrent[0].terms[0].input_term, trace.recurrent[0].hidden_state
    assert layer.bias is not None
    before = np.zeros(3)
    for t in range(len(h)):
        if not trace.skipped[t]:
            before = np.tanh(x[t, :3] + alphas * before + layer.bias[:3])
            np.testing.assert_allclose(h[t, :3], before, atol=1e-5)


class _Killed(Exception):
    pass


@pytest.mark.parametrize(
    "changes",
    [{}, {"smoothed": 0.3}, {"context": "running"}, {"context": "running", "threads": 2}],
)
def test_a_killed_run_goes_on_to_the_same_result(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    monkeypatch.setattr("app.training.fit._SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    config = configured(corpus, epochs=3, **changes)

    def kill(step: Progress) -> None:
        if step.epoch > 1.5:
            raise _Killed

    train(config, tmp_path / "whole", nothing)
    with pytest.raises(_Killed):
        train(config, tmp_path / "killed", kill)
    assert not (tmp_path / "killed").exists()
    train(config, tmp_path / "killed", nothing, resume=True)
    whole, killed = (load_model(tmp_path / n).network.weights for n in ("whole", "killed"))
    for name, array in whole.items():
        np.testing.assert_array_equal(array, killed[name])
    cards = [json.loads((tmp_path / n / "model.json").read_text()) for n in ("whole", "killed")]
    [whole_run, killed_run] = [card["training"] for card in cards]
    assert whole_run["resumed"] == []
    [resumed] = killed_run["resumed"]
    assert 0 < resumed["step"] < killed_run["steps"] == whole_run["steps"]
    assert resumed["epochs"] == 3


def test_a_run_of_other_options_is_not_gone_on_with(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.training.fit._SECONDS_BETWEEN_CHECKPOINTS", -1.0)

    def kill(step: Progress) -> None:
        if step.step == 3:
            raise _Killed

    with pytest.raises(_Killed):
        train(configured(corpus), tmp_path / "mine", kill)
    renamed = Path(shutil.copy(corpus, tmp_path / "renamed.txt"))
    with pytest.raises(OtherRun, match="a run with other options"):
        train(configured(corpus, units=12), tmp_path / "mine", nothing, resume=True)
    [source] = configured(corpus).sources
    for other in (
        dataclasses.replace(source, weight=2.0),
        dataclasses.replace(source, path=renamed),
    ):
        with pytest.raises(OtherRun, match="a run with other options"):
            train(configured(corpus, sources=(other,)), tmp_path / "mine", nothing, resume=True)
    elsewhere = tmp_path / "elsewhere" / corpus.name
    elsewhere.parent.mkdir()
    corpus.rename(elsewhere)
    moved = configured(elsewhere, epochs=1, threads=2)
    train(moved, tmp_path / "mine", nothing, resume=True)
    assert load_model(tmp_path / "mine").network.recurrent[0].units == 16
    card = json.loads((tmp_path / "mine" / "model.json").read_text())
    assert card["training"]["resumed"] == [{"step": 2, "epochs": 1, "threads": 2}]


def test_a_card_says_how_the_model_came_about(corpus: Path, tmp_path: Path) -> None:
    config = configured(corpus, epochs=1, blocked=("cat", "unheard"))
    train(config, tmp_path / "mine", nothing, command="unrolled train --recipe cats")
    card = json.loads((tmp_path / "mine" / "model.json").read_text())
    assert card["training"]["command"] == "unrolled train --recipe cats"
    assert card["training"]["seed"] == 0
    assert card["training"]["sources"][0]["file"] == "corpus.txt"
    assert card["blocked"] == ["cat", "unheard"]  # which a person may have written before
    model = load_model(tmp_path / "mine")
    suggested = {p.word for p in model.predict("the", 50).predictions}
    assert "cat" not in suggested
    assert "cat" in model.distribution("the").words


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"one\ntwo \x00 three\n", "line 2 has a zero byte"),
        (b"fine\nna\xefve\n", "not UTF-8: line 2, byte 3"),
    ],
)
def test_a_text_that_cannot_be_used(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=why):
        train(configured(path), tmp_path / "mine", nothing)


def test_shares_of_the_loss_leave_some_for_the_text(corpus: Path, tmp_path: Path) -> None:
    config = configured(corpus, teacher=Path("models/english"), taught=0.6, smoothed=0.5)
    with pytest.raises(CorpusError, match=r"0\.6 is taught and 0\.5 smoothed"):
        train(config, tmp_path / "mine", nothing)
    one = (Source(corpus), Source(corpus, taught=0.7))
    with pytest.raises(CorpusError, match=r"0\.7 is taught and 0\.5 smoothed"):
        train(dataclasses.replace(config, taught=0.1, sources=one), tmp_path / "mine", nothing)


def test_a_text_smaller_than_a_window(tmp_path: Path) -> None:
    path = tmp_path / "small.txt"
    path.write_text("word\n")
    for start in (None, "</s>"):
        with pytest.raises(CorpusError, match="smaller than one window: no line has two words"):
            train(configured(path, start=start), tmp_path / "mine", nothing)
    path.write_text("seven words are fewer than eight timesteps\n")
    with pytest.raises(CorpusError, match="smaller than one window: 7 words, 8 timesteps"):
        train(configured(path, context="running"), tmp_path / "mine", nothing)
    assert [found.name for found in tmp_path.iterdir()] == ["small.txt"]


@pytest.mark.parametrize(("context", "lengths"), [("sentence", [7, 7, 3, 2]), ("running", [17, 2])])
def test_long_lines_are_cut_where_each_is_a_sequence_of_its_own(
    tmp_path: Path, context: Any, lengths: list[int]
) -> None:
    config = configured(tmp_path / "unused", context=context)
    vocabulary = Vocabulary({"</s>": 1, "<unk>": 2, "word": 3})
    lines = ["word " * 17, "word word"]
    encoded = encode_file(lines, vocabulary, config, tmp_path / "ids")
    assert encoded.lengths.tolist() == lengths
    assert len(encoded.ids) == 19


def test_a_damaged_gz_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text.txt.gz"
    path.write_bytes(gzip.compress(b"hello there\n" * 100)[:30])
    with pytest.raises(CorpusError, match=r"text\.txt\.gz cannot be read"):
        train(configured(path), tmp_path / "mine", nothing)


def test_words_are_counted_in_order_of_first_appearance(corpus: Path) -> None:
    counts = count_words(configured(corpus))
    assert counts.most_common(2) == [("the", 200), ("sat", 80)]


def test_the_card_says_what_was_done_not_what_was_asked_for(corpus: Path, tmp_path: Path) -> None:
    """Without held-out text nothing is fitted to it."""
    config = configured(
        corpus, epochs=1, calibrated=True, interpolated=True, validation=(), validation_split=0.0
    )
    train(config, tmp_path / "mine", nothing)
    training = json.loads((tmp_path / "mine" / "model.json").read_text())["training"]
    assert (training["recipe"]["calibrated"], training["recipe"]["interpolated"]) == (False, False)
    assert "calibrated_by" not in training


def test_every_number_and_switch_of_a_run_is_in_its_card(corpus: Path, tmp_path: Path) -> None:
    config = configured(corpus, epochs=1, patience=7, half_precision=True)
    train(config, tmp_path / "mine", nothing)
    recorded = json.loads((tmp_path / "mine" / "model.json").read_text())["training"]["recipe"]
    scalar = {f.name for f in dataclasses.fields(config) if isinstance(f.default, int | float)}
    assert scalar <= set(recorded)
    assert (recorded["patience"], recorded["half_precision"]) == (7, True)


def test_there_must_be_a_run_to_go_on_with(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(OtherRun, match="no run to go on with"):
        train(configured(corpus), tmp_path / "mine", nothing, resume=True)
    assert not list(tmp_path.glob(".mine*"))


def test_a_name_is_shown_as_it_is_written_and_found_as_it_is_typed(
    corpus: Path, tmp_path: Path
) -> None:
    forms = tmp_path / "forms.tsv"
    forms.write_text("Mat\t9\nmat\t1\n")
    config = configured(
        corpus, epochs=1, word_forms=forms, shown_as={"the cat": "the Cat", "x": "X"}
    )
    train(config, tmp_path / "mine", nothing)
    model = load_model(tmp_path / "mine")
    assert model.card["shown_as"] == {"mat": "Mat", "the cat": "the Cat"}
    assert "Mat" in model.vocabulary.words
    assert model.vocabulary.id_of("mat") == model.vocabulary.word_to_id["mat"]
    assert model.encode("on the MAT").ids == model.encode("on the mat").ids
