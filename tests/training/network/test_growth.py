"""A model made larger: the same answers at first, and room to learn."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from app.arrays import Floats
from app.cli import app
from app.errors import ModelError
from app.folder.read import load_model
from app.model import Model
from app.training.config import Source, TrainConfig
from app.training.continuation import Continuation, continued
from app.training.fit import shape_of
from app.training.network.bptt import Unrolled
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


def grown_and_expected(
    grown: Continuation, model: Model, words: list[str]
) -> tuple[Floats, NDArray[np.float64]]:
    """Probabilities of the grown network, and of the model's engine, at every timestep."""
    ids = [model.vocabulary.id_of(word) or 2 for word in words]
    padded = np.zeros((len(ids), model.options.max_length), np.int32)
    for length in range(1, len(ids) + 1):
        padded[length - 1, -length:] = ids[:length]
    expected = np.asarray(model.engine.forward(padded).probabilities, np.float64)
    return probabilities(grown, ids), expected


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

    words = ["</s>", "the", "zebra", "sat", "on", "a"]
    found, expected = grown_and_expected(grown, model, words)
    assert found.shape == (len(words), classes + 3)
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
    np.testing.assert_allclose(found_shares, np.tile(shares, (len(words), 1)), rtol=1e-5)


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
    refused = run("--units", "17")
    assert refused.exit_code == 2
    assert "--overwrite replaces it" in refused.output
    result = run("--overwrite", "--units", "15")
    assert result.exit_code != 0
    assert "a model grows, it does not shrink: units is 16 already" in str(result.exception)
    assert run("--layers", "2").exit_code == 2


@pytest.mark.parametrize("changes", SHAPES)
def test_slow_units_grow_beside_what_is_there(
    config: TrainConfig, tmp_path: Path, changes: dict[str, Any]
) -> None:
    config = replace(config, **changes)
    train(config, tmp_path / "first", nothing)
    model = load_model(tmp_path / "first")
    sizes: dict[str, Any] = {"vocabulary_size": 0, "units": 23, "slow_units": 4}
    other = replace(config, grow=True, initial=tmp_path / "first", **sizes)
    grown = continued(tmp_path / "first", other)
    words = ["</s>", "the", "cat", "sat", "on", "a"]
    found, expected = grown_and_expected(grown, model, words)
    np.testing.assert_allclose(found, expected, rtol=1e-5)

    train(replace(other, epochs=2), tmp_path / "second", nothing)
    # By hand: gone to 1/e after about 5 words, after about 150, and in equal steps between.
    alphas = [1 - 1 / (5 * 30 ** (k / 3)) for k in range(4)]
    learnt = continued(tmp_path / "second", replace(config, grow=False))
    assert learnt.config.slow_units == 4
    for layer in range(config.layers):
        for taken in (grown, learnt):
            kernel = taken.parameters[f"recurrent_kernel_{layer}"]
            assert kernel.shape == (23, 23)
            np.testing.assert_allclose(kernel[:4, :4], np.diag(alphas), rtol=1e-6)
            assert not kernel[4:, :4].any()
        assert np.all(learnt.parameters[f"recurrent_kernel_{layer}"][:, 4:] != 0)

    with pytest.raises(ModelError, match="slow_units is 4 already"):
        continued(tmp_path / "second", replace(other, slow_units=3))
    with pytest.raises(ModelError, match="there are no more"):
        continued(tmp_path / "second", replace(other, units=30, slow_units=5))
    with pytest.raises(ModelError, match="8 slow units more are 24 units or more, not 23"):
        continued(tmp_path / "first", replace(other, slow_units=8))


@pytest.mark.parametrize("tied", [True, False])
def test_reworded_keeps_the_text_s_words_alone_each_with_its_row(
    config: TrainConfig, tmp_path: Path, own: Path, tied: bool
) -> None:
    train(replace(config, tied=tied), tmp_path / "first", nothing)
    before = continued(tmp_path / "first", config)
    other = replace(config, grow=True, sources=(Source(own),), vocabulary_size=100)
    grown = continued(tmp_path / "first", other)
    reworded = continued(tmp_path / "first", replace(other, reworded=True))
    words = reworded.vocabulary.word_to_id
    assert set(words) == {"</s>", "<unk>", *" ".join(OWN).split()}
    assert set(before.vocabulary.word_to_id) - set(words)  # some have gone
    for name in ("embeddings", *(() if tied else ("output_kernel", "output_bias"))):
        for word, number in words.items():
            expected = grown.parameters[name][grown.vocabulary.word_to_id[word]]
            np.testing.assert_array_equal(reworded.parameters[name][number], expected)


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
