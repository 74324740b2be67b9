"""The service itself, but with its products on a worker thread. `python worker_thread.py PORT`.

The event loop reads requests while BLAS multiplies; each hands the interpreter's lock to the other.
"""

import asyncio
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import app.main
from app.server import serve
from app.serving import batching
from app.serving.results import results_of
from app.settings import Settings


class WorkerThread(batching.Batcher):
    """The batcher, computing one batch at a time beside the event loop."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._worker = ThreadPoolExecutor(1)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._seen < self._waiting < self._max_batch:
            self._seen = self._waiting
            loop.call_soon(self._turn, loop)
            return
        model, rows = self._next_batch()
        asked = [(alike[0].context, alike[0].wish, alike[0].state) for alike in rows]
        done = self._worker.submit(results_of, self._serving(model).runner.run, model, asked)
        done.add_done_callback(
            lambda done: loop.call_soon_threadsafe(self._hand_out, loop, rows, done)
        )

    def _hand_out(self, loop: asyncio.AbstractEventLoop, rows: Any, done: Future[Any]) -> None:
        for alike, result in zip(rows, done.result(), strict=True):
            for job in alike:
                batching._give(job, result)
        self._seen = 0
        self._scheduled = bool(self._queues)
        if self._scheduled:
            self._turn(loop)


app.main.Batcher = WorkerThread  # type: ignore[misc]
sys.exit(serve(Settings(port=int(sys.argv[1]))))
