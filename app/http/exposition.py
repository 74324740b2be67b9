"""A service's metrics in Prometheus's text format, version 0.0.4: the sums of all its processes.

Written here: of the client library, only these lines would be used, and it takes longer to import
than an English model takes to load.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from app.http.processes import Processes
from app.http.service import Service
from app.metrics import FAMILIES, Family, processes
from app.model import Model

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PARAMETERS = Family(
    "unrolled_model_parameters",
    "gauge",
    "Weights of a loaded model",
    ("engine", "fingerprint", "model"),
)
_PROBLEMS = Family(
    "unrolled_model_problems", "gauge", "Model folders that cannot be served as they are"
)

Labelled = Mapping[tuple[str, ...], Sequence[float]]  # by labels


def exposition(service: Service) -> bytes:
    """All metrics of a service."""
    counted: dict[str, dict[tuple[str, ...], Sequence[float]]] = {}
    totals = service.metrics.numbers.totals()
    for (_kind, name, *labels), numbers in totals.items():
        counted.setdefault(name, {})[tuple(labels)] = numbers
    lines = [line for family in FAMILIES for line in _lines(family, counted.get(family.name, {}))]
    lines += _lines(_PARAMETERS, _parameters(service.repository.models))
    lines += _lines(_PROBLEMS, {(): [len(service.repository.problems)]})
    for family, value in Processes(processes(totals)).measured():
        lines += _lines(family, {(): [value]})
    return "\n".join([*lines, ""]).encode()


def _parameters(models: Mapping[str, Model]) -> Labelled:
    return {
        (model.engine.name, model.fingerprint[:12], name): [model.network.parameters]
        for name, model in models.items()
    }


def _lines(family: Family, series: Labelled) -> Iterator[str]:
    name = family.name + ("_total" if family.kind == "counter" else "")
    yield f"# HELP {name} {family.help}"
    yield f"# TYPE {name} {family.kind}"
    for values, numbers in series.items():
        labels = dict(zip(family.labels, values, strict=True))
        if not family.bounds:
            yield _sample(name, labels, sum(numbers))
            continue
        *buckets, total = numbers
        cumulative = list(accumulate(buckets))
        bounds = [*map(str, map(float, family.bounds)), "+Inf"]
        for bound, count in zip(bounds, cumulative, strict=True):
            yield _sample(f"{name}_bucket", {**labels, "le": bound}, count)
        yield _sample(f"{name}_count", labels, cumulative[-1])
        yield _sample(f"{name}_sum", labels, total)


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{inside}}} {float(value)!r}" if inside else f"{name} {float(value)!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
