"""Concurrent requests -> one matrix product.

A phrase that arrives is queued, and the event loop goes on reading what else has arrived. Once a
turn of the loop brings nothing new, everything that waits is multiplied together: one recurrent
step for all phrases at once, one output product, one pass for the best words. While that runs,
further requests gather in their sockets and make up the next batch. There is no timer and no
waiting for company: to a lone request the batching costs two empty turns of the loop.

The product runs on the event loop's own thread. A worker thread would have to hand the
interpreter's lock back and forth, which costs more than it wins (benchmarks/README.md has the
figures); `max_batch` bounds how long the loop is away. For more cores there are more workers.

Knows ids, engines and queues; nothing about HTTP or JSON. Not for several threads at once.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary

from app.engines.base import Outputs
from app.engines.numpy_engine import softmax
from app.engines.prefixes import Lookups, Runner
from app.engines.topk import BATCHED_K, Ranking, best_of_rows
from app.errors import NotFinite, Overloaded
from app.model import Model, check_finite
from app.network import Context

_STATE_BYTES = 32 << 20  # of remembered states, for each model

Result = Ranking | Outputs | Exception
_Answer = TypeVar("_Answer", Ranking, Outputs)


@dataclass(slots=True, eq=False)
class _Job:
    """Contexts that one caller waits for. `k` None asks for whole distributions."""

    contexts: Sequence[Context]
    k: int | None
    results: asyncio.Future[list[Result]]


class Batcher:
    """Computes what an application's requests ask of its models.

    A batch has phrases of one model, up to `max_batch`; models take turns. At most `max_queue`
    phrases wait.
    """

    def __init__(
        self, max_batch: int = 32, max_queue: int = 1024, state_bytes: int = _STATE_BYTES
    ) -> None:
        self.lookups = Lookups()
        self._max_batch = max_batch
        self._max_queue = max_queue
        self._state_bytes = state_bytes
        self._queues: OrderedDict[Model, deque[_Job]] = OrderedDict()
        self._waiting = 0  # phrases in all queues
        self._seen = 0  # how many there were a turn ago
        self._scheduled = False
        self._runners: WeakKeyDictionary[Model, Runner] = WeakKeyDictionary()

    @property
    def states(self) -> int:
        """Remembered states of all models in service."""
        return sum(len(runner.states) for runner in self._runners.values())

    async def rank(self, model: Model, context: Context, k: int) -> Ranking:
        """The k most probable words that may be suggested, k <= BATCHED_K.

        Raises Overloaded where the queue is full, NotFinite where the network overflows.
        """
        return _only(Ranking, await self._submit(model, [context], min(k, BATCHED_K)))

    async def outputs(self, model: Model, context: Context) -> Outputs:
        """Logits [V] and probabilities [V]. Raises as `rank` does."""
        return _only(Outputs, await self._submit(model, [context], None))

    async def rank_all(
        self, model: Model, contexts: Sequence[Context], k: int
    ) -> list[Ranking | Exception]:
        """`rank` for many: a batch at a time, so that others get their turns in between."""
        results: list[Ranking | Exception] = []
        async for chunk in self._chunks(model, contexts, min(k, BATCHED_K)):
            results += [result for result in chunk if not isinstance(result, Outputs)]
        return results

    async def outputs_all(
        self, model: Model, contexts: Sequence[Context]
    ) -> AsyncIterator[Outputs | Exception]:
        """`outputs` for many, in order, without ever holding more than a batch of them."""
        async for chunk in self._chunks(model, contexts, None):
            for result in chunk:
                if not isinstance(result, Ranking):
                    yield result

    async def _chunks(
        self, model: Model, contexts: Sequence[Context], k: int | None
    ) -> AsyncIterator[list[Result]]:
        size = min(self._max_batch, self._max_queue)
        for start in range(0, len(contexts), size):
            yield await self._submit(model, contexts[start : start + size], k)

    def _submit(
        self, model: Model, contexts: Sequence[Context], k: int | None
    ) -> asyncio.Future[list[Result]]:
        if self._waiting + len(contexts) > self._max_queue:
            raise Overloaded("too many phrases are waiting")
        loop = asyncio.get_running_loop()
        job = _Job(contexts, k, loop.create_future())
        self._queues.setdefault(model, deque()).append(job)
        self._waiting += len(contexts)
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._turn, loop)
        return job.results

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Compute a batch, unless the loop's last turn brought new phrases: more may follow."""
        if self._seen < self._waiting < self._max_batch:
            self._seen = self._waiting
            loop.call_soon(self._turn, loop)
            return
        model, jobs = self._next_batch()
        if jobs:
            self._answer(model, jobs)
        self._seen = 0
        self._scheduled = bool(self._queues)
        if self._scheduled:
            loop.call_soon(self._turn, loop)

    def _next_batch(self) -> tuple[Model, list[_Job]]:
        """The jobs of the model whose turn it is, without those that nobody waits for any more."""
        model, queue = self._queues.popitem(last=False)
        jobs: list[_Job] = []
        room = self._max_batch
        while queue and (not jobs or len(queue[0].contexts) <= room):
            job = queue.popleft()
            self._waiting -= len(job.contexts)
            if not job.results.cancelled():
                jobs.append(job)
                room -= len(job.contexts)
        if queue:
            self._queues[model] = queue  # at the end: the other models come first
        return model, jobs

    def _answer(self, model: Model, jobs: Sequence[_Job]) -> None:
        """Run a batch; where that fails, each phrase alone, so that no one pays for a neighbour."""
        runner = self._runner(model)
        asked = [(context, job.k) for job in jobs for context in job.contexts]
        try:
            results = _run(runner, model, asked)
        except Exception:
            results = [_run_alone(runner, model, one) for one in asked]
        start = 0
        for job in jobs:
            job.results.set_result(results[start : start + len(job.contexts)])
            start += len(job.contexts)

    def _runner(self, model: Model) -> Runner:
        """The model's runner; its remembered states live as long as the model."""
        runner = self._runners.get(model)
        if runner is None:
            length = model.options.max_length
            runner = Runner(model.engine, length, self._state_bytes, self.lookups)
            self._runners[model] = runner
        return runner


_Asked = tuple[Context, int | None]


def _run(runner: Runner, model: Model, asked: Sequence[_Asked]) -> list[Result]:
    logits = runner.logits([context for context, _ in asked])  # [B, V]
    whole = {row: logits[row].copy() for row, (_, k) in enumerate(asked) if k is None}
    rankings = best_of_rows(logits, max(k or 1 for _, k in asked), model.barred)
    results: list[Result] = []
    for row, (ranking, (_, k)) in enumerate(zip(rankings, asked, strict=True)):
        if ranking is None:
            results.append(NotFinite("the network's numbers overflow for this phrase"))
        elif k is None:
            check_finite(whole[row])
            results.append(Outputs(whole[row], softmax(whole[row])))
        else:
            results.append(Ranking(ranking.ids[:k], ranking.probabilities[:k]))
    return results


def _run_alone(runner: Runner, model: Model, one: _Asked) -> Result:
    try:
        return _run(runner, model, [one])[0]
    except Exception as error:  # whatever it is, it belongs to this phrase's caller
        return error


def _only(kind: type[_Answer], results: Sequence[Result]) -> _Answer:
    """The result of a lone phrase. Raises where it is an error."""
    [result] = results
    if isinstance(result, Exception):
        raise result
    if not isinstance(result, kind):
        raise TypeError(f"asked for {kind.__name__}, got {type(result).__name__}")
    return result
