"""A million keyboards, simulated; and the simulation beside the real service, at what it can carry.

    python -m benchmarks.keyboards [--model english] [--keyboards 1000000] [--share 0.6]

First what requests cost a process that answers 1 to 32 at a time, in seconds of its processor; then
the model of `benchmarks.queueing` with these, beside the service on one pinned core that is asked
at the very moments of the model; then all keyboards on as many processes as `--share` of their
throughput asks for, and the loss of one zone of three.
"""

import argparse
import asyncio
import json
import math
import os
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np

from benchmarks import contestants as who
from benchmarks.queueing import Arrivals, Seconds, answered, typed, with_burst
from benchmarks.running import running
from benchmarks.timing import table

MODELS = who.ROOT / "models"
SERVER_CORE, CLIENT_CORE = 0, 1
MOST = 32  # UNROLLED_MAX_BATCH
WORDS_PER_MINUTE = 30.0
MEASURED = (1, 2, 4, 8, 16, 32)
LOADS = (0.2, 0.4, 0.6)  # of the throughput, for the comparison
BURST = (3.0, 5.0)  # seconds, with half as many requests again
LOST_AFTER, UNTIL = 8.0, 16.0
SENTENCE = 8  # words
RECONNECT = (0.5, 1.5)  # seconds until a keyboard whose zone is lost asks another


@dataclass(frozen=True)
class Seen:
    """Latencies [N] in seconds, and the share of the time that the process was busy."""

    latencies: Seconds
    busy: float

    def cells(self) -> tuple[str, ...]:
        p50, p99 = 1e3 * np.percentile(self.latencies, (50, 99))
        return f"{p50:.1f}", f"{p99:.1f}", f"{self.busy:.2f}"


