"""Damaged and hostile model folders are refused with a reason, and nothing in them runs."""

import contextlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.archive import read_network
from app.errors import ArchiveError, ModelError, UnsupportedNetwork
from app.repository import load_model
from tests.keras_files import (
    edit_config,
    edit_weights,
    entry_of,
    layer_of,
    members_of,
    write_folder,
    write_members,
    write_model,
)

RNN = "layers/simple_rnn/cell/vars"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "model.keras"
    write_model(path)
    return path


def test_a_sound_archive_is_read(archive: Path) -> None:
    assert read_network(archive).classes == 6


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_cut_archive(archive: Path, share: float) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ArchiveError, match="damaged"):
        read_network(archive)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(archive: Path, value: float) -> None:
    edit_weights(archive, lambda file: file[f"{RNN}/0"].__setitem__((0, 0), value))
    with pytest.raises(ArchiveError, match="simple_rnn/kernel has values that are not finite"):
        read_network(archive)


def test_a_shape_that_contradicts_the_configuration(archive: Path) -> None:
    edit_config(archive, lambda config: layer_of(config, "SimpleRNN").update(units=5))
    with pytest.raises(ArchiveError, match=r"kernel has shape \(4, 4\).*asks for \(4, 5\)"):
        read_network(archive)


def test_a_billion_units_are_refused_before_anything_is_allocated(archive: Path) -> None:
    edit_config(archive, lambda config: layer_of(config, "SimpleRNN").update(units=10**9))
    with pytest.raises(UnsupportedNetwork, match="units = 1000000000"):
        read_network(archive)


def test_a_dataset_that_inflates_from_nothing(archive: Path) -> None:
    def blow_up(file: h5py.File) -> None:
        del file[f"{RNN}/1"]
        file.create_dataset(f"{RNN}/1", (1 << 24, 1 << 24), "f4", chunks=(1024, 1024))

    edit_weights(archive, blow_up)
    edit_config(archive, lambda config: layer_of(config, "SimpleRNN").update(units=1 << 24))
    with pytest.raises(ArchiveError):
        read_network(archive)


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"../../evil.py": b"x"}, "does not belong"),
        ({"/etc/passwd": b"x"}, "does not belong"),
        ({"assets/run.py": b"x"}, "does not belong"),
        ({"config.json": b"{" * 100}, "not valid JSON"),
        ({"config.json": b"[]"}, "not a JSON object"),
        ({"config.json": b'{"a":' * 90 + b"1" + b"}" * 90}, "nested too deeply"),
        ({"config.json": b"\xff\xfe\x00"}, "not valid JSON"),
        ({"model.weights.h5": b"not hdf5"}, "HDF5"),
    ],
)
def test_members_that_do_not_belong(archive: Path, members: dict[str, bytes], why: str) -> None:
    write_members(archive, {**members_of(archive), **members})
    with pytest.raises(ModelError, match=why):
        read_network(archive)


@pytest.mark.parametrize("missing", ["config.json", "model.weights.h5"])
def test_members_that_are_missing(archive: Path, missing: str) -> None:
    members = members_of(archive)
    del members[missing]
    write_members(archive, members)
    with pytest.raises(ArchiveError, match=missing):
        read_network(archive)


def test_a_zip_bomb(archive: Path) -> None:
    members = {**members_of(archive), "metadata.json": b" " * 1_000_000}
    write_members(archive, members, zipfile.ZIP_DEFLATED)
    with pytest.raises(ArchiveError, match="inflate"):
        read_network(archive)


def _soft(file: h5py.File) -> None:
    del file[f"{RNN}/0"]
    file[f"{RNN}/0"] = h5py.SoftLink("/layers/dense/vars/0")


def _external(file: h5py.File) -> None:
    del file[f"{RNN}/0"]
    file[f"{RNN}/0"] = h5py.ExternalLink("/etc/passwd", "/")


def _external_storage(file: h5py.File) -> None:
    del file[f"{RNN}/0"]
    file.create_dataset(f"{RNN}/0", (4, 4), "f4", external=[("/etc/passwd", 0, 64)])


def _objects(file: h5py.File) -> None:
    del file[f"{RNN}/0"]
    file.create_dataset(f"{RNN}/0", (4, 4), h5py.special_dtype(vlen=str))


def _missing(file: h5py.File) -> None:
    del file[f"{RNN}/2"]


