"""What is counted of an application's requests. Each worker counts for itself.

Plain numbers, on the event loop's thread alone: the Prometheus client's counters take locks, and a
lock costs more than a prediction's share of a matrix product. `exposition.py` writes them down.
"""

from bisect import bisect_left
from collections import Counter

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Requests by route and status, and their durations by route in buckets up to `SECONDS`."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.durations: dict[str, list[int]] = {}  # how many in each bucket, the last unbounded
        self.seconds: Counter[str] = Counter()

    def record(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests[route, status] += 1
        self.seconds[route] += seconds  # type: ignore[assignment]
        buckets = self.durations.get(route)
        if buckets is None:
            buckets = self.durations[route] = [0] * (len(SECONDS) + 1)
        buckets[bisect_left(SECONDS, seconds)] += 1
