"""Architecture and weights in two files, and Sequentials inside others: imported, and compared with
Keras's own ids and answers on 20 sentences.
"""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli import app
from app.engines.numpy_engine import NumpyEngine
from app.errors import ModelError
from app.folder.read import load_model
from app.importing.folder import Wanted, import_model
from app.importing.older import as_keras_3
from app.importing.sources import read_source
from tests.importing.test_as_people_save_them import CLASSES, TIMESTEPS, WORDS, randomized
from tests.importing.test_one_hot import PHRASES


def plain(keras: Any) -> Any:
    L = keras.layers
    layers = [L.Embedding(CLASSES, 4, mask_zero=True), L.Bidirectional(L.LSTM(5)), L.Dropout(0.2)]
    return keras.Sequential([keras.Input((TIMESTEPS,)), *layers, L.Dense(CLASSES, "softmax")])


def functional(keras: Any) -> Any:
    L = keras.layers
    entry = keras.Input((TIMESTEPS,))
    x = L.GRU(6, return_sequences=True)(L.Embedding(CLASSES, 4)(entry))
    x = L.Dense(7, activation="relu")(L.GRU(5)(x))
    return keras.Model(entry, L.Dense(CLASSES, activation="softmax")(x))


def nested(keras: Any) -> Any:
    """Layers of one class inside and outside, two levels deep, the first layer inside, too."""
    L = keras.layers
    words = keras.Sequential([L.Embedding(CLASSES, 4), L.Dropout(0.1)], name="words")
    deepest = keras.Sequential([L.LSTM(3, return_sequences=True), L.Bidirectional(L.GRU(2))])
    deep = keras.Sequential([L.LSTM(5, return_sequences=True), deepest, L.Dense(6, "tanh")])
    head = [L.Dense(7), L.Activation("relu"), L.Dense(CLASSES, activation="softmax")]
    return keras.Sequential([keras.Input((TIMESTEPS,)), words, deep, *head])


def nested_in_a_graph(keras: Any) -> Any:
    L = keras.layers
    entry = keras.Input((TIMESTEPS,))
    memory = keras.Sequential([L.SimpleRNN(5, return_sequences=True), L.SimpleRNN(4)], name="deep")
    x = L.Dense(CLASSES)(memory(L.Embedding(CLASSES, 4)(entry)))
    return keras.Model(entry, L.Softmax()(x))


NETWORKS = pytest.mark.parametrize("network", [plain, functional, nested, nested_in_a_graph])
Network = Callable[[Any], Any]


def assert_same(keras: Any, folder: Path, source: Path, weights: Path | None, model: Any) -> None:
    (folder / "words.pickle").write_bytes(pickle.dumps(WORDS))
    import_model(source, folder / "words.pickle", folder / "mine", Wanted(weights=weights))
    mine = load_model(folder / "mine")
    ids = [[int(word[1:]) for word in phrase.split()] for phrase in PHRASES]
    assert [list(mine.encode(phrase).ids) for phrase in PHRASES] == ids
    answers = np.asarray(model(keras.utils.pad_sequences(ids, TIMESTEPS)))
    ours = [mine.distribution(phrase).probabilities for phrase in PHRASES]
    np.testing.assert_allclose(ours, answers, atol=1e-6)


@pytest.mark.parametrize("ending", ["h5", "keras"])
@pytest.mark.parametrize("network", [nested, nested_in_a_graph])
def test_sequentials_inside_a_model(
    keras: Any, tmp_path: Path, network: Network, ending: str
) -> None:
    model = randomized(network(keras))
    model.save(tmp_path / f"model.{ending}")
    assert_same(keras, tmp_path, tmp_path / f"model.{ending}", None, model)


@NETWORKS
def test_an_architecture_and_its_weights(keras: Any, tmp_path: Path, network: Network) -> None:
    model = randomized(network(keras))
    model.save_weights(tmp_path / "model.weights.h5")
    (tmp_path / "model.json").write_text(model.to_json())
    assert_same(keras, tmp_path, tmp_path / "model.json", tmp_path / "model.weights.h5", model)