@pytest.mark.parametrize("edit", [_soft, _external, _external_storage, _objects, _missing])
def test_weights_that_point_elsewhere(archive: Path, edit: Callable[[h5py.File], None]) -> None:
    edit_weights(archive, edit)
    with pytest.raises(ArchiveError):
        read_network(archive)


OPTIONS: list[tuple[str, dict[str, Any], str]] = [
    ("SimpleRNN", {"go_backwards": True}, "go_backwards"),
    ("SimpleRNN", {"stateful": True}, "stateful"),
    ("SimpleRNN", {"return_state": True}, "return_state"),
    ("SimpleRNN", {"activation": "softsign"}, "softsign"),
    ("SimpleRNN", {"activation": {"class_name": "function", "config": "evil"}}, "evil"),
    ("SimpleRNN", {"units": "many"}, "units"),
    ("SimpleRNN", {"dtype": "float16"}, "float16"),
    ("ReversibleEmbedding", {"logit_soft_cap": 30.0}, "logit_soft_cap"),
    ("ReversibleEmbedding", {"lora_rank": 4}, "lora_rank"),
    ("Softmax", {"axis": 1}, "axis"),
]


@pytest.mark.parametrize(("class_name", "options", "named"), OPTIONS)
def test_an_option_outside_the_contract_is_named(
    archive: Path, class_name: str, options: dict[str, Any], named: str
) -> None:
    edit_config(archive, lambda config: layer_of(config, class_name).update(options))
    with pytest.raises(UnsupportedNetwork, match=f"{class_name}.*{named}"):
        read_network(archive)


@pytest.mark.parametrize(
    "change",
    [
        {"class_name": "Lambda"},
        {"class_name": "LSTM"},
        {"module": "evil.code"},
        {"registered_name": "Custom>Evil"},
    ],
)
def test_layers_with_code_of_their_own_are_refused(archive: Path, change: dict[str, str]) -> None:
    edit_config(archive, lambda config: entry_of(config, "Dense").update(change))
    with pytest.raises(UnsupportedNetwork, match="projection"):
        read_network(archive)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_spoilt_archive_is_refused_or_sound(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "spoilt.keras"
    write_model(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    try:
        network = read_network(path)
    except ModelError:
        return
    assert all(np.isfinite(array).all() for array in network.weights.values())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_spoilt_configuration_is_refused_or_sound(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "configured.keras"
    write_model(path)

    def spoil(config: dict[str, Any]) -> None:
        here: Any = config
        while True:
            key = data.draw(
                st.sampled_from(sorted(here) if isinstance(here, dict) else [*range(len(here))])
            )
            inner = here[key]
            if isinstance(inner, dict | list) and inner and data.draw(st.integers(0, 9)):
                here = inner
                continue
            here[key] = data.draw(json_values)
            return

    edit_config(path, spoil)
    with contextlib.suppress(ModelError):  # any other exception fails
        read_network(path)


@pytest.mark.parametrize(
    ("vocabulary", "why"),
    [
        ('{"a": 1, "b": 1}', "share id 1"),
        ('{"a": 0}', "padding"),
        ('{"a": 1, "b": 6}', "outside"),
        ('{"a": 1, "a": 2}', "names a word twice"),
        ('{"a": 1', "not valid JSON"),
        ("[]", "not an object"),
        ("{}", "not an object"),
        ('{"a": NaN}', "not an integer"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_vocabulary_that_does_not_fit(tmp_path: Path, vocabulary: str, why: str) -> None:
    folder = write_folder(tmp_path / "model")
    (folder / "vocabulary.json").write_text(vocabulary)
    with pytest.raises(ModelError, match=why):
        load_model(folder)


@pytest.mark.parametrize(
    ("card", "why"),
    [
        ({"max_length": 9}, "max_length is 9"),
        ({"max_length": "3"}, "max_length"),
        ({"padding": "sideways"}, "padding"),
        ({"unknown": "zebra"}, "zebra"),
        ({"sha256": {"model.keras": "0" * 64}}, "sha256"),
    ],
)
def test_a_card_that_does_not_fit(tmp_path: Path, card: dict[str, Any], why: str) -> None:
    folder = write_folder(tmp_path / "model")
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match=why):
        load_model(folder)


def test_a_folder_of_two_files_is_served_as_it_is(tmp_path: Path) -> None:
    model = load_model(write_folder(tmp_path / "mine"))
    assert (model.id, model.options.max_length) == ("mine", 3)
    assert len(model.predict("a b", 3).predictions) == 3
