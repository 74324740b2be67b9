"""A tied network parted in two narrower tables: the same at full width, the least loss below."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import CorpusError, ModelError
from app.folder.read import load_model
from app.training.config import TrainConfig
from app.training.continuation import continued
from app.training.network.bptt import Batch, Unrolled
from app.training.network.narrowing import narrowed, without_slow_units
from app.training.network.parameters import Parameters, Shape, initialize
from app.training.run import train
from app.training.text.batches import padded_batch
from tests.training.small_runs import configured, nothing

CLASSES, EMBEDDING, UNITS = 40, 12, 15


def a_tied_network(layers: int) -> tuple[Shape, Parameters]:
    rng = np.random.default_rng(3)
    shape = Shape(CLASSES, EMBEDDING, UNITS, layers, EMBEDDING, True, slow=4)
    parameters = initialize(shape, rng)
    parameters["embeddings"] += rng.normal(0, 0.3, parameters["embeddings"].shape).astype("f4")
    parameters["projection_bias"][:-1] = rng.normal(0, 0.5, EMBEDDING)
    return shape, parameters


@pytest.fixture
def tied() -> tuple[Shape, Parameters]:
    return a_tied_network(layers=2)


@pytest.fixture
def one_layer() -> tuple[Shape, Parameters]:
    return a_tied_network(layers=1)


@pytest.fixture
def text() -> list[Batch]:
    rng = np.random.default_rng(4)
    return [
        padded_batch([rng.integers(2, CLASSES, n).astype(np.int32) for n in range(2, 10)], 1)
        for _ in range(6)
    ]


def logits(shape: Shape, parameters: Parameters, batch: Batch) -> np.ndarray[Any, Any]:
    net = Unrolled(shape, parameters)
    state = net.initial_state(batch.ids.shape[1])
    features, _ = net.features(batch.ids, batch.mask, state)
    return net.logits(features).astype(np.float64)


def test_at_full_width_it_is_the_same_network_at_every_timestep(
    tied: tuple[Shape, Parameters], text: list[Batch]
) -> None:
    shape, parameters = tied
    parted = narrowed(parameters, shape, text, EMBEDDING + 1, EMBEDDING)
    wide = replace(shape, embedding=EMBEDDING + 1, tied=False)
    for batch in text:
        found = logits(wide, parted, batch)
        np.testing.assert_allclose(found, logits(shape, parameters, batch), atol=2e-5)


@pytest.mark.parametrize("columns", [3, 7])
def test_the_output_loses_what_the_best_table_of_that_width_has_to_lose(
    tied: tuple[Shape, Parameters], text: list[Batch], columns: int
) -> None:
    shape, parameters = tied
    cut = narrowed(parameters, shape, text, EMBEDDING + 1, columns)
    narrow = replace(shape, embedding=EMBEDDING + 1, projection=columns, tied=False)
    before = np.concatenate([logits(shape, parameters, batch) for batch in text])
    after = np.concatenate([logits(narrow, cut, batch) for batch in text])

    targets = np.concatenate([batch.targets[batch.mask] for batch in text])
    weights = np.sqrt((np.bincount(targets, minlength=CLASSES) + 1) / (len(targets) + CLASSES))
    lost = np.square((before - after) * weights).sum()
    # Of all rank-`columns` changes of the centred logits, as NumPy has their singular values.
    values = np.linalg.svd((before - before.mean(axis=0)) * weights, compute_uv=False)
    least = np.square(values[columns:]).sum()
    assert least == pytest.approx(lost, rel=1e-3)
    assert lost > 1e-3


def test_the_input_loses_what_the_best_table_of_that_width_has_to_lose(
    tied: tuple[Shape, Parameters], text: list[Batch]
) -> None:
    shape, parameters = tied
    cut = narrowed(parameters, shape, text, 5, EMBEDDING)
    heard = parameters["embeddings"].astype(float) @ parameters["kernel_0"] + parameters["bias_0"]
    found = cut["embeddings"].astype(float) @ cut["kernel_0"] + cut["bias_0"]

    ids = np.concatenate([batch.ids[batch.mask] for batch in text])
    shares = (np.bincount(ids, minlength=CLASSES) + 1) / (len(ids) + CLASSES)
    lost = (shares[:, None] * np.square(heard - found)).sum()
    centred = np.sqrt(shares)[:, None] * (heard - shares @ heard)
    least = np.square(np.linalg.svd(centred, compute_uv=False)[5:]).sum()
    assert lost == pytest.approx(least, rel=1e-3)


def test_slow_units_that_nobody_hears_go_without_a_trace(
    one_layer: tuple[Shape, Parameters], text: list[Batch]
) -> None:
    shape, parameters = one_layer
    parameters["recurrent_kernel_0"][:4, 4:] = 0
    parameters["projection_kernel"][:4] = 0
    cut, fewer = without_slow_units(parameters, shape, text)
    assert (fewer.units, fewer.slow) == (UNITS - 4, 0)
    for batch in text:
        found = logits(fewer, cut, batch)
        np.testing.assert_allclose(found, logits(shape, parameters, batch), atol=1e-5)


def test_who_heard_a_slow_unit_hears_what_the_others_tell_of_it(
    one_layer: tuple[Shape, Parameters], text: list[Batch]
) -> None:
    """Against NumPy's own least squares, and against leaving them out."""
    shape, parameters = one_layer
    cut, fewer = without_slow_units(parameters, shape, text)
    net = Unrolled(shape, parameters)
    hidden = np.concatenate(
        [net.last_hidden(b.ids, b.mask, net.initial_state(b.ids.shape[1]))[0] for b in text]
    ).astype(np.float64)
    known = np.column_stack([hidden[:, 4:], np.ones(len(hidden))])
    told = np.linalg.lstsq(known, hidden[:, :4], rcond=None)[0]  # [H - 4 + 1, 4]
    heard = parameters["recurrent_kernel_0"].astype(np.float64)[:, 4:]
    expected = heard[4:] + told[:-1] @ heard[:4]
    np.testing.assert_allclose(cut["recurrent_kernel_0"], expected, atol=1e-4)
    np.testing.assert_allclose(
        cut["bias_0"], parameters["bias_0"][4:] + told[-1] @ heard[:4], atol=1e-4
    )

    left_out = {
        "kernel_0": parameters["kernel_0"][:, 4:],
        "recurrent_kernel_0": parameters["recurrent_kernel_0"][4:, 4:],
        "bias_0": parameters["bias_0"][4:],
        "projection_kernel": parameters["projection_kernel"][4:],
    }
    lost = [
        sum(np.square(logits(shape, parameters, b) - logits(fewer, other, b)).sum() for b in text)
        for other in (cut, parameters | left_out)
    ]
    assert lost[0] < 0.9 * lost[1]


