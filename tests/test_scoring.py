"""Scores that reuse states are those of a window computed anew for every word."""

from typing import Any

import numpy as np
import pytest

from app import costs, scoring
from app.engines.numpy_engine import NumpyEngine
from app.errors import TooExpensive
from app.model import Model
from app.terms import ARITHMETIC
from tests.small_models import ForwardOnly, model_of, small_network


def afresh(model: Model, phrase: str) -> list[np.float32]:
    """The probability of each word after those before it, as `predict` says it."""
    words = phrase.split()
    return [
        model.outputs(" ".join(words[:at])).probabilities[int(word[1:])]
        for at, word in enumerate(words)
        if at or model.start_id is not None
    ]


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("start", [None, "w7"])
@pytest.mark.parametrize("units", [(4,), (4, 5)])
@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_every_word_s_probability_is_that_of_a_window_of_its_own(
    masked: bool, start: str | None, units: tuple[int, ...], padding: str, truncating: str
) -> None:
    network = small_network(masked=masked, units=units)
    rng = np.random.default_rng(3)
    phrase = " ".join(f"w{number}" for number in rng.integers(1, 12, 40))
    for engine in (NumpyEngine(network), ForwardOnly(network)):
        options: dict[str, Any] = {"padding": padding, "truncating": truncating}
        if start is not None:
            options["start"] = start
        model = model_of(engine, **options)
        scored = scoring.score(model, phrase)
        said = [one.probability for one in scored.words if one.probability is not None]
        assert said == pytest.approx(afresh(model, phrase), abs=1e-6)
        assert [one.word for one in scored.words] == phrase.split()


def test_within_a_sentence_every_word_costs_one_timestep() -> None:
    """The states of a text of one long sentence within the window: as many as it has words."""
    network = small_network()
    text = " ".join(f"w{number}" for number in range(1, 200))
    model = model_of(NumpyEngine(network), max_length=256)
    weights = network.recurrent[0].weights.values()
    recurrent = sum(array.size for array in weights)
    budget = costs.seconds(network, 198, 198)
    assert costs.seconds(network, 1000, 0) == pytest.approx(1000 * recurrent / 2e10)
    for seconds, enough in ((budget, True), (budget * 0.99, False)):
        work = scoring.in_slices(model, text, seconds)
        if enough:
            next(work)
        else:
            with pytest.raises(TooExpensive):
                next(work)


@pytest.mark.parametrize("cell", ARITHMETIC)
@pytest.mark.parametrize("masked", [True, False])
def test_windows_side_by_side_are_those_computed_one_by_one(cell: str, masked: bool) -> None:
    """More of them than take a timestep together, with sentence ends between a few."""
    network = small_network(cell=cell, masked=masked, units=(5, 4), classes=30)
    numbers = np.random.default_rng(4).integers(2, 12, 1100)
    numbers[[3, 20, 22]] = 1
    phrase = " ".join(f"w{number}" for number in numbers)
    model = model_of(NumpyEngine(network), start="w1")
    scored = scoring.score(model, phrase)
    for at in (0, 2, 9, 19, 20, 21, 23, 28, 29, 30, 500, 1050, 1051, 1052, 1053, 1099):
        outputs = model.outputs(" ".join(f"w{number}" for number in numbers[:at]))
        expected = outputs.probabilities[numbers[at]]
        assert scored.words[at].probability == pytest.approx(expected, abs=1e-6)
        assert scored.words[at].rank == 1 + (outputs.logits > outputs.logits[numbers[at]]).sum()


def test_windows_of_a_long_sentence_take_a_timestep_together() -> None:
    """One after the other, a window's timesteps would pass before there is a pause."""
    model = model_of(NumpyEngine(small_network()), max_length=6)
    text = " ".join(f"w{number}" for number in range(1, 106))
    pauses = sum(1 for _ in scoring.in_slices(model, text, 1000))
    within, sliding = 1, 2  # slices of at most 64 distributions
    assert pauses == within + model.options.max_length + sliding
