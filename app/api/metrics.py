"""Prometheus metrics, in a registry of the application's own. Each worker counts for itself."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from app.batching import Batcher
    from app.model import Model

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Requests by route and status, their durations, and the models in service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "unrolled_requests",
            "Requests answered",
            ["route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "unrolled_request_seconds",
            "From the first byte read to the last one sent",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_progress = Gauge(
            "unrolled_requests_in_progress", "Requests being answered", registry=self.registry
        )
        # Looking a child up by its labels costs more than counting.
        self._count = cache(lambda route, status: self._requests.labels(route, status))
        self._time = cache(lambda route: self._seconds.labels(route))

    def record(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._count(route, str(status)).inc()
        self._time(route).observe(seconds)

    def exposition(self, models: "Mapping[str, Model]", batcher: "Batcher") -> bytes:
        """All metrics in Prometheus's text format, and a line for every loaded model."""
        return generate_latest(self.registry) + generate_latest(_Found(models, batcher))


class _Found(CollectorRegistry):
    """What is read off when it is asked for, not counted along the way."""

    def __init__(self, models: "Mapping[str, Model]", batcher: "Batcher") -> None:
        super().__init__()
        self._found = models
        self._batcher = batcher

    def collect(self) -> Iterable[Metric]:
        """One info gauge a model, and how the remembered states do."""
        family = GaugeMetricFamily(
            "unrolled_model_parameters",
            "Weights of a loaded model",
            labels=["model", "engine", "fingerprint"],
        )
        for name, model in self._found.items():
            labels = [name, model.engine.name, model.fingerprint[:12]]
            family.add_metric(labels, model.network.parameters)
        yield family
        lookups = CounterMetricFamily(
            "unrolled_prefix_lookups",
            "Phrases, by whether the state of a prefix was remembered",
            labels=["result"],
        )
        lookups.add_metric(["hit"], self._batcher.lookups.hits)
        lookups.add_metric(["miss"], self._batcher.lookups.misses)
        yield lookups
        yield GaugeMetricFamily(
            "unrolled_prefix_states", "Remembered states of prefixes", self._batcher.states
        )