@NETWORKS
def test_weights_as_they_were_saved_before(keras: Any, tmp_path: Path, network: Network) -> None:
    """The layout of Keras 2, which Keras 3 still writes into its `.h5`; JSON inside JSON."""
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    model = randomized(network(keras))
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        save_weights_to_hdf5_group(file, model)
    (tmp_path / "model.json").write_text(json.dumps(model.to_json()))
    assert_same(keras, tmp_path, tmp_path / "model.json", tmp_path / "weights.h5", model)


def test_what_is_missing_is_named(keras: Any, tmp_path: Path) -> None:
    model = plain(keras)
    (tmp_path / "model.json").write_text(json.dumps(model.get_config()))
    model.save_weights(tmp_path / "model.weights.h5")
    model.save(tmp_path / "model.h5")
    with pytest.raises(ModelError, match=r"model\.json is a network without its weights"):
        read_source(tmp_path / "model.json")
    with pytest.raises(ModelError, match=r"what model\.to_json\(\) gives, with these as --weights"):
        read_source(tmp_path / "model.weights.h5")
    with pytest.raises(ModelError, match=r"model\.h5 has weights of its own"):
        read_source(tmp_path / "model.h5", tmp_path / "model.weights.h5")
    (tmp_path / "words.json").write_text('{"a":')
    with pytest.raises(ModelError, match=r"words\.json is not"):
        read_source(tmp_path / "words.json", tmp_path / "model.weights.h5")
    found = read_source(tmp_path / "model.json", tmp_path / "model.h5").network
    whole = read_source(tmp_path / "model.h5").network
    assert list(found.weights) == list(whole.weights)
    for name, array in whole.weights.items():
        np.testing.assert_array_equal(found.weights[name], array)


def test_the_command_takes_an_architecture_and_its_weights(keras: Any, tmp_path: Path) -> None:
    model = randomized(plain(keras))
    model.save_weights(tmp_path / "model.weights.h5")
    (tmp_path / "model.json").write_text(model.to_json())
    (tmp_path / "words.json").write_text(json.dumps(WORDS))
    told = ["import", str(tmp_path / "model.json"), "--out", str(tmp_path / "mine")]
    told += ["--weights", str(tmp_path / "model.weights.h5")]
    told += ["--tokenizer", str(tmp_path / "words.json")]
    done = CliRunner().invoke(app, told)
    assert done.exit_code == 0, done.output
    ids = [[int(word[1:]) for word in PHRASES[0].split()]]
    answer = np.asarray(model(keras.utils.pad_sequences(ids, TIMESTEPS)))[0]
    ours = load_model(tmp_path / "mine").distribution(PHRASES[0]).probabilities
    np.testing.assert_allclose(ours, answer, atol=1e-6)


def rebuilt(keras: Any, network: Network) -> Any:
    """The same network of another session: Keras's own names go on counting, so all differ."""
    for layer in (keras.layers.Dense, keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN):
        layer(1)
    return network(keras)


def with_frozen_layers(keras: Any) -> Any:
    """Within a Sequential inside, Keras writes what is trained before what is not."""
    L = keras.layers
    frozen = L.LSTM(5, return_sequences=True, trainable=False)
    deep = keras.Sequential([frozen, L.BatchNormalization(), L.SimpleRNN(4, use_bias=False)])
    entry = [keras.Input((TIMESTEPS,)), L.Embedding(CLASSES, 4)]
    return keras.Sequential([*entry, deep, L.Dense(CLASSES, activation="softmax")])


@pytest.mark.parametrize(
    "network", [plain, functional, nested, nested_in_a_graph, with_frozen_layers]
)
def test_weights_are_taken_by_the_order_of_the_layers(
    keras: Any, tmp_path: Path, network: Network
) -> None:
    """As Keras itself does, whatever the layers are called in either file."""
    model = randomized(network(keras))
    model.save(tmp_path / "weights.h5")
    other = rebuilt(keras, network)
    assert {layer.name for layer in other.layers}.isdisjoint(
        {layer.name for layer in model.layers} - {"words", "deep"}
    )
    (tmp_path / "model.json").write_text(other.to_json())
    other.load_weights(tmp_path / "weights.h5")
    assert_same(keras, tmp_path, tmp_path / "model.json", tmp_path / "weights.h5", other)


