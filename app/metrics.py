"""What is counted of a service, whichever of its processes does the work.

Plain numbers in shared memory: the Prometheus client's counters take locks, and a lock costs more
than a prediction's share of a matrix product. `http/exposition.py` writes them down. A method is
called on the event loop's thread, `reloaded` by whoever reloads, one at a time.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.shared_numbers import FULL, GAUGE, Key, Series, SharedNumbers

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_QUEUE_SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)
_PHRASES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Family(NamedTuple):
    """Numbers of one meaning. A histogram has `bounds`; its buckets come before its sum."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


REQUESTS = Family("unrolled_requests", "counter", "Requests answered", ("route", "status", "model"))
DURATIONS = Family(
    "unrolled_request_seconds",
    "histogram",
    "From the first byte read to the last one sent",
    ("route",),
    SECONDS,
)
IN_PROGRESS = Family("unrolled_requests_in_progress", GAUGE, "Requests being answered")
CANCELLED = Family(
    "unrolled_cancelled", "counter", "Requests whose client left before the answer", ("model",)
)
BATCHES = Family(
    "unrolled_batch_phrases",
    "histogram",
    "Rows of one product: phrases, one that several callers wait for once; its count are products",
    ("model",),
    _PHRASES,
)
WAITED = Family(
    "unrolled_queue_seconds",
    "histogram",
    "From a phrase's arrival to the begin of its computation",
    ("model",),
    _QUEUE_SECONDS,
)
WAITING = Family("unrolled_queue_phrases", GAUGE, "Phrases that wait to be computed")
LOOKUPS = Family(
    "unrolled_prefix_lookups",
    "counter",
    "Phrases, by what was remembered: the answer, the state of a prefix (hit), nothing (miss)",
    ("result",),
)
STATES = Family("unrolled_prefix_states", GAUGE, "Remembered states of prefixes")
RELOADS = Family(
    "unrolled_reloads",
    "counter",
    "Model folders read anew, by outcome; each worker reads for itself",
    ("outcome",),
)
RESTARTS = Family("unrolled_worker_restarts", "counter", "Workers that ended and were replaced")
UNCOUNTED = Family(FULL[1], "counter", "What was not counted, for lack of room for more labels")
OUTCOMES = ("loaded", "refused", "waiting", "failed")
FAMILIES = (
    REQUESTS,
    DURATIONS,
    IN_PROGRESS,
    CANCELLED,
    BATCHES,
    WAITED,
    WAITING,
    LOOKUPS,
    STATES,
    RELOADS,
    RESTARTS,
    UNCOUNTED,
)
# Not written down: what the processes tell each other.
_PID = Family("pid", GAUGE, "A process's id", ("process",))
_TROUBLE = Family("trouble", GAUGE, "Whether workers keep dying")


class _Series(dict[tuple[str, ...], Series]):
    """This process's numbers of a family, by labels; made when they are first asked for."""

    def __init__(self, numbers: SharedNumbers, family: Family) -> None:
        super().__init__()
        self._numbers = numbers
        self._family = family

    def __missing__(self, labels: tuple[str, ...]) -> Series:
        family = self._family
        size = len(family.bounds) + 2 if family.bounds else 1
        series = self[labels] = self._numbers.series((family.kind, family.name, *labels), size)
        return series


class _Over(dict[tuple[str, int, str | None], tuple[Series, Series]]):
    """What a request that is over is counted in, by route, status and model."""

    def __init__(self, requests: _Series, durations: _Series) -> None:
        super().__init__()
        self._requests = requests
        self._durations = durations

    def __missing__(self, over: tuple[str, int, str | None]) -> tuple[Series, Series]:
        route, status, model = over
        counted = self._requests[route, str(status), model or ""], self._durations[(route,)]
        self[over] = counted
        return counted


class Metrics:
    """One process's counts, and the sums of all processes that share `numbers`."""

    def __init__(self, numbers: SharedNumbers | None = None) -> None:
        self.numbers = numbers = numbers or SharedNumbers()
        self._over = _Over(_Series(numbers, REQUESTS), _Series(numbers, DURATIONS))
        self._cancelled = _Series(numbers, CANCELLED)
        self._batches = _Series(numbers, BATCHES)
        self._waited = _Series(numbers, WAITED)
        self._reloads = _Series(numbers, RELOADS)
        self._lookups = _Series(numbers, LOOKUPS)
        self.in_progress = _Series(numbers, IN_PROGRESS)[()]
        self.waiting = _Series(numbers, WAITING)[()]
        self.states = _Series(numbers, STATES)[()]
        self.restarts = _Series(numbers, RESTARTS)[()]
        self._trouble = _Series(numbers, _TROUBLE)[()]
        for outcome in OUTCOMES:  # a rate needs to see the 0 before the 1
            self._reloads[(outcome,)]
        self.recalled = self._lookups[("answer",)]  # phrases whose answer was remembered
        for result in ("hit", "miss"):
            self._lookups[(result,)]
        self._cancelled[("",)]

    def answered(self, route: str, status: int, seconds: float, model: str | None) -> None:
        """Count a request that is over; 499 is one whose client has left."""
        requests, durations = self._over[route, status, model]
        requests[0] += 1
        _observe(durations, SECONDS, seconds)
        if status == 499:
            self.cancelled(model)

    def cancelled(self, model: str | None) -> None:
        """Count an answer that was given up because its client left."""
        self._cancelled[(model or "",)][0] += 1

    def executed(self, model: str, waited: Sequence[float]) -> None:
        """Count one product, with the seconds that each of its phrases had waited."""
        _observe(self._batches[(model,)], _PHRASES, len(waited))
        series = self._waited[(model,)]
        for seconds in waited:
            _observe(series, _QUEUE_SECONDS, seconds)

    def looked_up(self, result: str, count: int = 1) -> None:
        """Count phrases by what was remembered of them: hit, miss."""
        self._lookups[(result,)][0] += count

    def reloaded(self, outcome: str) -> None:
        """Count a model folder that was read anew, by one of `OUTCOMES`."""
        self._reloads[(outcome,)][0] += 1

    def is_process(self, name: str, pid: int) -> None:
        """Say which process counts here."""
        _Series(self.numbers, _PID)[(name,)][0] = pid

    def set_trouble(self, trouble: bool) -> None:
        """Say whether workers keep dying."""
        self._trouble[0] = trouble

    def in_trouble(self) -> bool:
        """Whether any process has said so."""
        return any(series[0] for series in self.numbers.each((GAUGE, _TROUBLE.name)))


def processes(totals: Mapping[Key, Sequence[float]]) -> dict[str, int]:
    """Names and process ids of those that count, among all that is counted."""
    return {
        key[2]: int(found[0])
        for key, found in totals.items()
        if key[:2] == (GAUGE, _PID.name) and found[0]
    }


def _observe(series: Series, bounds: Sequence[float], value: float) -> None:
    series[bisect_left(bounds, value)] += 1
    series[-1] += value
