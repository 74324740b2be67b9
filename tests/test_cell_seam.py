"""A cell that Keras has not: its equations, its names and its table, and every answer shows it.

The minimal gated unit (Zhou et al. 2016), a GRU whose two gates are one.
"""

from xml.etree import ElementTree

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.arrays import Floats
from app.cli.render import console, show_explanation
from app.engines.activations import ACTIVATIONS
from app.engines.cells import CELLS
from app.engines.cells.cell import Cell, States, Term
from app.engines.numpy_engine import NumpyEngine
from app.engines.products import product
from app.inspection import explain
from app.layers import Embedding, Recurrent
from app.main import create_app
from app.model import Model
from app.serving.repository import Repository
from app.settings import Settings
from app.terms import ARITHMETIC, Arithmetic, State, TermName
from tests.small_models import model_of, small_network

H = 4


class Minimal(Cell):
    """f = s(x·W + h·U + b), g = tanh(x·W + (f·h)·U + b), h = (1 - f)·h + f·g."""

    def recur(self, h: Floats) -> Floats:
        return product(h, np.ascontiguousarray(np.asarray(self.layer.recurrent_kernel)[:, :H]))

    def step(
        self, entered: Floats, recurred: Floats | None, before: States | None, after: States
    ) -> None:
        h = np.zeros_like(after[0]) if before is None else before[0]
        f = ACTIVATIONS["sigmoid"](entered[:, :H] + (0 if recurred is None else recurred))
        U = np.ascontiguousarray(np.asarray(self.layer.recurrent_kernel)[:, H:])
        g = self.activation(entered[:, H:] + product(f * h, U))
        after[0][:] = (1 - f) * h + f * g

    def terms(self, x: Floats, before: States, after: States) -> tuple[Term, ...]:
        gates = self.written_out(x, self.recur(before[0]), (ACTIVATIONS["sigmoid"],))
        U = np.ascontiguousarray(np.asarray(self.layer.recurrent_kernel)[:, H:])
        k = product(gates[0].value * before[0], U)
        return (*gates, *self.written_out(x, k, (self.activation,), first=1))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    lines = TermName("forget", "f", gate=True), TermName("candidate", "g", through="f")
    ending = State("h", (("1 - f", "h"), ("f", "g")))
    monkeypatch.setitem(CELLS, "Minimal", Minimal)
    monkeypatch.setitem(ARITHMETIC, "Minimal", Arithmetic(lines, (ending,)))
    network = small_network(units=(H,), cell="Minimal", classes=30)
    return model_of(NumpyEngine(network))


def by_hand(model: Model, ids: list[int]) -> list[dict[str, Floats]]:
    """The equations at every timestep, in double precision."""
    embedding, layer = model.network.layers[:2]
    assert isinstance(embedding, Embedding)
    assert isinstance(layer, Recurrent)
    W, U = np.asarray(layer.kernel, "d"), np.asarray(layer.recurrent_kernel, "d")
    h, steps = np.zeros(H), []
    for x in np.asarray(embedding.embeddings, "d")[ids]:
        f_in, g_in = np.split(x @ W + layer.bias, 2)
        f = 1 / (1 + np.exp(-(f_in + h @ U[:, :H])))
        g = np.tanh(g_in + (f * h) @ U[:, H:])
        h = (1 - f) * h + f * g
        steps.append({"forget": f, "candidate": g, "h": h})
    return steps


def test_its_states_and_gates_are_answered_at_every_timestep(model: Model) -> None:
    expected = by_hand(model, [1, 2, 3])
    with TestClient(create_app(Settings(), Repository.of(model))) as client:
        told = client.get("/v1/explain?phrase=w1+w2+w3").json()
        states = client.get("/v1/hidden-states?phrase=w1+w2+w3").json()["timesteps"]
        page = client.get("/?phrase=w1+w2+w3&t=5&unit=1")
        for form in ("unrolled", "rolled"):
            picture = client.get(f"/v1/diagram.svg?phrase=w1+w2+w3&form={form}")
            ElementTree.fromstring(picture.text)
    for step, state, numbers in zip(told["timesteps"][3:], states[3:], expected, strict=True):
        [layer] = step["layers"]
        assert list(layer["terms"]) == ["forget", "candidate"]
        for name, term in layer["terms"].items():
            assert term["value"] == pytest.approx(numbers[name], abs=1e-6)
            assert state["terms"][name] == pytest.approx(numbers[name], abs=1e-6)
        assert layer["hidden_state"] == pytest.approx(numbers["h"], abs=1e-6)
        assert state["hidden_state"] == pytest.approx(numbers["h"], abs=1e-6)
    assert page.status_code == 200
    assert "(f·h)·U" in page.text
    assert "(1 - f)·h + f·g" in page.text
    for term in layer["terms"].values():
        assert f"{np.float32(term['value'][1]):.7f}".replace("-", "−") in page.text


def test_the_command_line_writes_it_out(model: Model) -> None:
    with console.capture() as captured:
        show_explanation(model, explain(model, "w1 w2"))
    said = captured.get()
    assert "rnn_0: f = sigmoid(x·W + h·U + b)  forget" in said
    assert "rnn_0: g = tanh(x·W + (f·h)·U + b)  candidate" in said
    assert "rnn_0: h = (1 - f)·h + f·g\n" in said
