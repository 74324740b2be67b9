"""A training run on disk: everything needed to go on to the same result after a kill."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.errors import OtherRun
from app.training.network.bptt import State
from app.training.network.optimizer import AdamW
from app.training.network.parameters import Parameters


@dataclass(slots=True)
class Run:
    """Where a run stands. Random numbers are drawn from (seed, step), so none need keeping."""

    parameters: Parameters
    mean: Parameters  # running mean of the parameters
    best: Parameters  # the mean that validated best
    optimizer: AdamW
    state: State = ()
    epoch: int = 0
    batch: int = 0  # next batch within the epoch
    step: int = 0
    best_perplexity: float = float("inf")
    since_best: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)
    resumed: list[dict[str, float]] = field(default_factory=list)  # at which step, with what


_COUNTERS = (
    "epoch", "batch", "step", "best_perplexity", "since_best", "seconds", "curve", "resumed"
)  # fmt: skip


def save(run: Run, path: Path, fingerprint: str) -> None:
    """Write the run, replacing the last checkpoint in one move."""
    groups = {
        "parameters": run.parameters,
        "mean": run.mean,
        "best": run.best,
        "first": run.optimizer.first,
        "second": run.optimizer.second,
        "state": {str(layer): array for layer, array in enumerate(run.state)},
    }
    arrays = {f"{group}/{name}": a for group, named in groups.items() for name, a in named.items()}
    facts = {name: getattr(run, name) for name in _COUNTERS}
    facts |= {"optimizer_steps": run.optimizer.steps, "fingerprint": fingerprint}
    temporary = path.with_suffix(".writing")
    with temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, facts=np.array(json.dumps(facts)), **arrays)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: Path, run: Run, fingerprint: str) -> bool:
    """Fill `run` from a checkpoint; False where there is none.

    Raises OtherRun where there is one of another configuration.
    """
    if not path.exists():
        return False
    with np.load(path, allow_pickle=False) as file:
        facts: dict[str, Any] = json.loads(str(file["facts"]))
        if facts.pop("fingerprint") != fingerprint:
            raise OtherRun(
                f"{path.parent} has a run with other options or another text; "
                "without --resume it is replaced"
            )
        groups: dict[str, Parameters] = {}
        for key in file.files:
            group, _, name = key.partition("/")
            if name:
                groups.setdefault(group, {})[name] = file[key]
    run.optimizer.steps = facts.pop("optimizer_steps")
    for name, value in facts.items():
        setattr(run, name, value)
    for name in ("parameters", "mean", "best"):
        getattr(run, name).update(groups[name])
    run.optimizer.first = groups.get("first", {})
    run.optimizer.second = groups.get("second", {})
    state = groups.get("state", {})
    run.state = tuple(state[str(layer)] for layer in range(len(state)))
    return True


def describe(value: Any) -> str:
    """A configuration as text, to tell whether a checkpoint belongs to it."""
    return json.dumps(asdict(value), default=str, sort_keys=True)
