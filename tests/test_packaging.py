"""What leaves the checkout: the wheel, which is installed and run, and the lock files."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tarfile
import time
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import __version__

ROOT = Path(__file__).parent.parent
PACKAGE_DATA = ("app/training/recipes/english.toml", "app/training/recipes/ptb.toml")

MOST_WHEEL_BYTES = 22_000_000


def locked(name: str) -> dict[str, set[str]]:
    """Package -> its locked versions (one, or one for each of several Pythons)."""
    lines = re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / name).read_text(), re.M)
    return {package: {v for p, v in lines if p == package} for package, _ in lines}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build sees, and a folder for its leavings that is not the checkout."""
    pytest.importorskip("setuptools", "77", reason="builds without a network need setuptools 77")
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("app", "tests", "models", "requirements"):
        (source / name).symlink_to(ROOT / name)
    return source


def built(kind: str, source: Path, into: Path) -> Path:
    command = (sys.executable, "setup.py", "--quiet", kind, "--dist-dir", str(into))
    subprocess.run(command, cwd=source, check=True)
    [made] = into.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("bdist_wheel", source, tmp_path_factory.mktemp("wheel"))


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_has_the_package_and_its_data_and_nothing_else(wheel: Path) -> None:
    names = set(contents(wheel))
    assert {name.split("/")[0] for name in names} == {"app", f"unrolled-{__version__}.dist-info"}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "app").rglob("*.py")}
    assert modules | set(PACKAGE_DATA) <= names


def test_the_wheel_has_the_shipped_models_as_they_are_and_no_others(wheel: Path) -> None:
    packed = {
        name.removeprefix("app/"): data
        for name, data in contents(wheel).items()
        if name.startswith("app/models/")
    }
    tracked = subprocess.run(
        ["git", "ls-files", "models"], cwd=ROOT, capture_output=True, text=True
    )
    if tracked.returncode == 0:
        assert set(packed) == set(tracked.stdout.split())
    assert packed == {name: (ROOT / name).read_bytes() for name in packed}
    assert {f"models/{one}/model.keras" for one in ("english", "notebook")} <= set(packed)
    assert wheel.stat().st_size <= MOST_WHEEL_BYTES


def test_a_wheel_of_the_source_archive_is_the_same(
    source: Path, wheel: Path, tmp_path: Path
) -> None:
    archive = built("sdist", source, tmp_path / "sdist")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    [unpacked] = tmp_path.glob("unrolled-*")
    again = contents(built("bdist_wheel", unpacked, tmp_path / "wheel"))
    first = contents(wheel)
    assert set(again) == set(first)
    assert [name for name in first if "dist-info" not in name and first[name] != again[name]] == []


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel alone in an environment of its own, beside the packages that it needs.

    Those come from the tests' environment: there is no network here to fetch them.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check")
    install = ("install", "--quiet", "--no-index", "--no-deps", str(wheel))
    subprocess.run([*pip, *install], check=True)
    site = sysconfig.get_path("purelib", vars={"base": str(folder)})
    Path(site, "needed.pth").write_text(sysconfig.get_path("purelib"))
    return folder


def outside(folder: Path) -> dict[str, str]:
    """The environment of somebody who has no checkout."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("UNROLLED_", "PYTHON"))}
    return ours | {"PWD": str(folder)}


def test_the_wheel_alone_lists_its_models_and_where_they_are(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()  # of something else: no model is in it
    done = subprocess.run(
        [installed / "bin" / "unrolled", "models", "--json"],
        cwd=tmp_path,
        env=outside(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    listed = json.loads(done.stdout)
    assert Path(listed["folder"]).is_relative_to(installed)
    assert [(one["id"], one["default"]) for one in listed["models"]] == [
        ("english", True),
        ("notebook", False),
    ]
    assert listed["models"][1]["parameters"] == 13


def test_the_wheel_alone_serves_and_predicts(installed: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [installed / "bin" / "unrolled", "serve", "--port", str(port)],
        cwd=tmp_path,
        env=outside(tmp_path),
    )
    try:
        url = f"http://127.0.0.1:{port}/v1/predict"
        english = answer(process, url, {"phrase": "thank you very"})
        assert (english["model"], english["next_word"]) == ("english", "much")
        notebook = answer(process, url, {"phrase": "this is", "model": "notebook"})
        assert notebook["predictions"][0]["probability"] == pytest.approx(0.46750897, abs=1e-6)
    finally:
        process.terminate()
        assert process.wait(30) == 0


def answer(process: subprocess.Popen[bytes], url: str, asked: dict[str, str]) -> Any:
    """Its answer, once it listens."""
    for _ in range(300):
        assert process.poll() is None
        with contextlib.suppress(httpx.TransportError):
            return httpx.post(url, json=asked).json()
        time.sleep(0.1)
    pytest.fail(f"{url} does not answer")


def test_serving_is_locked_without_tensorflow() -> None:
    assert not {"tensorflow", "tensorflow-cpu", "keras"} & set(locked("serve.txt"))
    assert {"tensorflow-cpu", "keras"} <= set(locked("training.txt"))


def test_the_lock_files_agree() -> None:
    everything = locked("test.txt")
    for name in ("serve.txt", "training.txt"):
        assert {p: v for p, v in locked(name).items() if everything.get(p) != v} == {}
    ray = locked("ray.txt")
    assert {p: v for p, v in ray.items() if everything.get(p, v) != v} == {}


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for lines, name in (
        (project["dependencies"], "serve.txt"),
        (project["optional-dependencies"]["tensorflow"], "training.txt"),
        (project["optional-dependencies"]["ray"], "ray.txt"),
        (project["optional-dependencies"]["parquet"], "ray.txt"),
        (project["optional-dependencies"]["test"], "test.txt"),
    ):
        wanted = {re.split(r"[<>=; \[]", line)[0] for line in lines}
        assert wanted <= set(locked(name))
