"""Prometheus metrics, in a registry of the application's own. Each worker counts for itself."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

if TYPE_CHECKING:
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

    def exposition(self, models: "Mapping[str, Model]") -> bytes:
        """All metrics in Prometheus's text format, and a line for every loaded model."""
        return generate_latest(self.registry) + generate_latest(_Models(models))


class _Models(CollectorRegistry):
    def __init__(self, models: "Mapping[str, Model]") -> None:
        super().__init__()
        self._found = models

    def collect(self) -> Iterable[Metric]:
        """One info gauge a model."""
        family = GaugeMetricFamily(
            "unrolled_model_parameters",
            "Weights of a loaded model",
            labels=["model", "engine", "fingerprint"],
        )
        for name, model in self._found.items():
            labels = [name, model.engine.name, model.fingerprint[:12]]
            family.add_metric(labels, model.network.parameters)
        yield family
