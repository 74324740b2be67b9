"""An application's metrics in Prometheus's text format.

Imported when they are first asked for: what the client library brings along is a fortieth of the
time to start.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from app.http.metrics import SECONDS, Metrics
from app.http.service import Service
from app.model import Model
from app.serving.batching import Batcher

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BOUNDS = [*map(str, SECONDS), "+Inf"]


def exposition(service: Service) -> bytes:
    """All metrics of a service."""
    families = [
        *_counted(service.metrics),
        *_read_off(service.repository.models, service.batcher, service.in_progress),
    ]
    return generate_latest(_Collected(families))


def _counted(metrics: Metrics) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "unrolled_requests", "Requests answered", labels=["route", "status"]
    )
    for (route, status), count in metrics.requests.items():
        requests.add_metric([route, str(status)], count)
    yield requests
    durations = HistogramMetricFamily(
        "unrolled_request_seconds",
        "From the first byte read to the last one sent",
        labels=["route"],
    )
    for route, buckets in metrics.durations.items():
        cumulative = zip(_BOUNDS, accumulate(buckets), strict=True)
        durations.add_metric([route], list(cumulative), metrics.seconds[route])
    yield durations


def _read_off(models: Mapping[str, Model], batcher: Batcher, in_progress: int) -> Iterator[Metric]:
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
        "Phrases, by what was remembered: the answer, the state of a prefix (hit), nothing (miss)",
        labels=["result"],
    )
    lookups.add_metric(["answer"], batcher.lookups.answers)
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
