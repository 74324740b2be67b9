"""A model made larger: the same answers at first, and room to learn."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli import app
from app.errors import ModelError
from app.network import Floats
from app.repository import load_model
from app.training.bptt import Unrolled
from app.training.config import Source, TrainConfig
from app.training.continuation import Continuation, continued
from app.training.fit import shape_of
from app.training.run import train
from tests.training.small_runs import configured, nothing

# Of its words the model knows all but five; "zebra" comes most often of those.
OWN = ["the zebra sat on the gnu", "a zebra sang to the cat", "zebra and gnu sat"] * 20


@pytest.fixture
def config(corpus: Path) -> TrainConfig:
    return configured(corpus, epochs=6, validations=4)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.txt"
    path.write_text("\n".join(OWN) + "\n")
    return path


def probabilities(taken: Continuation, ids: list[int]) -> Floats:
    """Of every class, at every timestep: [T, V]."""
    net = Unrolled(shape_of(taken.config, len(taken.vocabulary) + 1), taken.parameters)
    mask = np.ones((len(ids), 1), np.bool_)
    features, _ = net.features(np.array(ids, np.int32)[:, None], mask, net.initial_state(1))
    shares = np.exp(net.logits(features).astype(np.float64))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


SHAPES = [{}, {"tied": False, "layers": 2}, {"tied": False, "projection": 6}]


@pytest.mark.parametrize("changes", SHAPES)
def test_a_larger_network_gives_the_same_answers_at_every_timestep(
    config: TrainConfig, tmp_path: Path, own: Path, changes: dict[str, Any]
) -> None:
    config = replace(config, **changes)
    train(config, tmp_path / "first", nothing)
    model = load_model(tmp_path / "first")
    classes = len(model.vocabulary) + 1
    # Three of the five new words: the unknown word remains what the other two are.
    sizes: dict[str, Any] = {"units": 21, "embedding": 11, "vocabulary_size": classes - 1 - 2 + 3}
    other = replace(config, grow=True, sources=(Source(own),), **sizes)
    grown = continued(tmp_path / "first", other)

    ids = [model.vocabulary.id_of(word) or 2 for word in ["</s>", "the", "zebra", "sat", "on", "a"]]
    found = probabilities(grown, ids)
    assert found.shape == (len(ids), classes + 3)
    padded = np.zeros((len(ids), config.max_length), np.int32)
    for length in range(1, len(ids) + 1):
        padded[length - 1, -length:] = ids[:length]
    expected = np.asarray(model.engine.forward(padded).probabilities, np.float64)
    unknown = model.vocabulary.id_of("<unk>")
    assert unknown is not None
    known = np.delete(np.arange(classes), unknown)
    np.testing.assert_allclose(found[:, known], expected[:, known], rtol=1e-5)

    # A new word has the share of the unknown word that its count has, by hand.
    counts = Counter(" ".join(OWN).split())
    assert {word: counts[word] for word in ("zebra", "gnu", "to", "and")} == {
        "zebra": 60, "gnu": 40, "to": 20, "and": 20
    }  # fmt: skip
    rows = [grown.vocabulary.word_to_id[word] for word in ("zebra", "gnu", "to")]
    assert rows == [classes, classes + 1, classes + 2]
    shares = np.array([20, 60, 40, 20]) / 140
    found_shares = found[:, [unknown, *rows]] / expected[:, [unknown]]
    np.testing.assert_allclose(found_shares, np.tile(shares, (len(ids), 1)), rtol=1e-5)


@pytest.mark.parametrize("changes", SHAPES)
def test_what_is_new_learns(
    config: TrainConfig, tmp_path: Path, own: Path, changes: dict[str, Any]
) -> None:
    config = replace(config, **changes)
    train(config, tmp_path / "first", nothing)
    other = replace(
        config,
        initial=tmp_path / "first",
        grow=True,
        sources=(Source(own),),
        validation=(own,),
        units=20,
        embedding=10,
        vocabulary_size=100,
        epochs=20,
    )
    train(other, tmp_path / "second", nothing)
    second = load_model(tmp_path / "second")
    assert set(" ".join(OWN).split()) < set(second.vocabulary.word_to_id)
    assert second.predict("a", 1).next_word == "zebra"
    assert second.predict("a zebra sang", 1).next_word == "to"
    taken = continued(tmp_path / "second", config)
    assert taken.config.units == 20
    for layer in range(config.layers):  # the units that were there have learnt to hear the new
        assert np.all(taken.parameters[f"recurrent_kernel_{layer}"][16:, :16] != 0)


def test_a_size_that_is_not_asked_for_stays(config: TrainConfig, tmp_path: Path, own: Path) -> None:
    train(replace(config, tied=False), tmp_path / "first", nothing)
    known = len(load_model(tmp_path / "first").vocabulary) - 2
    arguments = ["train", str(own), "--from", str(tmp_path / "first"), "--epochs", "20"]

    def run(*more: str) -> Any:
        return CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "second"), *more])

    assert run("--vocabulary-size", str(known + 1)).exit_code == 0
    taken = continued(tmp_path / "second", config)
    assert (taken.config.units, taken.config.embedding) == (16, 8)
    assert "zebra" in taken.vocabulary.word_to_id
    assert "gnu" not in taken.vocabulary.word_to_id
    result = run("--units", "15")
    assert result.exit_code != 0
    assert "a model grows, it does not shrink: units is 16 already" in str(result.exception)
    assert run("--layers", "2").exit_code == 2


def test_new_words_need_an_unknown_word_to_start_from(
    config: TrainConfig, tmp_path: Path, own: Path
) -> None:
    config = replace(config, unknown=None)
    train(config, tmp_path / "first", nothing)
    other = replace(config, grow=True, sources=(Source(own),), vocabulary_size=100)
    with pytest.raises(ModelError, match="new words start as the unknown word"):
        continued(tmp_path / "first", other)
    wider = continued(tmp_path / "first", replace(other, vocabulary_size=0, units=17))
    assert wider.config.units == 17
    assert wider.vocabulary.word_to_id == load_model(tmp_path / "first").vocabulary.word_to_id
