"""Layers with gates, and those that read both ways, in every answer that shows a state."""

from xml.etree import ElementTree

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.answers import GatedExcerpt, GatedStep
from app.cli.render import console, show_explanation
from app.engines.numpy_engine import NumpyEngine
from app.excerpt import excerpt
from app.inspection import compare, explain
from app.main import create_app
from app.model import Model
from app.pictures.rolled import rolled
from app.pictures.states import heat_strip
from app.pictures.unrolled import unrolled
from app.serving.repository import Repository
from app.settings import Settings
from app.summary import summary
from app.terms import ARITHMETIC
from app.what_if import with_weights
from tests.small_models import GATED, both_ways, model_of, small_network

NAMES = {
    "LSTM": ["input", "forget", "cell", "output"],
    "GRU": ["update", "reset", "candidate"],
}


def model(cell: str, units: tuple[int, ...] = (4,), classes: int = 30) -> Model:
    return model_of(NumpyEngine(small_network(units=units, cell=cell, classes=classes)))


def test_the_terms_of_every_cell_are_named() -> None:
    assert set(NAMES) == set(GATED), "a new cell's names in answers belong here"


@pytest.mark.parametrize("cell", GATED)
def test_an_explanation_adds_up(cell: str) -> None:
    one = model(cell)
    explained = explain(one, "w1 w2 w3")
    before = np.zeros(4, np.float32)
    cell_before = np.zeros(4, np.float32)
    for step in explained.timesteps:
        [layer] = step.layers
        assert isinstance(layer, GatedStep)
        if step.masked:
            assert (layer.input, layer.terms) == (None, None)
            continue
        assert layer.terms is not None
        assert list(layer.terms) == NAMES[cell]
        for name, term in layer.terms.items():
            total = term.input_term + term.recurrent_term + term.bias
            np.testing.assert_allclose(term.pre_activation, total, atol=1e-6)
            f = np.tanh(total) if name in ("cell", "candidate") else 1 / (1 + np.exp(-total))
            np.testing.assert_allclose(term.value, f, atol=1e-6)
        value = {name: term.value for name, term in layer.terms.items()}
        if cell == "LSTM":
            assert layer.cell_state is not None
            cell_before = value["forget"] * cell_before + value["input"] * value["cell"]
            np.testing.assert_allclose(layer.cell_state, cell_before, atol=1e-6)
            before = value["output"] * np.tanh(cell_before)
        else:
            assert (cell, layer.cell_state) == ("GRU", None), "a new cell's equations belong here"
            before = value["update"] * before + (1 - value["update"]) * value["candidate"]
        np.testing.assert_allclose(layer.hidden_state, before, atol=1e-6)
        assert step.predictions


@pytest.mark.parametrize("cell", GATED)
def test_over_http(cell: str) -> None:
    one = model(cell)
    explained = explain(one, "w1 w2")
    with TestClient(create_app(Settings(), Repository.of(one))) as client:
        answer = client.get("/v1/hidden-states?phrase=w1+w2").json()
        told = client.get("/v1/explain?phrase=w1+w2").json()
        few = client.get("/v1/explain?phrase=w1+w2&units=2").json()
        described = client.get(f"/v1/models/{one.id}").json()["architecture"][1]
    for position, state in enumerate(answer["timesteps"]):
        [layer] = explained.timesteps[position].layers
        assert isinstance(layer, GatedStep)
        if state["masked"]:
            assert state["terms"] is None
            continue
        assert layer.terms is not None
        assert list(state["terms"]) == NAMES[cell]
        for name, values in state["terms"].items():
            assert values == pytest.approx(layer.terms[name].value.tolist())
        if layer.cell_state is not None:
            assert state["cell_state"] == pytest.approx(layer.cell_state.tolist())
        assert told["timesteps"][position]["layers"][0]["terms"].keys() == state["terms"].keys()
        term = few["timesteps"][position]["layers"][0]["terms"][NAMES[cell][0]]
        assert len(term["value"]) == 2
    assert described["recurrent_activation"] == "sigmoid"
    assert described.get("reset_after") == (True if cell == "GRU" else None)


