"""Concurrent requests -> one matrix product.

A phrase that arrives is queued, and the event loop goes on reading what else has arrived. Once a
turn of the loop brings nothing new, everything that waits is multiplied together: one recurrent
step for all phrases at once, one output product, one pass for the best words. While that runs,
further requests gather in their sockets and make up the next batch. There is no timer and no
waiting for company: to a lone request the batching costs two empty turns of the loop.

The product runs on the event loop's own thread. A worker thread would have to hand the
interpreter's lock back and forth, which costs more than it wins (benchmarks/README.md has the
figures); `max_batch` bounds how long the loop is away. For more cores there are more workers.

What was answered last is remembered: a phrase that comes again costs no product and does not queue.
People type the same beginnings, and a keyboard asks again about a phrase with every letter of the
next word.

Many phrases of one caller (`in_batches`) are company enough for each other: they run on a
thread of their caller's, in larger products, and the loop goes on answering beside them.

Knows ids, engines and queues; nothing about HTTP or JSON. A Batcher is not for several threads.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple, cast
from weakref import finalize

import numpy as np

from app.engines.activations import softmax
from app.engines.base import Outputs
from app.engines.prefixes import Lookups, Runner, logits_afresh
from app.engines.topk import BATCHED_K, Ranking, best_of_rows
from app.errors import NotFinite, Overloaded
from app.metrics import Metrics
from app.model import Model
from app.network import Context, Floats
from app.serving.drawing import Drawn, draw
from app.serving.lru import Recent
from app.serving.sampling import Sampler

_STATE_BYTES = 32 << 20  # of remembered states, for each model
_ANSWERS = 4096  # remembered for each model: rankings of at most BATCHED_K words
_KEYS = 1 << 20  # ids in what they are remembered by
_OUTPUT_BYTES = 8 << 20  # of remembered distributions, for each model
_CALLERS_BATCH = 256  # phrases of one caller in one product
_ROWS = 32  # of logits that are ranked at a time, so that they stay in the cache


class Step(NamedTuple):
    """The word that was drawn after some ids, None where none can be; the logits [V] that it was
    drawn from, not to be written to; the state [H] that they led to, None where none is carried.
    """

    drawn: Drawn | None
    logits: Floats
    state: Floats | None


Result = Ranking | Outputs | Exception
_Answer = Result | Step
_Wish = int | None | Sampler  # the k best words, the whole distribution, a word that is drawn


@dataclass(slots=True, eq=False)
class _Job:
    """A context that a caller waits for. `state` is what ids before the context led to, None for
    zeros.
    """

    context: Context
    wish: _Wish
    result: asyncio.Future[Any]
    state: Floats | None = None
    arrived: float = field(default_factory=perf_counter)


@dataclass(frozen=True)
class _Served:
    """What is kept for a model while it is in service; `rankings` with the k they answered."""

    runner: Runner
    rankings: Recent[Context, tuple[int, Ranking]]
    outputs: Recent[Context, Outputs]


class Batcher:
    """Computes what an application's requests ask of its models.

    A batch has phrases of one model, up to `max_batch`; models take turns. At most `max_queue`
    phrases wait. `state_bytes` and `remembered` bound what is kept of earlier phrases; 0 keeps
    nothing. What is done is counted in `metrics`.
    """

    def __init__(
        self,
        max_batch: int = 32,
        max_queue: int = 1024,
        state_bytes: int = _STATE_BYTES,
        remembered: int = _ANSWERS,
        metrics: Metrics | None = None,
    ) -> None:
        self.metrics = metrics or Metrics()
        self._lookups = Lookups()  # of the batch that is being computed
        self._max_batch = max_batch
        self._max_queue = max_queue
        self._state_bytes = state_bytes
        self._remembered = remembered
        self._queues: OrderedDict[Model, deque[_Job]] = OrderedDict()
        self._waiting = 0  # phrases in all queues
        self._seen = 0  # how many there were a turn ago
        self._scheduled = False
        self._served: dict[int, _Served] = {}  # by id() of models that live

    @property
    def states(self) -> int:
        """Remembered states of all models in service."""
        return sum(len(served.runner.states) for served in self._served.values())

    async def rank(self, model: Model, context: Context, k: int) -> Ranking:
        """The k most probable words that may be suggested, k <= BATCHED_K.

        Raises Overloaded where the queue is full, NotFinite where the network overflows.
        """
        k = min(k, BATCHED_K)
        rankings = self._serving(model).rankings
        known = rankings.get(context)
        if known is not None and known[0] >= k:
            self.metrics.recalled[0] += 1
            return Ranking(known[1].ids[:k], known[1].probabilities[:k])
        ranking: Ranking = await self._submit(model, context, k)
        rankings.keep(context, (k, ranking))
        return ranking

    async def outputs(self, model: Model, context: Context) -> Outputs:
        """Logits [V] and probabilities [V], not to be written to. Raises as `rank` does."""
        known = self._serving(model).outputs
        outputs = known.get(context)
        if outputs is None:
            outputs = await self._submit(model, context, None)
            known.keep(context, outputs)
        else:
            self.metrics.recalled[0] += 1
        return outputs

    async def step(
        self, model: Model, context: Context, state: Floats | None, sampler: Sampler
    ) -> Step:
        """A word after `context`, which goes on from `state` or begins with zeros.

        A text that has begun goes on: it is not refused where the queue is full.
        """
        step: Step = await self._enqueue(model, context, sampler, state)
        return step

    def _submit(self, model: Model, context: Context, k: int | None) -> asyncio.Future[Any]:
        if self._waiting >= self._max_queue:
            raise Overloaded("too many phrases are waiting")
        return self._enqueue(model, context, k)

    def _enqueue(
        self, model: Model, context: Context, wish: _Wish, state: Floats | None = None
    ) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        job = _Job(context, wish, loop.create_future(), state)
        queue = self._queues.get(model)
        if queue is None:
            queue = self._queues[model] = deque()
        queue.append(job)
        self._waiting += 1
        self.metrics.waiting[0] += 1
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._turn, loop)
        return job.result

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
        while queue and len(jobs) < self._max_batch:
            job = queue.popleft()
            self._waiting -= 1
            self.metrics.waiting[0] -= 1
            if not job.result.cancelled():
                jobs.append(job)
        if queue:
            self._queues[model] = queue  # at the end: the other models come first
        return model, jobs

    def _answer(self, model: Model, jobs: Sequence[_Job]) -> None:
        asked = [(job.context, job.wish, job.state) for job in jobs]
        begin = perf_counter()
        self.metrics.executed(model.id, [begin - job.arrived for job in jobs])
        for job, result in zip(
            jobs, _results(self._serving(model).runner.run, model, asked), strict=True
        ):
            if isinstance(result, Exception):
                job.result.set_exception(result)
            else:
                job.result.set_result(result)
        self._count()

    def _count(self) -> None:
        """Say what was found of a batch, and what is remembered by now."""
        found = self._lookups
        self.metrics.looked_up("hit", found.hits)
        self.metrics.looked_up("miss", found.misses)
        found.hits = found.misses = 0
        self.metrics.states[0] = self.states

    def _serving(self, model: Model) -> _Served:
        """What is kept for the model, for as long as the model lives."""
        served = self._served.get(id(model))
        if served is None:
            length, V = model.options.max_length, model.network.classes
            runner = Runner(model.engine, length, self._state_bytes, self._lookups)
            most = min(self._remembered, _KEYS // length)
            distributions = min(most, _OUTPUT_BYTES // (8 * V))
            served = _Served(runner, Recent(most), Recent(distributions))
            self._served[id(model)] = served
            finalize(model, self._served.pop, id(model))
        return served


def in_batches(model: Model, contexts: Sequence[Context], k: int | None) -> Iterator[Result]:
    """Many phrases of one caller, in order, on the calling thread: rankings of k <= BATCHED_K
    words, or whole outputs where k is None. What cannot be computed is an exception in its place.
    """
    run = partial(_afresh, model)
    for start in range(0, len(contexts), _CALLERS_BATCH):
        asked = [(context, k, None) for context in contexts[start : start + _CALLERS_BATCH]]
        yield from cast(list[Result], _results(run, model, asked))  # no steps: none was asked


def _afresh(
    model: Model, contexts: Sequence[Context], _carried: Mapping[int, Floats]
) -> tuple[Floats, None]:
    """As `Runner.run`, without states."""
    return logits_afresh(model.engine, model.options.max_length, contexts), None


_Asked = tuple[Context, _Wish, Floats | None]
_Run = Callable[[Sequence[Context], Mapping[int, Floats]], tuple[Floats, Floats | None]]


def _results(run: _Run, model: Model, asked: Sequence[_Asked]) -> list[_Answer]:
    """All at once; where that fails, each alone, so that no one pays for a neighbour."""
    try:
        return _computed(run, model, asked)
    except Exception as error:
        if len(asked) == 1:  # whatever it is, it belongs to this phrase's caller
            return [error]
        return [result for one in asked for result in _results(run, model, [one])]


def _computed(run: _Run, model: Model, asked: Sequence[_Asked]) -> list[_Answer]:
    carried = {row: state for row, (*_, state) in enumerate(asked) if state is not None}
    logits, states = run([context for context, *_ in asked], carried)  # [B, V], [B, H]
    results: list[_Answer] = []
    for start in range(0, len(asked), _ROWS):
        rows = slice(start, start + _ROWS)
        wishes = [wish for _, wish, _ in asked[rows]]
        results += _answers(logits[rows], None if states is None else states[rows], model, wishes)
    return results


def _answers(
    logits: Floats, states: Floats | None, model: Model, wishes: Sequence[_Wish]
) -> Iterator[_Answer]:
    """Of some rows of `logits` [n, V], which may be overwritten if no word is drawn from them."""
    rankings = _ranked(logits, model, wishes)
    steps = _stepped(logits, states, wishes)
    for row, wish in zip(logits, wishes, strict=True):
        if isinstance(wish, Sampler):
            yield next(steps)
            continue
        ranking = next(rankings) if wish else None
        if ranking is not None:
            yield Ranking(ranking.ids[:wish], ranking.probabilities[:wish])
        elif wish or not np.isfinite(row).all():
            yield NotFinite("the network's numbers overflow for this phrase")
        else:
            yield Outputs(row.copy(), softmax(row))


def _ranked(logits: Floats, model: Model, wishes: Sequence[_Wish]) -> Iterator[Ranking | None]:
    """Of the rows of which the best words are asked."""
    rows = [row for row, wish in enumerate(wishes) if isinstance(wish, int)]
    if rows:
        some = logits if len(rows) == len(wishes) else logits[rows]
        most = max(wish for wish in wishes if isinstance(wish, int))
        yield from best_of_rows(some, most, model.barred)


def _stepped(logits: Floats, states: Floats | None, wishes: Sequence[_Wish]) -> Iterator[Step]:
    """Of the rows from which a word is drawn."""
    rows = [row for row, wish in enumerate(wishes) if isinstance(wish, Sampler)]
    if rows:
        some = logits if len(rows) == len(wishes) else logits[rows]
        samplers = [wish for wish in wishes if isinstance(wish, Sampler)]
        for row, drawn, own in zip(rows, draw(samplers, some), some, strict=True):
            yield Step(drawn, own, None if states is None else states[row].copy())
