"""Damaged and hostile model folders are refused with a reason, and nothing in them runs."""

import contextlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import ArchiveError, ModelError, UnsupportedNetwork
from app.folder.keras import read_network
from app.folder.keras.hdf5 import StoredWeights
from app.folder.read import load_model
from tests.keras_files import (
    SHAPE,
    edit_config,
    edit_weights,
    entry_of,
    layer_of,
    members_of,
    write_folder,
    write_members,
    write_model,
)

UNTIED = replace(SHAPE, tied=False, projection=0)
RNN = "layers/simple_rnn/cell/vars"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "model.keras"
    write_model(path)
    return path


def test_a_sound_archive_is_read(archive: Path) -> None:
    assert read_network(archive).classes == 6


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_cut_archive(archive: Path, share: float) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ArchiveError, match="damaged" if share else "it is empty"):
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
    """Shapes that fit the configuration, and no bytes behind the largest of them."""
    H = 4096

    def blow_up(file: h5py.File) -> None:
        for index, shape in enumerate([(4, H), (H, H), (H,)]):
            del file[f"{RNN}/{index}"]
            chunks = (1024, 1024) if index == 1 else None
            file.create_dataset(f"{RNN}/{index}", shape, "f4", chunks=chunks)
        file[f"{RNN}/0"][:] = 1
        file[f"{RNN}/2"][:] = 1

    edit_weights(archive, blow_up)
    edit_config(archive, lambda config: layer_of(config, "SimpleRNN").update(units=H))
    with pytest.raises(ArchiveError, match="recurrent_kernel is stored in chunks"):
        read_network(archive)


def test_weights_that_share_their_bytes(archive: Path) -> None:
    def share(file: h5py.File) -> None:
        del file[f"{RNN}/1"]
        file[f"{RNN}/1"] = file[f"{RNN}/0"]

    edit_weights(archive, share)
    size = len(members_of(archive)["model.weights.h5"])
    with h5py.File(io.BytesIO(members_of(archive)["model.weights.h5"])) as file:
        weights = StoredWeights(file, size=127)  # each of the two has 64 bytes
        assert weights.read(RNN.removesuffix("/vars"), 0, (4, 4), "kernel").shape == (4, 4)
        with pytest.raises(ArchiveError, match="fewer bytes than weights"):
            weights.read(RNN.removesuffix("/vars"), 1, (4, 4), "recurrent_kernel")
    assert size > 127


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


def test_a_bomb_that_lies_about_its_compressed_size(archive: Path) -> None:
    write_members(
        archive, {**members_of(archive), "model.weights.h5": bytes(80 << 20)}, zipfile.ZIP_DEFLATED
    )
    content = bytearray(archive.read_bytes())
    entry = content.rfind(b"PK\x01\x02")
    content[entry + 20 : entry + 24] = (80 << 20).to_bytes(4, "little")
    archive.write_bytes(content)
    with pytest.raises(ArchiveError, match="would inflate"):
        read_network(archive)


def test_weights_that_inflate_more_than_weights_do(archive: Path) -> None:
    dense = os.urandom(1 << 20)  # a ratio of 66, which a small member may have
    write_members(
        archive,
        {**members_of(archive), "model.weights.h5": dense + bytes(65 << 20)},
        zipfile.ZIP_DEFLATED,
    )
    with pytest.raises(ArchiveError, match=r"model\.weights\.h5 would inflate"):
        read_network(archive)


def test_an_archive_that_was_compressed_again_is_read(archive: Path) -> None:
    write_members(archive, members_of(archive), zipfile.ZIP_DEFLATED)
    assert read_network(archive).classes == 6


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_method_that_keras_does_not_use(archive: Path, method: int) -> None:
    write_members(archive, members_of(archive), method)
    with pytest.raises(ArchiveError, match="a method that is not read"):
        read_network(archive)


def test_more_members_than_are_worth_listing(archive: Path) -> None:
    write_members(archive, {**members_of(archive), **{f"x{n}": b"" for n in range(100)}})
    with pytest.raises(ArchiveError, match="more than 100 members"):
        read_network(archive)


@pytest.mark.parametrize("name", ["model.keras", "vocabulary.json", "model.json"])
@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_what_is_not_a_file_is_not_waited_for(tmp_path: Path, name: str, kind: str) -> None:
    folder = write_folder(tmp_path / "model")
    (folder / name).unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(folder / name)
    elif kind == "device":
        (folder / name).symlink_to("/dev/zero")
    else:
        (folder / name).mkdir()
    why = "Is a directory" if kind == "folder" else "it is not a regular file"
    with pytest.raises(ModelError, match=f"{name} cannot be read: {why}"):
        load_model(folder)


