"""Two workers beside one: processor time a request, both asked at the very same moments.

    python -m benchmarks.workers [--model yardstick] [--rounds 5]

They are asked as in `benchmarks.keyboards`, so often that one worker is busy for a part of the
time. Clients that only wait for answers would show something else: each of two workers has half of
them, so that half as many phrases share a product.
"""

import argparse
import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks import contestants as who
from benchmarks.keyboards import CLIENT_CORE, LOADS, MODELS, SERVER_CORE, Service
from benchmarks.queueing import typed
from benchmarks.running import running
from benchmarks.serving import word_file
from benchmarks.timing import table
from benchmarks.yardstick import write_yardstick

WORKERS = (1, 2)
WORDS_PER_MINUTE = 600.0  # over a connection, which stands for twenty keyboards
SECONDS = 8.0


@contextlib.contextmanager
def service(folder: Path, model: str, words: list[str], workers: int) -> Iterator[Service]:
    """A service of so many workers on one core; its processor time is that of all processes."""
    one = who.ours(str(workers), folder, model, UNROLLED_WORKERS=str(workers))
    with running(one, SERVER_CORE, words[0]) as started:
        yield Service(started.url, family(started.pid), words)


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def costs(asked: Service, connections: int) -> float:
    """Seconds of the processor a request."""
    arrivals = typed(connections, WORDS_PER_MINUTE, SECONDS)
    seen, _ = asyncio.run(asked.asked(arrivals))
    return float(seen.busy * arrivals.times[-1] / len(arrivals.times))


def main() -> None:
    """Print what a request costs each of them, and the median of the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="yardstick")
    parser.add_argument("--rounds", type=int, default=5)
    told = parser.parse_args()
    os.sched_setaffinity(0, {CLIENT_CORE})
    rows: list[tuple[object, ...]] = []
    with tempfile.TemporaryDirectory() as made, contextlib.ExitStack() as stack:
        folder = Path(made)
        if told.model == "yardstick":
            write_yardstick(folder)
        else:
            (folder / told.model).symlink_to(MODELS / told.model)
        words = word_file(folder, folder / told.model).read_text().split()
        both = [
            stack.enter_context(service(folder, told.model, words, workers)) for workers in WORKERS
        ]
        alone = asyncio.run(both[0].cost(32, 3.0))
        for load in LOADS:
            connections = int(load / alone / (WORDS_PER_MINUTE / 60))
            turns = []
            for turn in range(told.rounds + 1):
                of = {at: costs(both[at], connections) for at in (turn % 2, 1 - turn % 2)}
                if turn:  # the first one warms both
                    turns.append((of[0], of[1], of[1] / of[0]))
            one, two, ratio = (median(column) for column in zip(*turns, strict=True))
            rows.append((load, connections, f"{one * 1e6:.0f}", f"{two * 1e6:.0f}", f"{ratio:.2f}"))
    print(table("busy, one worker | connections | µs a request, one | two | ratio", rows))


if __name__ == "__main__":
    main()
