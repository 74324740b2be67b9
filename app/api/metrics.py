"""Prometheus metrics of one application. Each worker counts for itself.

Requests are counted in plain numbers, on the event loop's thread alone: the client library's
counters take locks, and a lock costs more than a prediction's share of a matrix product.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

if TYPE_CHECKING:
    from app.batching import Batcher
    from app.model import Model

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_BOUNDS = [*map(str, _SECONDS), "+Inf"]


class Metrics:
    """Requests by route and status, and their durations."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._durations: dict[str, list[int]] = {}  # by route: how many in each bucket
        self._seconds: Counter[str] = Counter()

    def record(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests[route, status] += 1
        self._seconds[route] += seconds  # type: ignore[assignment]
        buckets = self._durations.get(route)
        if buckets is None:
            buckets = self._durations[route] = [0] * len(_BOUNDS)
        buckets[bisect_left(_SECONDS, seconds)] += 1

    def exposition(
        self, models: "Mapping[str, Model]", batcher: "Batcher", in_progress: int
    ) -> bytes:
        """All metrics in Prometheus's text format."""
        families = [*self._counted(), *_read_off(models, batcher, in_progress)]
        return generate_latest(_Collected(families))

    def _counted(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "unrolled_requests", "Requests answered", labels=["route", "status"]
        )
        for (route, status), count in self._requests.items():
            requests.add_metric([route, str(status)], count)
        yield requests
        durations = HistogramMetricFamily(
            "unrolled_request_seconds",
            "From the first byte read to the last one sent",
            labels=["route"],
        )
        for route, buckets in self._durations.items():
            cumulative = zip(_BOUNDS, accumulate(buckets), strict=True)
            durations.add_metric([route], list(cumulative), self._seconds[route])
        yield durations


def _read_off(
    models: "Mapping[str, Model]", batcher: "Batcher", in_progress: int
) -> Iterator[Metric]:
    yield GaugeMetricFamily("unrolled_requests_in_progress", "Requests being answered", in_progress)
    weights = GaugeMetricFamily(
        "unrolled_model_parameters",
        "Weights of a loaded model",
        labels=["model", "engine", "fingerprint"],
    )
    for name, model in models.items():
        labels = [name, model.engine.name, model.fingerprint[:12]]
        weights.add_metric(labels, model.network.parameters)
    yield weights
    lookups = CounterMetricFamily(
        "unrolled_prefix_lookups",
        "Phrases, by whether the state of a prefix was remembered",
        labels=["result"],
    )
    lookups.add_metric(["hit"], batcher.lookups.hits)
    lookups.add_metric(["miss"], batcher.lookups.misses)
    yield lookups
    yield GaugeMetricFamily(
        "unrolled_prefix_states", "Remembered states of prefixes", batcher.states
    )


class _Collected(CollectorRegistry):
    """What the exposition is written from."""

    def __init__(self, families: list[Metric]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