def test_weights_of_another_network_are_refused_with_the_reason(keras: Any, tmp_path: Path) -> None:
    L = keras.layers

    def network(*inner: Any) -> Any:
        head = L.Dense(CLASSES, activation="softmax", name="head")
        return keras.Sequential(
            [keras.Input((TIMESTEPS,)), L.Embedding(CLASSES, 4, name="e"), *inner, head]
        )

    architecture, weights = tmp_path / "model.json", tmp_path / "weights.h5"
    architecture.write_text(network(L.LSTM(5, name="memory")).to_json())
    deep = keras.Sequential([L.LSTM(5, use_bias=False)], name="deep")
    for others, reason in (
        (
            network(L.GRU(5, return_sequences=True, name="one"), L.GRU(5, name="two")),
            r"of 4 layers \(e, one, two, head\), and the architecture has 3 layers "
            r"\(e, memory, head\): they are not of the same network",
        ),
        (network(L.LSTM(6, name="other")), r"memory/kernel has shape \(4, 24\), but the config"),
        (network(L.LSTM(5, use_bias=False, name="other")), r"'memory' \(LSTM\) has 2 weights, but"),
    ):
        others.save(weights)
        with pytest.raises(ModelError, match=reason):
            read_source(architecture, weights)
    network(L.LSTM(5, name="memory")).save(weights)
    architecture.write_text(network(deep).to_json())
    with pytest.raises(ModelError, match=r"'memory' has 3 weights, but the configuration asks"):
        read_source(architecture, weights)
    architecture.write_text(network(L.Bidirectional(L.LSTM(5), name="both")).to_json())
    with pytest.raises(ModelError, match=r"'both' \(Bidirectional\)|both/"):
        read_source(architecture, weights)


@pytest.mark.parametrize("ending", ["h5", "keras"])
@pytest.mark.parametrize("network", ["nested", "nested_in_a_graph"])
def test_sequentials_inside_a_model_of_tensorflow_2_12(network: str, ending: str) -> None:
    """Its archive numbers twice at every level, and a graph's nodes count the Sequential's own."""
    fixtures = Path(__file__).parent / "fixtures"
    rows = json.loads((fixtures / f"tf-2.12-{network}.rows.json").read_text())
    found = read_source(fixtures / f"tf-2.12-{network}.{ending}").network
    ours = NumpyEngine(as_keras_3(found)).forward(np.array(rows["ids"], np.int32))
    np.testing.assert_allclose(ours.probabilities, rows["probabilities"], atol=1e-6)


def test_layers_that_cudnn_computed() -> None:
    """Only a GPU computes CuDNNLSTM and CuDNNGRU; what Keras makes of them, any machine."""
    fixtures = Path(__file__).parent / "fixtures"
    rows = json.loads((fixtures / "tf-2.15-cudnn.rows.json").read_text())
    found = read_source(fixtures / "tf-2.15-cudnn.h5").network
    assert [layer.class_name for layer in found.recurrent] == ["LSTM", "GRU", "GRU"]
    ours = NumpyEngine(found).forward(np.array(rows["ids"], np.int32))
    np.testing.assert_allclose(ours.probabilities, rows["probabilities"], atol=1e-6)


def test_weights_of_cudnn_in_layers_that_it_had_not(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    before = L.Bidirectional(L.GRU(3, reset_after=False))
    entry, table, output = keras.Input((6,)), L.Embedding(12, 4), L.Dense(12, "softmax")
    network = keras.Sequential([entry, table, L.LSTM(5, return_sequences=True), before, output])
    (tmp_path / "model.json").write_text(network.to_json())
    weights = Path(__file__).parent / "fixtures" / "tf-2.15-cudnn.h5"
    with pytest.raises(ModelError, match=r"bias has shape \(18\), but the configuration asks"):
        read_source(tmp_path / "model.json", weights)
