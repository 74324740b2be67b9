"""Who keeps something of a model is told when it is served no more."""

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

from app.metrics import Metrics
from app.model import Model
from app.serving.repository import Repository
from app.serving.watcher import watch


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
