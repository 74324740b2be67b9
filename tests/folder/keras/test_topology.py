"""What configurations say, in the forms of all releases; the weights are a dictionary's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from app.arrays import Floats
from app.engines.numpy_engine import NumpyEngine
from app.errors import UnsupportedNetwork
from app.folder.keras import names, read_network
from app.folder.keras.topology import ADDED, build_network
from app.folder.keras.write import write_network
from app.layers import Bidirectional, LastStep, Recurrent
from app.network import Network
from tests.keras_files import edit_weights
from tests.small_models import GATED, KINDS, both_ways, small_network


class Given:
    """Weights of any group, drawn when they are asked for; they remember what was read."""

    def __init__(self, per_group: dict[str, int]) -> None:
        self.per_group = per_group
        self.read_from: list[str] = []

    def count(self, group: str) -> int:
        return self.per_group.get(group, 0)

    def read(self, group: str, index: int, shape: tuple[int, ...], owner: str) -> Floats:
        self.read_from.append(f"{group} {index} {shape} {owner}")
        rng = np.random.default_rng(index)
        return rng.standard_normal(shape).astype(np.float32)


def keras_2(class_name: str, **config: Any) -> dict[str, Any]:
    """A layer as an `.h5` file of Keras 2 writes it: no module, no registered name."""
    return {"class_name": class_name, "config": {"trainable": True, "dtype": "float32", **config}}


ZEROS = {"class_name": "Zeros", "config": {}}
EMBEDDING = keras_2(
    "Embedding", name="embedding", batch_input_shape=[None, 7], input_dim=9, output_dim=3,
    embeddings_initializer={"class_name": "RandomUniform", "config": {"seed": None}},
    mask_zero=False, input_length=7,
)  # fmt: skip
DENSE = keras_2("Dense", name="out", units=9, activation="softmax", use_bias=True)


def recurrent(class_name: str, **config: Any) -> dict[str, Any]:
    options = {
        "name": "rnn", "units": 4, "activation": "tanh", "use_bias": True, "time_major": False,
        "return_sequences": False, "return_state": False, "go_backwards": False, "stateful": False,
        "unroll": False, "implementation": 1, "bias_initializer": ZEROS, "dropout": 0.2,
    }  # fmt: skip
    return keras_2(class_name, **(options | config))


def sequential(*layers: dict[str, Any], version: str = "2.4.0", weights: int = 3) -> Network:
    given = Given({"embedding": 1, "rnn/cell": weights, "out": 2})
    return build_network(
        {"class_name": "Sequential", "config": {"name": "old", "layers": list(layers)}},
        given,
        keras_version=version,
        groups=names.by_name,
    )


def test_a_sequential_of_keras_2_by_the_names_of_its_layers() -> None:
    lstm = recurrent("LSTM", recurrent_activation="hard_sigmoid", unit_forget_bias=True)
    layers = [EMBEDDING, lstm, DENSE]
    given = Given({"embedding": 1, "rnn/cell": 3, "out": 2})
    config = {"class_name": "Sequential", "config": layers}  # as before Keras 2.3: no name
    network = build_network(config, given, keras_version="2.2.4", groups=names.by_name)
    assert given.read_from == [
        "embedding 0 (9, 3) embedding/embeddings",
        "rnn/cell 0 (3, 16) rnn/kernel",
        "rnn/cell 1 (4, 16) rnn/recurrent_kernel",
        "rnn/cell 2 (16,) rnn/bias",
        "out 0 (4, 9) out/kernel",
        "out 1 (9,) out/bias",
    ]
    [layer] = network.recurrent
    assert layer.recurrent_activation == "keras_2_hard_sigmoid"
    assert network.max_length == 7


@pytest.mark.parametrize(
    ("version", "written", "understood"),
    [
        ("2.2.4", None, False),  # Keras did not know it yet
        ("2.15.0", True, True),
        ("2.15.0", False, False),
        ("3.15.1", None, True),
    ],
)
def test_when_a_gru_resets(version: str, written: bool | None, understood: bool) -> None:
    options = {} if written is None else {"reset_after": written}
    gru = recurrent("GRU", recurrent_activation="hard_sigmoid", **options)
    [layer] = sequential(EMBEDDING, gru, DENSE, version=version).recurrent
    assert layer.reset_after is understood
    assert layer.bias is not None
    assert layer.bias.shape == ((2, 12) if understood else (12,))
    older = "keras_2_hard_sigmoid" if version.startswith("2") else "hard_sigmoid"
    assert layer.recurrent_activation == older


def test_a_functional_model_of_keras_2_takes_the_last_step() -> None:
    everything = {"start": None, "stop": None, "step": None}
    entries = [
        {**keras_2("InputLayer", batch_input_shape=[None, 5], sparse=False, ragged=False,
                   name="in"), "name": "in", "inbound_nodes": []},
        {**EMBEDDING, "inbound_nodes": [[["in", 0, 0, {}]]]},
        {**recurrent("SimpleRNN", return_sequences=True),
         "inbound_nodes": [[["embedding", 0, 0, {}]]]},
        {**keras_2("SlicingOpLambda", name="last", function="__operators__.getitem"),
         "inbound_nodes": [["rnn", 0, 0, {"slice_spec": [everything, -1, everything]}]]},
        {**DENSE, "inbound_nodes": [[["last", 0, 0, {}]]]},
    ]  # fmt: skip
    model = {
        "name": "old", "layers": entries, "input_layers": [["in", 0, 0]],
        "output_layers": [["out", 0, 0]],
    }  # fmt: skip
    given = Given({"embedding": 1, "rnn/cell": 3, "out": 2})
    network = build_network(
        {"class_name": "Functional", "config": model}, given, groups=names.by_name
    )
    assert [type(layer) for layer in network.layers[1:3]] == [Recurrent, LastStep]


def test_a_network_that_ends_with_logits_gets_a_softmax_that_says_so() -> None:
    logits = keras_2("Dense", name="out", units=9, activation="linear", use_bias=True)
    network = sequential(EMBEDDING, recurrent("SimpleRNN"), logits)
    added = network.layers[-1]
    assert (added.name, added.class_name) == (ADDED, "Softmax")
    given = sequential(EMBEDDING, recurrent("SimpleRNN"), DENSE)
    ids = np.array([[1, 2, 3]], np.int32)
    ours, theirs = (NumpyEngine(one).forward(ids) for one in (network, given))
    np.testing.assert_array_equal(ours.probabilities, theirs.probabilities)


def both(**options: Any) -> dict[str, Any]:
    layer = recurrent("LSTM", name="lstm", recurrent_activation="sigmoid")
    return keras_2("Bidirectional", **{"name": "rnn", "layer": layer, **options})


def test_a_bidirectional_reads_its_two_layers() -> None:
    config = {"class_name": "Sequential", "config": [EMBEDDING, both(merge_mode="sum"), DENSE]}
    given = Given(
        {"embedding": 1, "rnn/forward_layer/cell": 3, "rnn/backward_layer/cell": 3, "out": 2}
    )
    network = build_network(config, given, groups=names.by_name)
    layer = network.layers[1]
    assert isinstance(layer, Bidirectional)
    assert (layer.merge_mode, layer.units, layer.backward.go_backwards) == ("sum", 4, True)
    assert list(layer.weights) == [
        f"{reading}_lstm/{weight}"
        for reading in ("forward", "backward")
        for weight in ("kernel", "recurrent_kernel", "bias")
    ]
    assert "rnn/backward_lstm/kernel" in network.weights


@pytest.mark.parametrize("kind", KINDS)
def test_an_rnn_of_a_cell_is_the_layer_of_that_name(kind: tuple[str, bool]) -> None:
    name, reset_after = kind
    own = {"units": 4, "activation": "elu", "use_bias": True, "dropout": 0.2}
    if name in GATED:
        own["recurrent_activation"] = "hard_sigmoid"
    if name == "GRU":
        own["reset_after"] = reset_after
    outer = {"name": "rnn", "return_sequences": True, "unroll": True}
    wrapped = keras_2("RNN", **outer, cell=keras_2(f"{name}Cell", **{**own, "name": "inner"}))
    [of_cell] = sequential(EMBEDDING, wrapped, DENSE).recurrent
    [layer] = sequential(EMBEDDING, keras_2(name, **outer, **own), DENSE).recurrent
    assert (of_cell.class_name, of_cell.name, of_cell.return_sequences) == (name, "rnn", True)
    assert of_cell.options == layer.options
    for weight, array in layer.weights.items():
        np.testing.assert_array_equal(of_cell.weights[weight], array)


def rnn(cell: dict[str, Any], **options: Any) -> dict[str, Any]:
    return keras_2("RNN", **{"name": "rnn", "cell": cell, **options})


LSTM_CELL = keras_2("LSTMCell", name="inner", units=4)
REFUSED: list[tuple[Sequence[dict[str, Any]], str]] = [
    ([EMBEDDING, recurrent("LSTM", return_state=True), DENSE], r"'rnn' \(LSTM\): return_state"),
    ([EMBEDDING, recurrent("GRU", stateful=True), DENSE], r"'rnn' \(GRU\): stateful"),
    ([EMBEDDING, recurrent("GRU", time_major=True), DENSE], r"'rnn' \(GRU\): time_major"),
    ([EMBEDDING, recurrent("LSTM", go_backwards=True), DENSE], r"\(LSTM\): go_backwards"),
    ([EMBEDDING, rnn(LSTM_CELL, return_state=True), DENSE], r"'rnn' \(LSTM\): return_state"),
    (
        [EMBEDDING, rnn(keras_2("StackedRNNCells", name="two", cells=[LSTM_CELL] * 2)), DENSE],
        r"'rnn' \(RNN\): its cell is a StackedRNNCells; supported are SimpleRNNCell, LSTMCell",
    ),
    ([EMBEDDING, rnn(recurrent("LSTM")), DENSE], r"\(RNN\): its cell is a LSTM; supported"),
    ([EMBEDDING, keras_2("RNN", name="rnn"), DENSE], r"\(RNN\): it has no cell of Keras's own"),
    (
        [EMBEDDING, rnn({**LSTM_CELL, "module": "my.cells"}), DENSE],
        r"'inner' \(LSTMCell\) is custom code: 'my.cells'",
    ),
    (
        [EMBEDDING, rnn(keras_2("LSTMCell", name="inner", units=4, dtype="float16")), DENSE],
        r"'inner' \(LSTMCell\): dtype = 'float16'",
    ),
    ([EMBEDDING, recurrent("CuDNNLSTM"), DENSE], r"'rnn' \(CuDNNLSTM\): this type of layer"),
    ([EMBEDDING, both(merge_mode=None), DENSE], r"'rnn' \(Bidirectional\): merge_mode = None"),
    ([EMBEDDING, both(layer=DENSE), DENSE], r"\(Bidirectional\): it wraps Dense"),
    (
        [EMBEDDING, both(layer=recurrent("LSTM", name="lstm", return_state=True)), DENSE],
        r"'rnn/forward_lstm' \(LSTM\): return_state",
    ),
    (
        [EMBEDDING, both(layer=recurrent("LSTM", name="lstm", go_backwards=True)), DENSE],
        r"\(Bidirectional\): its first layer goes backwards",
    ),
    ([EMBEDDING, recurrent("LSTM", recurrent_activation="softmax"), DENSE], "recurrent_activation"),
    ([EMBEDDING, recurrent("LSTM")], r"'rnn' \(LSTM\): it is the last layer"),
    (
        [EMBEDDING, recurrent("GRU"), recurrent("GRU", name="second"), DENSE],
        r"'rnn' \(GRU\): it leaves no sequence",
    ),
    ([EMBEDDING, DENSE], "no recurrent layer"),
]


@pytest.mark.parametrize(("layers", "why"), REFUSED)
def test_what_is_refused_is_named(layers: Sequence[dict[str, Any]], why: str) -> None:
    given = Given(
        {
            "embedding": 1,
            "rnn/cell": 3,
            "second/cell": 3,
            "out": 2,
            "rnn/forward_layer/cell": 3,
            "rnn/backward_layer/cell": 3,
        }
    )
    config = {"class_name": "Sequential", "config": list(layers)}
    with pytest.raises(UnsupportedNetwork, match=why):
        build_network(config, given, groups=names.by_name)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read_again(kind: tuple[str, bool], tmp_path: Path) -> None:
    network = small_network(units=(5, 4), cell=kind[0], reset_after=kind[1])
    write_network(tmp_path / "model.keras", network)
    again = read_network(tmp_path / "model.keras")
    assert [layer.options for layer in again.recurrent] == [
        layer.options for layer in network.recurrent
    ]
    assert list(again.weights) == list(network.weights)
    for name, array in network.weights.items():
        np.testing.assert_array_equal(again.weights[name], array)


def test_a_bidirectional_is_read_as_it_was_written(tmp_path: Path) -> None:
    network = both_ways(small_network())
    write_network(tmp_path / "model.keras", network)
    again = read_network(tmp_path / "model.keras")
    assert again.weights.keys() == network.weights.keys()
    for name, array in network.weights.items():
        np.testing.assert_array_equal(again.weights[name], array)


@pytest.mark.parametrize("root", names.ROOTS)
def test_weights_lie_where_windows_put_them(root: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    network = small_network(units=(5, 4), cell="LSTM")
    write_network(path, network)
    edit_weights(path, lambda file: _as_on_windows(file, root))
    again = read_network(path)
    for name, array in network.weights.items():
        np.testing.assert_array_equal(again.weights[name], array)


def _as_on_windows(file: h5py.File, root: str) -> None:
    r"""layers/lstm_1/cell/vars/0 -> layers\lstm_1\cell/vars/0; the older root numbers by two."""
    arrays: dict[str, Any] = {}
    file.visititems(
        lambda path, item: arrays.update({path: item[()]}) if hasattr(item, "shape") else None
    )
    del file["layers"]
    for path, array in arrays.items():
        group, _, number = path.rpartition("/vars/")
        group = group.replace("layers", root, 1).replace("/", "\\")
        if root != "layers":
            group = group.replace("lstm_1", "lstm_2")
        file[f"{group}/vars/{number}"] = array
