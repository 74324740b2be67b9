"""What leaves the checkout: the wheel and the lock files."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from app import __version__

ROOT = Path(__file__).parent.parent
PACKAGE_DATA = ("app/training/recipes/english.toml", "app/training/recipes/ptb.toml")


def locked(name: str) -> dict[str, set[str]]:
    """Package -> its locked versions (one, or one for each of several Pythons)."""
    lines = re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / name).read_text(), re.M)
    return {package: {v for p, v in lines if p == package} for package, _ in lines}


def test_the_wheel_has_the_package_and_its_data_and_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", "77", reason="builds without a network need setuptools 77")
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "app", "tests", "models"):
        (source / name).symlink_to(ROOT / name)
    subprocess.run(
        [
            *(sys.executable, "-c", "from setuptools import setup; setup()"),
            *("--quiet", "bdist_wheel", "--dist-dir", str(tmp_path)),
        ],
        cwd=source,
        check=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"app", f"unrolled-{__version__}.dist-info"}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "app").rglob("*.py")}
    assert modules | set(PACKAGE_DATA) <= set(names)


def test_serving_is_locked_without_tensorflow() -> None:
    assert not {"tensorflow", "tensorflow-cpu", "keras"} & set(locked("serve.txt"))
    assert {"tensorflow-cpu", "keras"} <= set(locked("training.txt"))


def test_the_lock_files_agree() -> None:
    everything = locked("test.txt")
    for name in ("serve.txt", "training.txt"):
        assert {p: v for p, v in locked(name).items() if everything.get(p) != v} == {}


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for lines, name in (
        (project["dependencies"], "serve.txt"),
        (project["optional-dependencies"]["tensorflow"], "training.txt"),
        (project["optional-dependencies"]["test"], "test.txt"),
    ):
        wanted = {re.split(r"[<>=; \[]", line)[0] for line in lines}
        assert wanted <= set(locked(name))
