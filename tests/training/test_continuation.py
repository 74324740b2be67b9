"""What a run takes from a trained model: its network to go on from, or answers to learn from."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import ModelError, OtherRun
from app.folder.read import load_model
from app.training.config import Source, TrainConfig
from app.training.continuation import continued, teacher_of
from app.training.fit import Progress, shape_of
from app.training.network.bptt import Unrolled
from app.training.run import prepare, train
from tests.training.small_runs import configured, nothing


@pytest.fixture
def config(corpus: Path) -> TrainConfig:
    return configured(corpus, epochs=6, validations=4)


def assert_is_the_same_network(folder: Path, config: TrainConfig) -> None:
    """What is taken over gives the logits that the folder's model gives, at every timestep."""
    taken, model = continued(folder, config), load_model(folder)
    shape = shape_of(taken.config, model.network.classes)
    net = Unrolled(shape, taken.parameters)
    ids = np.array([[1, 3, 2, 4]], np.int32)
    features, _ = net.features(ids.T, np.ones((4, 1), np.bool_), net.initial_state(1))
    for length in range(1, 5):
        padded = np.zeros((1, taken.config.max_length), np.int32)
        padded[0, -length:] = ids[0, :length]
        expected = model.engine.forward(padded).logits[0]
        np.testing.assert_allclose(net.logits(features)[length - 1], expected, atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tied": False, "layers": 2},
        {"tied": False, "projection": 6, "lowercase": False},
        {"slow_units": 3},
    ],
)
def test_a_run_goes_on_from_a_model_of_its_own(
    config: TrainConfig, tmp_path: Path, changes: dict[str, Any]
) -> None:
    config = replace(config, **changes)
    first = train(config, tmp_path / "first", nothing)
    assert_is_the_same_network(tmp_path / "first", config)
    # Sizes and marks are the model's, whatever is asked.
    other = replace(config, initial=tmp_path / "first", units=99, embedding=5, start="<s>")
    second = train(other, tmp_path / "second", nothing)
    assert second.perplexity < first.perplexity
    models = [load_model(tmp_path / name) for name in ("first", "second")]
    assert models[0].vocabulary.word_to_id == models[1].vocabulary.word_to_id
    assert models[0].options == models[1].options
    card = json.loads((tmp_path / "second" / "model.json").read_text())
    assert card["training"]["started_from"]["fingerprint"] == models[0].fingerprint
    assert card["training"]["recipe"]["slow_units"] == config.slow_units


def test_a_text_of_one_s_own_is_learnt_with_the_words_of_the_model(
    config: TrainConfig, tmp_path: Path
) -> None:
    train(config, tmp_path / "first", nothing)
    own = tmp_path / "own.txt"
    own.write_text("the cat sang on the zebra\n" * 40)
    other = replace(
        config, sources=(Source(own),), validation=(own,), initial=tmp_path / "first", epochs=20
    )
    train(other, tmp_path / "second", nothing)
    second = load_model(tmp_path / "second")
    assert second.predict("the cat", 1).next_word == "sang"
    assert second.vocabulary.id_of("zebra") is None


def test_a_model_of_keras_is_gone_on_from(keras: Any, config: TrainConfig, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Embedding(7, 4, mask_zero=True),
        keras.layers.SimpleRNN(5, return_sequences=True),
        keras.layers.SimpleRNN(5, use_bias=False),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(7, activation="softmax"),
    ]
    folder = tmp_path / "keras"
    folder.mkdir()
    keras.Sequential([keras.Input((8,)), *layers]).save(folder / "model.keras")
    words = ["the", "cat", "sat", "on", "mat", "a"]
    vocabulary = {word: number for number, word in enumerate(words, 1)}
    (folder / "vocabulary.json").write_text(json.dumps(vocabulary))
    assert_is_the_same_network(folder, config)
    train(replace(config, initial=folder, epochs=30), tmp_path / "mine", nothing)
    assert load_model(tmp_path / "mine").predict("the cat sat", 1).next_word == "on"