def test_a_run_narrows_a_model_without_its_slow_units(corpus: Path, tmp_path: Path) -> None:
    config = configured(corpus, epochs=6, validations=4, slow_units=5)
    train(config, tmp_path / "wide", nothing)
    cheaper = replace(
        config, initial=tmp_path / "wide", narrowed=True, tied=False, embedding=3, projection=3
    )
    for slow, units in ((5, 16), (0, 11)):
        train(replace(cheaper, slow_units=slow), tmp_path / "narrow", nothing)
        model = load_model(tmp_path / "narrow")
        shapes = [weight.shape for weight in model.network.weights.values()]
        assert (units, units) in shapes
        assert model.card["training"]["recipe"]["slow_units"] == slow
        assert model.card["training"]["recipe"]["units"] == units
    with pytest.raises(ModelError, match="all of its 5 slow units stay, or all go"):
        continued(tmp_path / "wide", replace(cheaper, slow_units=2))

    train(replace(config, layers=2, epochs=0.1), tmp_path / "wide", nothing)
    with pytest.raises(ModelError, match="of one layer, all of its 5 slow units"):
        continued(tmp_path / "wide", replace(cheaper, slow_units=0))
    assert continued(tmp_path / "wide", cheaper).config.units == 16


def test_a_run_narrows_a_trained_model_and_learns_what_was_lost(
    corpus: Path, tmp_path: Path
) -> None:
    config = configured(corpus, epochs=6, validations=4)
    train(config, tmp_path / "wide", nothing)
    cheaper = replace(
        config, initial=tmp_path / "wide", narrowed=True, tied=False, embedding=3, projection=3
    )
    short = train(replace(cheaper, epochs=0.1), tmp_path / "short", nothing)
    longer = train(cheaper, tmp_path / "narrow", nothing)
    assert longer.perplexity < short.perplexity
    model = load_model(tmp_path / "narrow")
    shapes = [weight.shape for weight in model.network.weights.values()]
    assert shapes[0] == (len(model.vocabulary) + 1, 3)
    recipe = model.card["training"]["recipe"]
    assert (recipe["narrowed"], recipe["tied"], recipe["projection"]) == (True, False, 3)
    assert model.card["training"]["started_from"]["model"] == "wide"

    with pytest.raises(ModelError, match="one table for input and output: this one has two"):
        continued(tmp_path / "narrow", cheaper)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tied": True}, "not tied, and has a projection"),
        ({"projection": 0}, "not tied, and has a projection"),
        ({"embedding": 99}, "does not grow: it has"),
        ({"projection": 99}, "does not grow: it has"),
    ],
)
def test_what_cannot_be_narrowed_is_refused(
    corpus: Path, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    config = configured(corpus, epochs=0.1, validations=1)
    train(config, tmp_path / "wide", nothing)
    asked = TrainConfig(
        **{"narrowed": True, "tied": False, "embedding": 3, "projection": 3} | changes
    )
    with pytest.raises(ModelError, match=reason):
        continued(tmp_path / "wide", asked)


def test_a_running_text_is_not_narrowed(corpus: Path, tmp_path: Path) -> None:
    config = configured(corpus, epochs=0.1, validations=1)
    train(config, tmp_path / "wide", nothing)
    running = replace(
        config, initial=tmp_path / "wide", narrowed=True, tied=False, embedding=3, projection=3
    )
    with pytest.raises(CorpusError, match="reads sentences"):
        train(replace(running, context="running", sequences=2), tmp_path / "x", nothing)
