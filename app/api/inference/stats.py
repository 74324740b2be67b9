"""Triton's inference statistics, counted where any worker can add them up."""

import time
from dataclasses import dataclass, field
from typing import Any

from app.api.inference.wire import VERSION
from app.metrics import Metrics
from app.model import Model

_NAME = "unrolled_inference"
_STAGES = ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output")
_COUNTS = 2 * len(_STAGES) + 2  # count and nanoseconds of each, phrases, products


@dataclass(slots=True)
class Stopwatch:
    """The nanoseconds of one inference, stage by stage."""

    began: int = field(default_factory=time.perf_counter_ns)
    _last: int = field(default_factory=time.perf_counter_ns)
    stages: dict[str, int] = field(default_factory=dict)

    def lap(self, stage: str) -> None:
        """What went by since the last lap belongs to this stage."""
        now = time.perf_counter_ns()
        self.stages[stage] = self.stages.get(stage, 0) + now - self._last
        self._last = now


def count(metrics: Metrics, model: Model, watch: Stopwatch, phrases: int) -> None:
    """Count one inference, of no phrases where it failed."""
    series = metrics.numbers.series(("counter", _NAME, model.id), _COUNTS)
    stages = dict(watch.stages) if phrases else {}
    stages["success" if phrases else "fail"] = time.perf_counter_ns() - watch.began
    for stage, nanoseconds in stages.items():
        at = 2 * _STAGES.index(stage)
        series[at] += 1
        series[at + 1] += nanoseconds
    series[-2] += phrases
    series[-1] += bool(phrases)
    if phrases:
        metrics.numbers.series(("time", _NAME, model.id))[0] = time.time() * 1e3


def statistics(metrics: Metrics, model: Model) -> dict[str, Any]:
    """A model's entry among `model_stats`."""
    counted = metrics.numbers.each(("counter", _NAME, model.id))
    series = [sum(column) for column in zip(*counted, strict=True)] or [0.0] * _COUNTS
    last = [times[0] for times in metrics.numbers.each(("time", _NAME, model.id))]
    stages = {
        stage: {"count": int(series[2 * at]), "ns": int(series[2 * at + 1])}
        for at, stage in enumerate(_STAGES)
    }
    nothing = {"count": 0, "ns": 0}
    return {
        "name": model.id,
        "version": VERSION,
        "last_inference": int(max(last, default=0)),
        "inference_count": int(series[-2]),
        "execution_count": int(series[-1]),
        "inference_stats": {**stages, "cache_hit": nothing, "cache_miss": nothing},
        "batch_stats": [],
    }
