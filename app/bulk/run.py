"""A whole run: input -> chunks -> here, worker processes or a cluster -> output, in order.

Memory is bounded by what is under way: one chunk here, a few for each worker. Knows nothing about
terminals; `report` hears of every finished chunk.
"""

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from app.bulk.output import Identity, Output
from app.bulk.predict import Lines, Question, predict
from app.bulk.source import Chunk, Source
from app.errors import HelperDied
from app.model import Model

# What turns chunks into lines, in order, as many at a time as it likes.
Spread = Callable[[Iterable[Chunk]], Iterator[tuple[Chunk, Lines]]]
_AHEAD = 2  # chunks for each worker, so that none waits for the next


@dataclass(frozen=True, slots=True)
class Progress:
    """After a chunk: `rate` is phrases a second of this run, `seconds_left` None at its start."""

    lines: int
    problems: int
    read: float
    rate: float
    seconds_left: float | None


Report = Callable[[Progress], None]


def run(
    source: Source, path: Path, model: Model, question: Question, spread: Spread, report: Report
) -> Output:
    """Answer every phrase of `source` into `path`; what was finished before is not done again.

    Raises OtherRun, CorpusError, HelperDied; what is finished by then stays.
    """
    with Output(path, _identity(source, model, question)) as output:
        if output.finished:
            return output
        clock = _Clock(output.lines)
        for chunk, lines in spread(source.chunks(output.lines)):
            output.append(lines.data, lines.lines, lines.problems)
            report(clock.progress(output, chunk.read))
        output.finish()
        return output


def _identity(source: Source, model: Model, question: Question) -> Identity:
    """What an output is of."""
    return {
        "input_sha256": source.digest(),
        "column": source.column,
        "model": model.id,
        "fingerprint": model.fingerprint,
        "top_k": question.top_k,
        "prefix": question.prefix,
    }


class _Clock:
    """The rate of this run, which says nothing about the phrases of an earlier one."""

    def __init__(self, lines: int) -> None:
        self._began, self._lines = time.monotonic(), lines
        self._first: tuple[float, float] | None = None

    def progress(self, output: Output, read: float) -> Progress:
        now = time.monotonic()
        rate = (output.lines - self._lines) / max(now - self._began, 1e-9)
        left = None
        if self._first is None:
            self._first = (now, read)
        elif read > self._first[1]:
            left = (now - self._first[0]) / (read - self._first[1]) * (1 - read)
        return Progress(output.lines, output.problems, read, rate, left)


def here(model: Model, question: Question) -> Spread:
    """In this process."""

    def spread(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Lines]]:
        for chunk in chunks:
            yield chunk, predict(model, chunk.phrases, question)

    return spread


def in_processes(model: Model, question: Question, workers: int) -> Spread:
    """In forked processes, which share the memory of the weights."""

    def spread(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Lines]]:
        waiting: deque[tuple[Chunk, Future[Lines]]] = deque()
        fork = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(workers, fork, _begin_worker, (model, question)) as pool:
            try:
                for chunk in chunks:
                    waiting.append((chunk, pool.submit(_in_worker, chunk)))
                    if len(waiting) > _AHEAD * workers:
                        yield _next(waiting)
                while waiting:
                    yield _next(waiting)
            except BrokenProcessPool as error:
                raise HelperDied("a worker was killed; the same command goes on from here") from (
                    error
                )
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    return spread


def _next(waiting: "deque[tuple[Chunk, Future[Lines]]]") -> tuple[Chunk, Lines]:
    chunk, lines = waiting.popleft()
    return chunk, lines.result()


_of_worker: list[tuple[Model, Question]] = []  # what this process, a worker, answers


def _begin_worker(model: Model, question: Question) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent sees to the end
    _of_worker.append((model, question))


def _in_worker(chunk: Chunk) -> Lines:
    model, question = _of_worker[0]
    return predict(model, chunk.phrases, question)
