"""Who keeps something of a model is told when it is served no more."""

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from app.logs import configure
from app.metrics import Metrics
from app.model import Model
from app.serving.repository import Repository
from app.serving.watcher import watch
from app.settings import Settings


def test_a_change_is_told_with_the_models_that_are_served_then(
    notebook_folder: Path, tmp_path: Path
) -> None:
    for name in "first", "second":
        shutil.copytree(notebook_folder, tmp_path / name)
    repository = Repository(tmp_path, "numpy", "first", 0.0)
    repository.load()
    shutil.rmtree(tmp_path / "second")

    async def told() -> list[str]:
        asked, served = asyncio.Event(), asyncio.get_running_loop().create_future()

        def changed(models: Iterable[Model]) -> None:
            served.set_result([model.id for model in models])

        asked.set()
        watching = asyncio.create_task(watch(repository, Metrics(), 0.0, asked, changed))
        names: list[str] = await served
        watching.cancel()
        return names

    assert asyncio.run(told()) == ["first"]


def test_what_goes_on_being_wrong_is_logged_once_and_counted_each_time(
    notebook_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(Settings())
    models = tmp_path / "models"
    shutil.copytree(notebook_folder, models / "first")
    repository = Repository(models, "numpy", "first", 0.0)
    repository.load()
    counted: asyncio.Queue[str] = asyncio.Queue()

    class Counting(Metrics):
        def reloaded(self, outcome: str) -> None:
            counted.put_nowait(outcome)

    async def watched() -> None:
        looks = watch(repository, Counting(), 0.001, asyncio.Event(), lambda _: None)
        watching = asyncio.create_task(looks)
        for away in ("elsewhere", "again"):
            models.rename(tmp_path / away)
            assert [await counted.get() for _ in range(3)] == ["failed"] * 3
            (tmp_path / away).rename(models)
            while repository.problems:
                await asyncio.sleep(0)
            while not counted.empty():
                counted.get_nowait()
        watching.cancel()

    asyncio.run(watched())
    assert capsys.readouterr().err.count("the models folder was not looked at") == 2