class Service:
    """The real one: connections, phrases that were never asked before, and its processor time."""

    def __init__(self, url: str, pids: Iterable[int], words: list[str]) -> None:
        self._address, self._pids, self._words = urlsplit(url), tuple(pids), words

    def requests(self) -> Iterator[bytes]:
        """One keyboard's: sentences, asked word by word."""
        while True:
            sentence = random.choices(self._words, k=SENTENCE)
            for end in range(1, SENTENCE + 1):
                phrase = quote(" ".join(sentence[:end]))
                yield f"GET /v1/predict?phrase={phrase} HTTP/1.1\r\nHost: unrolled\r\n\r\n".encode()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._address.hostname, self._address.port)

    def busy(self) -> float:
        """Seconds of the processor so far."""
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2] for pid in self._pids]
        ticks = sum(int(tick) for stat in stats for tick in stat.split()[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")

    async def cost(self, clients: int, seconds: float) -> float:
        """What one request costs, with so many at any time."""
        count, enough = 0, time.perf_counter() + seconds

        async def client() -> None:
            nonlocal count
            reader, writer = await self.connect()
            requests = self.requests()
            while time.perf_counter() < enough:
                await ask(reader, writer, next(requests))
                count += 1
            writer.close()

        before = self.busy()
        await asyncio.gather(*(client() for _ in range(clients)))
        return (self.busy() - before) / count

    async def asked(self, arrivals: Arrivals) -> tuple[Seen, float]:
        """What happens when it is asked just then, each keyboard over its own connection; and by
        how much the median request was sent too late.
        """
        latencies, late = np.empty(len(arrivals.times)), np.empty(len(arrivals.times))
        begin, before = time.perf_counter() + 1, 0.0

        async def keyboard(numbers: list[int]) -> None:
            reader, writer = await self.connect()
            requests = self.requests()
            for number in numbers:
                due = begin + arrivals.times[number]
                await asyncio.sleep(due - time.perf_counter())
                sent = time.perf_counter()
                await ask(reader, writer, next(requests))
                latencies[number], late[number] = time.perf_counter() - sent, sent - due
            writer.close()

        by: dict[int, list[int]] = {}
        for number, one in enumerate(arrivals.keyboards.tolist()):
            by.setdefault(one, []).append(number)
        before = self.busy()
        await asyncio.gather(*(keyboard(numbers) for numbers in by.values()))
        busy = (self.busy() - before) / arrivals.times[-1]
        return Seen(latencies, busy), float(np.median(late))


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)


def service_times(costs: dict[int, float]) -> Seconds:
    """Seconds for 0 to MOST requests together; what was not measured lies on a line between."""
    known = np.array([0, *costs])
    lasting: Seconds = np.interp(
        np.arange(MOST + 1), known, np.array([0, *(n * cost for n, cost in costs.items())])
    )
    return lasting


def compared(service: Service, lasting: Seconds, seconds: float) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for load in LOADS:
        keyboards = int(load * MOST / lasting[MOST] / (WORDS_PER_MINUTE / 60))
        arrivals = typed(keyboards, WORDS_PER_MINUTE, seconds)
        ends, busy = answered(arrivals.times, lasting)
        expected = Seen(ends - arrivals.times, busy / arrivals.times[-1])
        real, late = asyncio.run(service.asked(arrivals))
        rows.append((f"{load}", keyboards, *expected.cells(), *real.cells(), f"{1e3 * late:.1f}"))
    return rows


def million(keyboards: int, share: float, lasting: Seconds) -> list[tuple[object, ...]]:
    """Before and after one zone of three is lost."""
    arrivals = with_burst(typed(keyboards, WORDS_PER_MINUTE, UNTIL), *BURST, 0.5)
    rate = keyboards * WORDS_PER_MINUTE / 60
    cores = 3 * math.ceil(rate * lasting[MOST] / MOST / share / 3)
    asked, process = arrivals.times.copy(), arrivals.keyboards % cores
    rng = np.random.default_rng(1)
    lost = process % 3 == 0  # requests of keyboards of the zone
    latencies = np.zeros(len(asked))
    for one in range(0, cores, 3):
        (mine,) = (process == one).nonzero()
        ends, _ = answered(asked[mine], lasting)
        latencies[mine] = ends - asked[mine]
        lost[mine[ends <= LOST_AFTER]] = False
    elsewhere = rng.integers(cores // 3, size=keyboards) * 3 + rng.integers(1, 3, size=keyboards)
    process[lost] = elsewhere[arrivals.keyboards[lost]]
    first = lost & (arrivals.times < LOST_AFTER)  # were under way when it was lost
    asked[first] = LOST_AFTER + rng.uniform(*RECONNECT, first.sum())
    for one in (core for core in range(cores) if core % 3):
        (mine,) = (process == one).nonzero()
        mine = mine[np.argsort(asked[mine])]
        ends, _ = answered(asked[mine], lasting)
        latencies[mine] = ends - arrivals.times[mine]
    rows: list[tuple[object, ...]] = []
    for name, begin, end in (
        ("all zones", 1, BURST[0]),
        ("a burst", *BURST),
        ("the second before", LOST_AFTER - 1, LOST_AFTER),
        ("the second after", LOST_AFTER, LOST_AFTER + 1),
        ("two zones", LOST_AFTER + 1, UNTIL),
    ):
        chosen = latencies[(arrivals.times >= begin) & (arrivals.times < end)]
        p50, p99, most = 1e3 * np.percentile(chosen, (50, 99, 100))
        rows.append(
            (share, cores, name, f"{len(chosen):,}", f"{p50:.1f}", f"{p99:.1f}", f"{most:.0f}")
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="english")
    parser.add_argument("--keyboards", type=int, default=1_000_000)
    parser.add_argument("--share", type=float, default=0.6)
    parser.add_argument("--seconds", type=float, default=8, help="of each comparison")
    arguments = parser.parse_args()
    vocabulary = json.loads((MODELS / arguments.model / "vocabulary.json").read_text())
    words = [word for word in vocabulary if word.isalpha()]
    os.sched_setaffinity(0, {CLIENT_CORE})
    contestant = who.ours(arguments.model, MODELS, arguments.model)
    with running(contestant, SERVER_CORE, words[0]) as one:
        service = Service(one.url, [one.pid], words)
        costs = {n: asyncio.run(service.cost(n, 1.5)) for n in MEASURED}
        print(table("requests together | ms each", [(n, f"{1e3 * costs[n]:.3f}") for n in costs]))
        lasting = service_times(costs)
        head = "load | keyboards | p50 | p99 | busy | real p50 | p99 | busy | sent late, ms"
        print(table(head, compared(service, lasting, arguments.seconds)))
    head = "share | processes | | requests | p50, ms | p99 | longest"
    print(table(head, million(arguments.keyboards, arguments.share, lasting)))


if __name__ == "__main__":
    main()
