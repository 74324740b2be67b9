"""A whole run: input -> chunks -> here, worker processes or a cluster -> output, in order.

Memory is bounded by what is under way: one chunk here, a few for each worker. Knows nothing about
terminals; `report` hears of every finished chunk.
"""

import contextlib
import multiprocessing
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

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
    """In forked processes, which share the memory of the weights.

    Each has a thread here and a pipe of its own, whose end tells when it is killed, be it in the
    middle of an answer: a pool whose workers share a pipe would wait for the rest.
    """

    def spread(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Lines]]:
        waiting: deque[tuple[Chunk, Future[Lines]]] = deque()
        idle: SimpleQueue[Connection] = SimpleQueue()
        with _forked(model, question, workers, idle), _threads(workers) as threads:
            try:
                for chunk in chunks:
                    waiting.append((chunk, threads.submit(_ask, idle, chunk)))
                    if len(waiting) > _AHEAD * workers:
                        yield _next(waiting)
                while waiting:
                    yield _next(waiting)
            finally:
                threads.shutdown(wait=True, cancel_futures=True)

    return spread


def _next(waiting: "deque[tuple[Chunk, Future[Lines]]]") -> tuple[Chunk, Lines]:
    chunk, lines = waiting.popleft()
    return chunk, lines.result()


def _ask(idle: "SimpleQueue[Connection]", chunk: Chunk) -> Lines:
    """What a worker that has nothing to do answers. Raises HelperDied, and RuntimeError with the
    traceback of what it raised.
    """
    worker = idle.get()
    try:
        worker.send(chunk)
        answer = worker.recv()
    except (EOFError, OSError) as error:
        raise HelperDied("a worker was killed; the same command goes on from here") from error
    finally:
        idle.put(worker)
    if isinstance(answer, Exception):
        raise answer
    lines: Lines = answer
    return lines


def _threads(workers: int) -> ThreadPoolExecutor:
    """To them, what is written to a worker that was killed is an error, and not the end."""
    told = signal.SIG_BLOCK, {signal.SIGPIPE}
    return ThreadPoolExecutor(workers, "worker", signal.pthread_sigmask, told)


@contextlib.contextmanager
def _forked(
    model: Model, question: Question, workers: int, idle: "SimpleQueue[Connection]"
) -> Iterator[None]:
    """So many workers, and a pipe to each of them."""
    fork = multiprocessing.get_context("fork")
    processes = []
    try:
        for _ in range(workers):
            ours, theirs = fork.Pipe()
            process = fork.Process(target=_work, args=(theirs, ours, model, question), daemon=True)
            process.start()
            processes.append(process)
            theirs.close()  # the worker alone has it: it is closed when the worker ends
            idle.put(ours)
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def _work(pipe: Connection, other_end: Connection, model: Model, question: Question) -> None:
    """A worker: answer chunks until there is nobody to ask."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent sees to the end
    other_end.close()
    with contextlib.suppress(EOFError, OSError):
        while True:
            chunk = pipe.recv()
            try:
                pipe.send(predict(model, chunk.phrases, question))
            except OSError:
                raise
            except Exception:
                pipe.send(RuntimeError(traceback.format_exc()))
