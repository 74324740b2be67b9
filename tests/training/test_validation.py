"""How sure of itself a trained network is, and one factor that sets it right."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.folder.read import load_model
from app.training.continuation import continued
from app.training.network.bptt import Batch, Unrolled
from app.training.network.parameters import Shape, between, initialize, sharpened
from app.training.run import prepare, train
from app.training.validation import best_factor, perplexity
from tests.training.small_runs import configured, nothing

# [T, B]: of eight words six are word 1 and two are word 2.
TARGETS = np.array([[1, 2, 1, 1], [1, 1, 2, 1]], np.int32)
BATCH = Batch(np.ones_like(TARGETS), TARGETS, np.ones_like(TARGETS, np.bool_))


def saying(logits: list[float]) -> Unrolled:
    """A network that says the same of every place."""
    shape = Shape(3, embedding=4, units=5, layers=1, projection=0, tied=False)
    parameters = initialize(shape, np.random.default_rng(0))
    parameters["output_kernel"][:] = 0.0
    parameters["output_bias"][:, 0] = logits
    return Unrolled(shape, parameters)


def test_a_factor_gives_the_words_the_probabilities_that_the_text_has() -> None:
    # p_1 = 1 / (1 + exp(-y)) is 3/4 at y = ln 3; the padding has as good as nothing.
    doubtful, sure = saying([-60.0, 0.4, 0.0]), saying([-60.0, 2.0, 0.0])
    assert best_factor(doubtful, [BATCH]) == pytest.approx(np.log(3) / 0.4, rel=1e-4)
    assert best_factor(sure, [BATCH]) == pytest.approx(np.log(3) / 2.0, rel=1e-4)
    mended = Unrolled(sure.shape, sharpened(sure.parameters, sure.shape, np.log(3) / 2.0))
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert perplexity(mended, [BATCH]) == pytest.approx(np.exp(entropy), rel=1e-6)
    assert perplexity(sure, [BATCH]) > 1.05 * np.exp(entropy)


def test_where_all_words_are_as_probable_no_factor_changes_that() -> None:
    assert best_factor(saying([0.0, 0.0, 0.0]), [BATCH]) == 1.0


@pytest.mark.parametrize(
    "shape",
    [
        Shape(9, embedding=4, units=6, layers=1, projection=4, tied=True),
        Shape(9, embedding=4, units=6, layers=2, projection=4, tied=True, slow=2),
        Shape(9, embedding=4, units=6, layers=2, projection=3, tied=False),
        Shape(9, embedding=4, units=6, layers=1, projection=0, tied=False),
    ],
)
def test_a_sharpened_network_has_all_logits_times_the_factor(shape: Shape) -> None:
    rng = np.random.default_rng(0)
    parameters = initialize(shape, rng)
    parameters["embeddings"] += rng.normal(size=parameters["embeddings"].shape).astype(np.float32)
    if not shape.tied:
        parameters["output_bias"] += np.arange(9, dtype=np.float32)[:, None]
    ids = rng.integers(1, 9, (5, 3)).astype(np.int32)  # [T, B]

    def logits(net: Unrolled) -> Any:
        return net.logits(net.features(ids, ids > 0, net.initial_state(3))[0])

    expected = logits(Unrolled(shape, parameters)) * np.float32(1.7)  # [T * B, V]
    found = logits(Unrolled(shape, sharpened(parameters, shape, 1.7)))
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("tied", [True, False])
def test_a_run_is_calibrated_where_it_is_told_to_and_can_be(
    keras: Any, corpus: Path, tmp_path: Path, tied: bool
) -> None:
    runs: dict[str, dict[str, Any]] = {
        "plain": {},
        "calibrated": {"calibrated": True},
        "unseen": {"calibrated": True, "validation": (), "validation_split": 0.0},
    }
    cards, logits, reached = {}, {}, {}
    for name, changes in runs.items():
        config = configured(corpus, tied=tied, epochs=4, dropout=0.5, **changes)
        reached[name] = train(config, tmp_path / name, nothing).perplexity
        cards[name] = json.loads((tmp_path / name / "model.json").read_text())
        model = load_model(tmp_path / name)
        padded = model.pad(model.encode("the dog sat")).ids[None]
        logits[name] = model.engine.forward(padded).logits
        answer = keras.models.load_model(tmp_path / name / "model.keras")(padded)
        np.testing.assert_allclose(
            np.asarray(answer), model.engine.forward(padded).probabilities, atol=1e-6
        )
    factor = cards["calibrated"]["training"]["calibrated_by"]
    assert factor > 1.05  # for its dropout it is less sure than it could be
    np.testing.assert_allclose(logits["calibrated"], factor * logits["plain"], rtol=1e-3, atol=1e-4)
    assert reached["calibrated"] < reached["plain"]
    assert cards["calibrated"]["metrics"]["validation_perplexity"] == pytest.approx(
        reached["calibrated"], abs=1e-3
    )
    for name in ("plain", "unseen"):  # without held-out text it would get as sure as can be
        assert "calibrated_by" not in cards[name]["training"]


def test_a_run_from_a_model_may_end_between_the_two(corpus: Path, tmp_path: Path) -> None:
    first = configured(corpus, epochs=6)
    train(first, tmp_path / "first", nothing)
    # Steps so large that they lead away from the text.
    onwards = dataclasses.replace(first, initial=tmp_path / "first", learning_rate=0.2, seed=1)
    reached = train(onwards, tmp_path / "far", nothing).perplexity
    config = dataclasses.replace(onwards, interpolated=True)
    found = train(config, tmp_path / "between", nothing).perplexity
    card = json.loads((tmp_path / "between" / "model.json").read_text())
    share = card["training"]["of_the_start"]
    assert 0.0 < share <= 0.5
    assert found < reached

    ends = [continued(tmp_path / name, first).parameters for name in ("first", "far", "between")]
    for name, array in ends[2].items():
        halfway = (1 - share) * ends[1][name] + share * ends[0][name]
        np.testing.assert_allclose(array, halfway, rtol=1e-5, atol=1e-6)
    fit, _ = prepare(first, load_model(tmp_path / "first").vocabulary, tmp_path)
    for other in (share - 0.1, share + 0.1):
        net = Unrolled(fit.shape, between(ends[0], ends[1], other))
        assert other > 0.5 or perplexity(net, fit.validation) > found