def test_a_network_of_another_kind_is_refused(config: TrainConfig) -> None:
    with pytest.raises(ModelError, match="a network of SimpleRNN, Dense cannot be trained further"):
        continued(Path("models/notebook"), config)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_teacher_s_answers_are_learnt(config: TrainConfig, tmp_path: Path, threads: int) -> None:
    """All of the loss against a teacher that has seen another text: the text's words come, and
    what follows them is the teacher's answer."""
    train(config, tmp_path / "first", nothing)
    own = tmp_path / "own.txt"
    own.write_text("the cat sang on the mat\n" * 40)
    other = replace(config, initial=tmp_path / "first", epochs=20)
    train(replace(other, sources=(Source(own),), validation=()), tmp_path / "teacher", nothing)
    pupil = replace(other, teacher=tmp_path / "teacher", taught=1.0, validation=(own,), dropout=0)
    train(replace(pupil, epochs=60, threads=threads), tmp_path / "pupil", nothing)

    teacher, taught = (load_model(tmp_path / name) for name in ("teacher", "pupil"))
    assert load_model(tmp_path / "first").predict("the cat", 1).next_word == "sat"
    for phrase in ("the cat", "the cat sat", "a bird sang in the"):
        expected = teacher.outputs(phrase).probabilities
        np.testing.assert_allclose(taught.outputs(phrase).probabilities, expected, atol=0.05)
    card = json.loads((tmp_path / "pupil" / "model.json").read_text())
    assert card["training"]["taught_by"]["fingerprint"] == teacher.fingerprint
    assert card["training"]["recipe"]["taught"] == 1.0
    untaught = json.loads((tmp_path / "first" / "model.json").read_text())
    assert untaught["training"]["recipe"]["taught"] == 0.0
    assert "taught_by" not in untaught["training"]


def test_each_text_says_how_much_of_it_a_teacher_teaches(
    config: TrainConfig, tmp_path: Path
) -> None:
    """Of two texts that say otherwise than the teacher one is learnt from it, the other is not."""
    train(replace(config, epochs=60), tmp_path / "teacher", nothing)
    old, new = tmp_path / "old.txt", tmp_path / "new.txt"
    old.write_text("the cat sang on the mat\n" * 40)
    new.write_text("a bird sat in the tree\n" * 40)
    pupil = replace(
        config,
        initial=tmp_path / "teacher",
        teacher=tmp_path / "teacher",
        taught=0.5,
        sources=(Source(old, taught=1.0), Source(new, taught=0.0)),
        validation=(new,),
        dropout=0,
    )
    train(replace(pupil, epochs=60), tmp_path / "pupil", nothing)
    model = load_model(tmp_path / "pupil")
    assert model.predict("the cat", 1).next_word == "sat"  # the teacher's word, not the text's
    assert model.predict("a bird", 1).next_word == "sat"  # the text's: the teacher says "sang"
    assert load_model(tmp_path / "teacher").predict("a bird", 1).next_word == "sang"
    sources = model.card["training"]["sources"]
    assert [source["taught"] for source in sources] == [1.0, 0.0]
    untaught = replace(pupil, teacher=None, epochs=0.1)
    train(untaught, tmp_path / "alone", nothing)  # the card says what was done
    sources = load_model(tmp_path / "alone").card["training"]["sources"]
    assert not any("taught" in source for source in sources)


def test_a_run_is_not_gone_on_with_by_another_teacher(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.training.fit._SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    config = replace(config, epochs=1, teacher=tmp_path / "teacher")
    without = replace(config, teacher=None)
    train(without, tmp_path / "teacher", nothing)

    def stop(progress: Progress) -> None:
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "pupil", stop)
    train(replace(without, seed=1), tmp_path / "teacher", nothing)  # another one in its place
    for other in (config, without):
        with pytest.raises(OtherRun):
            train(other, tmp_path / "pupil", nothing, resume=True)


def test_a_teacher_of_other_words_or_for_a_running_text_is_refused(
    config: TrainConfig, tmp_path: Path
) -> None:
    train(replace(config, epochs=1), tmp_path / "teacher", nothing)
    model = load_model(tmp_path / "teacher")
    vocabulary = model.vocabulary
    teacher, _ = teacher_of(tmp_path / "teacher", config, vocabulary)
    assert teacher.fingerprint == model.fingerprint
    fit, _ = prepare(config, vocabulary, tmp_path, teacher=teacher)
    for batch in fit.batches.epoch(0):
        np.testing.assert_array_equal(batch.taught, np.full(batch.ids.shape[1], 0.5))
    with pytest.raises(ModelError, match="other"):
        teacher_of(tmp_path / "teacher", replace(config, start="<s>"), vocabulary)
    fewer = replace(config, vocabulary_size=5, teacher=tmp_path / "teacher")
    with pytest.raises(ModelError, match="other"):
        train(fewer, tmp_path / "pupil", nothing)
    with pytest.raises(ModelError, match="not a running text"):
        teacher_of(tmp_path / "teacher", replace(config, context="running"), vocabulary)
