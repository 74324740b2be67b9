"""A batch's arrays are those of each phrase's own trace, whatever the network."""

import numpy as np
import pytest

from app.engines.numpy_engine import NumpyEngine
from app.serving.tensors import Batch, outputs_of
from app.terms import ARITHMETIC
from tests.small_models import ForwardOnly, both_ways, model_of, small_network


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("cell", [*ARITHMETIC, "both ways", "forward only"])
def test_hidden_states_and_outputs_are_those_of_traces(cell: str, masked: bool) -> None:
    plain = cell if cell in ARITHMETIC else "SimpleRNN"
    network = small_network(units=(4, 3), masked=masked, cell=plain)
    network = both_ways(network) if cell == "both ways" else network
    engine = ForwardOnly(network) if cell == "forward only" else NumpyEngine(network)
    model = model_of(engine, 5)
    rows = [[0, 0, 3, 4, 5], [1, 2, 3, 4, 5], [0, 0, 0, 0, 9], [7, 0, 8, 0, 0]]
    traces = [model.engine.trace(np.array(row, np.int32)) for row in rows]
    batch = Batch.of_ids(model, rows)
    expected = {
        name: np.stack([getattr(trace, name) for trace in traces])
        for name in ("logits", "probabilities")
    }
    for layer in model.network.recurrent:
        states = [
            next(one.hidden_state for one in trace.recurrent if one.name == layer.name)
            for trace in traces
        ]
        expected[f"hidden_states/{layer.name}"] = np.stack(states)
    for name, values in expected.items():
        np.testing.assert_allclose(np.array(batch.array(name)), values, atol=1e-6)
    assert batch.array("next_word") == [
        model.rank(trace.probabilities, 1)[0].word for trace in traces
    ]
    for output in outputs_of(model):
        found = batch.array(output.name)
        shape = (len(found),) if isinstance(found, list) else found.shape
        assert all(size in (-1, real) for size, real in zip(output.shape, shape, strict=True))