@pytest.mark.parametrize("cell", GATED)
def test_an_excerpt_has_the_same_numbers(cell: str) -> None:
    whole = explain(model(cell, (20,)), "w1 w2 w3")
    for full, few in zip(whole.timesteps, excerpt(whole, 5).timesteps, strict=True):
        [layer], [part] = full.layers, few.layers
        assert isinstance(layer, GatedStep)
        assert isinstance(part, GatedExcerpt)
        assert part.hidden_state.tolist() == layer.hidden_state[part.indices].tolist()
        for name, term in (part.terms or {}).items():
            assert layer.terms is not None
            assert term.value.tolist() == layer.terms[name].value[part.indices].tolist()


@pytest.mark.parametrize("cell", GATED)
def test_the_command_line_writes_the_arithmetic_out(cell: str) -> None:
    one = model(cell)
    with console.capture() as captured:
        show_explanation(one, explain(one, "w1 w2"))
    said = captured.get()
    for term in ARITHMETIC[cell].terms:
        f = "sigmoid" if term.gate else "tanh"
        through = "r·(h·U + d)" if (cell, term.name) == ("GRU", "candidate") else "h·U"
        assert f"rnn_0: {term.symbol} = {f}(x·W + {through} + b)  {term.name}" in said
        assert f"\n        {through} [" in said
    endings = {"LSTM": ["c = f·c + i·g", "h = o·tanh(c)"], "GRU": ["h = z·h + (1 - z)·g"]}
    assert [line for line in endings[cell] if f"rnn_0: {line}\n" not in said] == []


def both(cell: str = "LSTM", units: tuple[int, ...] = (4,)) -> Model:
    return model_of(NumpyEngine(both_ways(small_network(units=units, cell=cell, classes=30))))


def test_both_readings_and_what_is_merged_are_told() -> None:
    one = both(units=(3, 4))
    explained = explain(one, "w1 w2 w3")
    final = one.trace(one.pad(one.encode("w1 w2 w3"))).final
    computed = [step for step in explained.timesteps if not step.masked]
    for step in computed:
        assert [layer.name for layer in step.layers] == list(one.network.states)
        assert step.predictions == ()  # it has not read what follows
        forward, backward, merged = (layer.hidden_state for layer in step.layers[3:])
        np.testing.assert_allclose(merged, (forward + backward) / 2, atol=1e-7)
    ends = computed[-1].layers[3].hidden_state, computed[0].layers[4].hidden_state
    np.testing.assert_allclose(final, (ends[0] + ends[1]) / 2, atol=1e-7)
    assert one.hidden_states("w1 w2").layer == "rnn_1"
    assert one.hidden_states("w1 w2", "rnn_0/backward").units == 3
    [alone] = compare(one, ["w1 w2 w3"]).results
    np.testing.assert_array_equal(alone.hidden_state, final)
    with console.capture() as captured:
        show_explanation(one, explained)
    assert "rnn_0: h of the two above, merged" in captured.get()
    assert "rnn_1 (Bidirectional)" in summary(one.network, 6)


def test_what_if_one_reading_had_other_weights() -> None:
    one = both()
    name = "rnn_0/backward/kernel"
    kernel = np.asarray(one.network.weights[name])
    changed = with_weights(one, {name: (kernel * 2).tolist()})
    np.testing.assert_array_equal(changed.network.weights[name], kernel * 2)
    np.testing.assert_array_equal(
        changed.network.weights["rnn_0/forward/kernel"], one.network.weights[name]
    )


@pytest.mark.parametrize("units", [(1,), (4,), (30,)])
def test_pictures_draw_every_kind(units: tuple[int, ...]) -> None:
    for one in (*(model(cell, units) for cell in GATED), both("GRU", units)):
        explained = explain(one, "w1 w2 w3")
        for svg in (unrolled(explained, one.network), rolled(explained, one.network),
                    heat_strip(explained)):  # fmt: skip
            ElementTree.fromstring(svg)


def test_the_one_unit_s_gates_are_drawn() -> None:
    one = model("LSTM", (1,))
    explained = explain(one, "w1")
    said = "".join(ElementTree.fromstring(unrolled(explained, one.network)).itertext())
    [layer] = explained.timesteps[-1].layers
    assert isinstance(layer, GatedStep)
    for name, term in (layer.terms or {}).items():
        assert f"{name}{float(term.value[0]):.4f}".replace("-", "−") in said