def test_links_to_files_are_followed(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model")
    for name in ("model.keras", "vocabulary.json"):
        (folder / name).rename(tmp_path / name)
        (folder / name).symlink_to(tmp_path / name)
    assert load_model(folder).network.classes == 6


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


def _virtual(file: h5py.File) -> None:
    del file[f"{RNN}/0"]
    layout = h5py.VirtualLayout((4, 4), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4, 4))
    file.create_virtual_dataset(f"{RNN}/0", layout)


def _missing(file: h5py.File) -> None:
    del file[f"{RNN}/2"]


def _large_chunks(file: h5py.File) -> None:
    """64 bytes, behind a chunk that needs a gigabyte to be inflated."""
    del file[f"{RNN}/0"]
    file.create_dataset(f"{RNN}/0", (4, 4), "f4", chunks=(1 << 14, 1 << 14), maxshape=(None, None))


def _compressed(file: h5py.File) -> None:
    del file[f"{RNN}/0"]
    file.create_dataset(f"{RNN}/0", data=np.ones((4, 4), "f4"), compression="gzip")


def _unwritten(file: h5py.File) -> None:
    del file[f"{RNN}/0"]
    file.create_dataset(f"{RNN}/0", (4, 4), "f4", fillvalue=7)


def _beyond_float32(file: h5py.File) -> None:
    del file[f"{RNN}/0"]
    file.create_dataset(f"{RNN}/0", data=np.full((4, 4), 1e300))


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (_soft, "a link at"),
        (_external, "a link at"),
        (_external_storage, "points outside"),
        (_virtual, "points outside"),
        (_objects, "stored as object"),
        (_missing, "2 weights, but the configuration asks for 3"),
        (_large_chunks, "in chunks"),
        (_compressed, "in chunks, or compressed"),
        (_unwritten, "inflate from 0 to 64 bytes"),
        (_beyond_float32, "not finite"),
    ],
)
def test_weights_that_are_not_plainly_there(
    archive: Path, edit: Callable[[h5py.File], None], why: str
) -> None:
    edit_weights(archive, edit)
    with pytest.raises(ArchiveError, match=why):
        read_network(archive)


OPTIONS: list[tuple[str, dict[str, Any], str]] = [
    ("SimpleRNN", {"go_backwards": True}, "go_backwards"),
    ("SimpleRNN", {"stateful": True}, "stateful"),
    ("SimpleRNN", {"return_state": True}, "return_state"),
    ("SimpleRNN", {"activation": "sparsemax"}, "sparsemax"),
    ("SimpleRNN", {"activation": {"class_name": "function", "config": "evil"}}, "evil"),
    ("SimpleRNN", {"activation": "keras_2_hard_sigmoid"}, "keras_2_hard_sigmoid"),
    ("SimpleRNN", {"units": "many"}, "units"),
    ("SimpleRNN", {"dtype": "float16"}, "float16"),
    ("ReversibleEmbedding", {"logit_soft_cap": 30.0}, "logit_soft_cap"),
    ("ReversibleEmbedding", {"lora_rank": 4}, "lora_rank"),
    ("Softmax", {"axis": 1}, "axis"),
    ("InputLayer", {"dtype": "bool"}, "dtype = 'bool'"),
    ("InputLayer", {"sparse": True}, "sparse"),
]


@pytest.mark.parametrize(("class_name", "options", "named"), OPTIONS)
def test_an_option_outside_the_contract_is_named(
    archive: Path, class_name: str, options: dict[str, Any], named: str
) -> None:
    edit_config(archive, lambda config: layer_of(config, class_name).update(options))
    with pytest.raises(UnsupportedNetwork, match=f"{class_name}.*{named}"):
        read_network(archive)


def test_an_end_that_is_no_distribution_is_refused(archive: Path) -> None:
    write_model(archive, UNTIED)
    edit_config(archive, lambda config: layer_of(config, "Dense").update(activation="sigmoid"))
    with pytest.raises(UnsupportedNetwork, match=r"\(Dense\): activation = 'sigmoid' in the last"):
        read_network(archive)


def test_sequentials_inside_are_bounded(archive: Path) -> None:
    def nest(config: dict[str, Any], layers: list[Any]) -> None:
        dense = entry_of(config, "Dense")
        dense.update(class_name="Sequential", config={"name": "inner", "layers": layers})

    def many(count: int) -> list[Any]:
        return [
            {"class_name": "Dropout", "module": "keras.layers", "config": {"name": f"d{at}"}}
            for at in range(count)
        ]

    for layers, error, named in (
        ([], ArchiveError, "has no layers"),
        (many(101), UnsupportedNetwork, "101 layers; at most 100"),
        (many(99), UnsupportedNetwork, r"1\d\d layers; at most 100"),
    ):
        write_model(archive, UNTIED)
        edit_config(archive, lambda config, layers=layers: nest(config, layers))  # type: ignore[misc]
        with pytest.raises(error, match=named):
            read_network(archive)


