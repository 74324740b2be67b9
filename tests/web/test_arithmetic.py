"""The arithmetic that the page writes out, beside NumPy's in double precision from the weights."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient

from app.engines.numpy_engine import NumpyEngine
from app.inspection import explain
from app.layers import Embedding, Recurrent
from app.main import create_app
from app.model import Model
from app.network import Network
from app.serving.repository import Repository
from app.settings import Settings
from app.web.arithmetic import Arithmetic, Sum, arithmetic
from tests.small_models import GATED, KINDS, both_ways, model_of, small_network

Doubles = NDArray[np.float64]
PHRASE = "w1 w2 w3"


def model(cell: str, *, reset_after: bool = True, units: tuple[int, ...] = (4, 3)) -> Model:
    network = small_network(units=units, cell=cell, classes=30, reset_after=reset_after)
    return model_of(NumpyEngine(network))


def sigmoid(z: Doubles) -> Doubles:
    return np.asarray(1 / (1 + np.exp(-z)))


def by_hand(layer: Recurrent, xs: Doubles) -> list[dict[str, Doubles]]:
    """Every gate and state at each timestep of inputs [T, F]: Keras's equations."""
    W, U = np.asarray(layer.kernel, np.float64), np.asarray(layer.recurrent_kernel, np.float64)
    bias = np.asarray(layer.bias, np.float64)
    b, d = bias if bias.ndim == 2 else (bias, np.zeros(U.shape[1]))
    H = len(U)
    h, c = np.zeros(H), np.zeros(H)
    steps = []
    for x in xs:
        entered = np.split(x @ W + b, U.shape[1] // H)
        recurred = np.split(h @ U + d, U.shape[1] // H)
        if layer.class_name == "SimpleRNN":
            h = np.tanh(entered[0] + recurred[0])
            steps.append({"h": h})
        elif layer.class_name == "LSTM":
            i, f, o = (sigmoid(entered[at] + recurred[at]) for at in (0, 1, 3))
            g = np.tanh(entered[2] + recurred[2])
            c = f * c + i * g
            h = o * np.tanh(c)
            steps.append({"i": i, "f": f, "g": g, "o": o, "c": c, "h": h})
        else:
            assert layer.class_name == "GRU", "a new cell's equations belong here"
            z, r = (sigmoid(entered[at] + recurred[at]) for at in (0, 1))
            k = r * recurred[2] if layer.reset_after else (r * h) @ U[:, 2 * H :]
            g = np.tanh(entered[2] + k)
            h = z * h + (1 - z) * g
            steps.append({"z": z, "r": r, "g": g, "h": h})
    return steps


def value(total: Sum) -> float:
    """What the shown products come to, with what the others add."""
    inside = sum(one.value * one.weight for one in total.products)
    inside += total.rest if total.others else 0.0
    return inside if total.scale is None else total.scale * (inside + total.bias)


def check(read: Arithmetic, expected: dict[str, Doubles], unit: int) -> None:
    symbols = {line.symbol: line.value for line in read.lines}
    symbols |= {one.symbol: one.sum.total for one in read.ending}
    assert symbols == pytest.approx({name: one[unit] for name, one in expected.items()}, abs=1e-5)
    assert read.hidden_state == pytest.approx(expected["h"][unit], abs=1e-5)
    for line in read.lines:
        assert value(line.entering) == pytest.approx(line.entering.total, abs=1e-5)
        assert value(line.recurrent) == pytest.approx(line.recurrent.total, abs=1e-5)
        total = line.entering.total + line.recurrent.total + line.bias
        assert line.pre_activation == pytest.approx(total, abs=1e-5)
    for one in read.ending:
        assert value(one.sum) == pytest.approx(one.sum.total, abs=1e-5)


def inputs(network: Network, ids: Any) -> Doubles:
    embedding = network.layers[0]
    assert isinstance(embedding, Embedding)
    table: Doubles = np.asarray(embedding.embeddings, np.float64)[list(ids)]
    return table


@pytest.mark.parametrize(("cell", "reset_after"), KINDS)
def test_every_unit_of_every_layer_at_every_step(cell: str, reset_after: bool) -> None:
    one = model(cell, reset_after=reset_after)
    explained = explain(one, PHRASE)
    xs = inputs(one.network, explained.ids)
    for layer in one.network.recurrent:
        expected = by_hand(layer, xs)
        for t, numbers in enumerate(expected, explained.max_length - len(expected)):
            for unit in range(layer.units):
                read = arithmetic(explained, one.network, t, unit, layer.name)
                assert (read.layer, read.t, read.unit) == (layer.name, t, unit)
                check(read, numbers, unit)
        xs = np.stack([step["h"] for step in expected])


def test_of_many_products_the_largest_are_shown_and_the_others_summed() -> None:
    one = model("LSTM", units=(30,))
    read = arithmetic(explain(one, PHRASE), one.network, None, 7, None)
    for line in read.lines:
        assert (len(line.recurrent.products), line.recurrent.others) == (6, 24)
        assert value(line.recurrent) == pytest.approx(line.recurrent.total, abs=1e-5)


def test_a_layer_that_reads_backwards_goes_on_from_the_word_after() -> None:
    network = both_ways(small_network(units=(4,), cell="GRU", classes=30))
    one = model_of(NumpyEngine(network))
    explained = explain(one, PHRASE)
    backward = network.recurrent[1]
    expected = by_hand(backward, inputs(network, explained.ids[::-1]))[::-1]
    for t, numbers in enumerate(expected, explained.max_length - len(expected)):
        check(arithmetic(explained, network, t, 2, backward.name), numbers, 2)
    merged = arithmetic(explained, network, None, None, None)
    assert (merged.layer, merged.lines, merged.ending) == ("rnn_0", (), ())


def test_what_is_not_there_becomes_the_last() -> None:
    one = model("SimpleRNN")
    read = arithmetic(explain(one, PHRASE), one.network, 99, 99, "<b>")
    assert (read.layer, read.t, read.unit) == ("rnn_1", 5, 2)
    assert (read.following, read.below) == (None, None)


def seven(number: float) -> str:
    """A float32 as the page writes it."""
    return f"{float(np.float32(number)):.7f}".replace("-", "−")


@pytest.mark.parametrize("cell", GATED)
def test_the_page_shows_what_explain_answers(cell: str) -> None:
    one = replace(model(cell), id="gates")
    with TestClient(create_app(Settings(), Repository.of(one))) as client:
        told = client.get("/v1/explain?phrase=w1+w2&model=gates").json()
        pages = {
            name: client.get(f"/?phrase=w1+w2&model=gates&t=5&unit=1&layer={name}").text
            for name in ("rnn_0", "rnn_1")
        }
    for layer, html in zip(told["timesteps"][5]["layers"], pages.values(), strict=True):
        start = html.index('id="part-arithmetic"')
        shown = html[start : html.index("</details>", start)]
        for term in layer["terms"].values():
            for name in ("input_term", "recurrent_term", "bias", "pre_activation", "value"):
                assert seven(term[name][1]) in shown
        assert seven(layer["hidden_state"][1]) in shown
        strip = html[html.index('id="states-title"') :]
        strip = strip[: strip.index("</svg>")]
        assert f"Hidden states of {layer['name']}" in strip
        assert f"{layer['hidden_state'][0]:+.2f}".replace("-", "−") in strip
        assert f'aria-current="true" data-layer="{layer["name"]}"' in html


def test_one_layer_needs_no_picker(client: TestClient) -> None:
    assert "data-layer=" not in client.get("/?phrase=this+is").text.split('id="stepper"')[1]
    assert "layer=" not in client.get("/?phrase=this+is").text.split('id="permalink"')[1][:90]
