"""A recipe in stages: one command from nothing to the shipped model.

Each `[[stage]]` of a recipe has a name and what it does otherwise than the recipe's head; `from`
and `teacher` name earlier stages. It ends in a model folder of its own, hidden beside the one that
is asked for; a stage whose folder is there is not run again, and one that was killed goes on from
its last checkpoint.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import CorpusError, OtherRun
from app.folder.read import load_model
from app.training.checkpoint import describe
from app.training.config import TrainConfig, read_recipe
from app.training.fit import Report
from app.training.run import CHECKPOINT, TrainResult, train, workspace_of


@dataclass(frozen=True, slots=True)
class Stage:
    """One run of a recipe, and the folder it ends in."""

    name: str
    config: TrainConfig
    folder: Path


def stages_of(recipe: Path, data: Path, out: Path) -> list[Stage]:
    """The stages of a recipe; one without any is one stage. The last ends in `out`.

    Raises CorpusError for what is no recipe, or names a stage that is not before it.
    """
    head = read_recipe(recipe)
    tables: list[dict[str, Any]] = head.pop("stage", [{"name": recipe.stem}])
    if (
        not tables
        or not isinstance(tables, list)
        or not all(isinstance(one, dict) for one in tables)
    ):
        raise CorpusError(f"{recipe.name}: stage: a table for each is needed, [[stage]]")
    folders: dict[str, Path] = {}
    stages = []
    for table in tables:
        fields = {**head, **table}
        name = str(fields.pop("name", ""))
        if not name or name in folders:
            raise CorpusError(f"{recipe.name}: every stage needs a name of its own")
        for field, earlier in (("initial", fields.pop("from", None)), ("teacher", None)):
            earlier = earlier or fields.get(field)
            if earlier is not None and (not isinstance(earlier, str) or earlier not in folders):
                raise CorpusError(f"{recipe.name}: {name}: there is no earlier stage {earlier!r}")
            if earlier is not None:
                fields[field] = folders[earlier]
        folders[name] = out if table is tables[-1] else out.with_name(f".{out.name}.stages") / name
        stages.append(Stage(name, TrainConfig.of(fields, recipe.name, data), folders[name]))
    return stages


def run_stages(
    stages: Sequence[Stage],
    report_of: Callable[[int], AbstractContextManager[Report]],
    command: str,
) -> TrainResult:
    """Run what is left to run; returns the last stage's result.

    Raises what `train` raises, and OtherRun for the folder of a stage of another recipe.
    """
    for number, stage in enumerate(stages):
        asked = stage.folder.with_name(f".{stage.folder.name}.asked")
        last = number == len(stages) - 1
        if not last and (stage.folder / "model.keras").is_file():
            if not asked.is_file() or asked.read_text() != _described(stage):
                raise OtherRun(f"{stage.folder} is of another recipe: remove it to run this one")
            continue
        stage.folder.parent.mkdir(parents=True, exist_ok=True)
        asked.write_text(_described(stage))
        resume = (workspace_of(stage.folder) / CHECKPOINT).is_file()
        with report_of(number) as report:
            done = f"{command} (stage {stage.name})" if len(stages) > 1 else command
            result = train(stage.config, stage.folder, report, resume=resume, command=done)
    asked.unlink()
    return result


def _described(stage: Stage) -> str:
    """What a stage is told, and the models that it begins with."""
    known = [path for path in (stage.config.initial, stage.config.teacher) if path is not None]
    prints = [load_model(path).fingerprint for path in known]
    return json.dumps([describe(stage.config), prints])