@pytest.mark.parametrize("class_name", ["Reshape", "Functional", "Masking"])
def test_a_type_of_layer_in_front_is_named(archive: Path, class_name: str) -> None:
    write_model(archive, UNTIED)
    edit_config(archive, lambda config: entry_of(config, "Embedding").update(class_name=class_name))
    with pytest.raises(UnsupportedNetwork, match=rf"\({class_name}\): this type of layer"):
        read_network(archive)


@pytest.mark.parametrize(
    "change",
    [
        {"class_name": "Lambda"},
        {"class_name": "ConvLSTM1D"},
        {"module": "evil.code"},
        {"registered_name": "Custom>Evil"},
    ],
)
def test_layers_with_code_of_their_own_are_refused(archive: Path, change: dict[str, str]) -> None:
    edit_config(archive, lambda config: entry_of(config, "Dense").update(change))
    with pytest.raises(UnsupportedNetwork, match="projection"):
        read_network(archive)


@settings(max_examples=300)
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


@settings(max_examples=300)
@given(data=st.data())
def test_spoilt_weights_are_refused_or_sound(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """As above, but with checksums that fit, so that HDF5 itself meets the damage."""
    path = tmp_path_factory.getbasetemp() / "weights.keras"
    write_model(path)
    members = members_of(path)
    content = bytearray(members["model.weights.h5"])
    written = [at for at, byte in enumerate(content) if byte]
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.sampled_from(written))] = data.draw(st.integers(0, 255))
    write_members(path, {**members, "model.weights.h5": bytes(content)})
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


@settings(max_examples=300)
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
        ('{"a": 6, "b": 7}', "no id is among the network's 6"),
        ('{"a": 1, "a": 2}', "'a' is named twice"),
        ('{"a": 1', "not valid JSON"),
        ("[]", "not an object"),
        ("{}", "not an object"),
        ('{"a": NaN}', "not an integer"),
        ("[" * 100_000, "not valid JSON"),
        (" " * (16 << 20) + "{}", "larger than 16777216 bytes"),
    ],
)
def test_a_vocabulary_that_does_not_fit(tmp_path: Path, vocabulary: str, why: str) -> None:
    folder = write_folder(tmp_path / "model")
    (folder / "vocabulary.json").write_text(vocabulary)
    with pytest.raises(ModelError, match=why):
        load_model(folder)


def test_words_without_a_class_are_unknown_and_said_to_be(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model")
    (folder / "vocabulary.json").write_text('{"a": 1, "b": 6}')
    model = load_model(folder)
    assert model.vocabulary.id_of("b") is None
    assert "1 words have ids beyond the network's 6 classes" in model.warnings[0]


def test_figures_that_are_not_finite_take_no_model_out(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model")
    (folder / "model.json").write_bytes(b'\xef\xbb\xbf{"metrics": {"loss": NaN}}')
    assert load_model(folder).card["metrics"] == {"loss": None}


@pytest.mark.parametrize(
    ("card", "why"),
    [
        ({"max_length": 9}, "max_length is 9"),
        ({"max_length": "3"}, "max_length"),
        ({"padding": "sideways"}, "padding"),
        ({"unknown": "zebra"}, "zebra"),
        ({"sha256": {"model.keras": "0" * 64}}, "sha256"),
        ({"max_length": float("nan")}, "max_length is not a finite number"),
        ({"lower": True}, "lower is Keras's name; here it is lowercase"),
        ({"oov_token": "<OOV>"}, "here it is unknown"),
        ({"metrics": {"loss": 10**400}}, "exceeds 64-bit"),
        ({"description": "x" * (1 << 20)}, "larger than 1048576 bytes"),
        ('{"corpus": ' + "[" * 300 + "]" * 300 + "}", "[Rr]ecursion limit"),
        ('{"max_length": 3, "padding": "pre", "max_length": 2}', "'max_length' is named twice"),
        ('{"shown_as": {"a": "A", "a": "a"}}', "'a' is named twice"),
        ("{", "not valid JSON"),
        ("", "it is empty"),
    ],
)
def test_a_card_that_does_not_fit(tmp_path: Path, card: Any, why: str) -> None:
    folder = write_folder(tmp_path / "model")
    text = card if isinstance(card, str) else json.dumps(card)
    (folder / "model.json").write_text(text)
    with pytest.raises(ModelError, match=why):
        load_model(folder)


def test_a_folder_of_two_files_is_served_as_it_is(tmp_path: Path) -> None:
    model = load_model(write_folder(tmp_path / "mine"))
    assert (model.id, model.options.max_length) == ("mine", 3)
    assert len(model.predict("a b", 3).predictions) == 3
