"""Archives read in a process of their own: the same network, the same errors, no HDF5 library."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.errors import ArchiveError, ModelError, UnsupportedNetwork
from app.folder.keras import read_network
from tests.keras_files import SHAPE, edit_config, layer_of, write_folder, write_model

ROOT = Path(__file__).parent.parent
SCRIPT = """
import os, signal, sys, threading
from pathlib import Path
import numpy as np
from app.folder.keras import read_network
from app.errors import ModelError
path = Path(sys.argv[1])
{before}
try:
    network = read_network(path, apart=True)
    np.savez(path.with_suffix(".npz"), **network.weights)
    tied = network.layers[-2].embeddings is network.layers[0].embeddings
    print(network.name, len(network.layers), network.max_length, "tied" if tied else "")
except ModelError as error:
    print(type(error).__name__, error)
print("with h5py" if "h5py" in sys.modules else "without h5py")
"""

ANOTHER_THREAD = "threading.Thread(target=threading.Event().wait, daemon=True).start()"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "model.keras"
    write_model(path, replace(SHAPE, layers=2))
    return path


def read(archive: Path, before: str = "") -> list[str]:
    """Read an archive in an interpreter of its own, which has no other thread; what it prints."""
    command = [sys.executable, "-c", SCRIPT.format(before=before), str(archive)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def check_weights(archive: Path) -> None:
    weights = read_network(archive).weights
    with np.load(archive.with_suffix(".npz")) as apart:
        assert set(apart) == set(weights)
        for name, array in weights.items():
            np.testing.assert_array_equal(apart[name], array)


def test_it_is_the_network_that_is_read_here(archive: Path) -> None:
    assert read(archive) == ["small 6 3 tied", "without h5py"]
    check_weights(archive)


def test_a_repository_loads_its_models_like_that(archive: Path) -> None:
    write_folder(archive.parent / "one")
    script = (
        "import sys\nfrom pathlib import Path\nfrom app.serving.repository import Repository\n"
        "repository = Repository(Path(sys.argv[1]))\nrepository.load()\n"
        "print(*repository.models, 'h5py' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(archive.parent)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "one False\n", done.stderr


def test_beside_another_thread_an_interpreter_of_its_own_reads(archive: Path) -> None:
    assert read(archive, ANOTHER_THREAD) == ["small 6 3 tied", "without h5py"]
    check_weights(archive)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _damage_weights(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, b"no HDF5" if name.endswith(".h5") else content)


def _other_layer(path: Path) -> None:
    edit_config(path, lambda config: layer_of(config, "SimpleRNN").update(go_backwards=True))


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [(_cut, ArchiveError), (_other_layer, UnsupportedNetwork), (Path.unlink, ArchiveError)],
)
def test_what_is_refused_is_refused_in_the_same_words(
    archive: Path, spoil: Callable[[Path], None], kind: type[ModelError]
) -> None:
    spoil(archive)
    with pytest.raises(kind) as here:
        read_network(archive)
    assert read(archive) == [f"{kind.__name__} {here.value}", "without h5py"]


def test_an_interpreter_of_its_own_refuses_in_the_same_words(archive: Path) -> None:
    _damage_weights(archive)
    with pytest.raises(ArchiveError) as here:
        read_network(archive)
    assert read(archive, ANOTHER_THREAD) == [f"ArchiveError {here.value}", "without h5py"]


def test_a_reader_that_dies_is_a_refusal(archive: Path) -> None:
    dying = "os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGSEGV))"
    assert read(archive, dying) == [
        "ArchiveError the process that read model.weights.h5 has died",
        "without h5py",
    ]
