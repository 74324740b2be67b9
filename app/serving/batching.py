"""Concurrent requests -> one matrix product.

A phrase that arrives is queued, and the event loop goes on reading what else has arrived. Once a
turn of the loop brings nothing new, everything that waits is multiplied together: one recurrent
step for all phrases at once, one output product, one pass for the best words. While that runs,
further requests gather in their sockets and make up the next batch. There is no timer and no
waiting for company: to a lone request the batching costs two empty turns of the loop.

The products run on the event loop's own thread, which hears others between two of them after some
milliseconds. A worker thread would have to hand the
interpreter's lock back and forth, which costs more than it wins (benchmarks/README.md has the
figures); `max_batch` bounds how long the loop is away. For more cores there are more workers.

What was answered last is remembered: a phrase that comes again costs no product and does not queue.
What a protocol makes of answers may be remembered beside them, for as long as the model lives.
People type the same beginnings, and a keyboard asks again about a phrase with every letter of the
next word, sooner than its first answer is there if it is in a hurry: such phrases share a row.

Knows ids, engines and queues; nothing about HTTP or JSON. A Batcher is not for several threads.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, NamedTuple
from weakref import finalize

from app.arrays import Context, Floats
from app.engines.base import Outputs
from app.engines.prefixes import Lookups, Runner
from app.engines.topk import BATCHED_K, Ranking
from app.errors import Overloaded
from app.metrics import Metrics
from app.model import Model
from app.serving.lru import Recent
from app.serving.results import Answer, Step, Wish, in_parts
from app.serving.sampling import Sampler

_STATE_BYTES = 32 << 20  # of remembered states, for each model
_ANSWERS = 4096  # remembered for each model: rankings of at most BATCHED_K words
_KEYS = 1 << 20  # ids in what they are remembered by
_PROBABILITY_BYTES = 32 << 20  # of remembered distributions, for each model
_TEXT = 1024  # bytes of what a protocol may have remembered, each time
_SLICE_SECONDS = 0.003  # of work, at whose next pause the loop hears others


@dataclass(slots=True, eq=False)
class _Job:
    """A context that a caller waits for. `state` is what ids before the context led to, None for
    zeros.
    """

    context: Context
    wish: Wish
    result: asyncio.Future[Any]
    state: Floats | None = None
    weighs: bool = False  # whether its caller has long work with the result, on the loop
    arrived: float = field(default_factory=perf_counter)

    @property
    def row(self) -> Hashable:
        """What it has in common with jobs that the same row of a product answers."""
        drawn = self.state is not None or isinstance(self.wish, Sampler)
        return self if drawn else (self.context, self.wish)


class _Served(NamedTuple):
    """What is kept for a model while it is in service; `rankings` with the k they answered."""

    runner: Runner
    rankings: Recent[Context, tuple[int, Ranking]]
    probabilities: Recent[Context, Floats]
    texts: Recent[Hashable, bytes]

    def remember(self, job: _Job, answer: Answer) -> None:
        """Keep what was answered, before it is given to whoever waits: others ask meanwhile."""
        if isinstance(answer, Ranking) and isinstance(job.wish, int):
            self.rankings.keep(job.context, (job.wish, answer))
        elif isinstance(answer, Outputs):
            self.probabilities.keep(job.context, answer.probabilities)


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

    def ranking(self, model: Model, context: Context, k: int) -> Awaitable[Ranking]:
        """The k most probable words that may be suggested, k <= BATCHED_K, computed now.

        Raises Overloaded where the queue is full; what it gives, NotFinite where the network
        overflows.
        """
        return self._submit(model, context, min(k, BATCHED_K))

    def known(self, model: Model, context: Context, k: int) -> Ranking | None:
        """The same, where it is remembered."""
        k = min(k, BATCHED_K)
        known = self._serving(model).rankings.get(context)
        if known is None or known[0] < k:
            return None
        self.metrics.recalled[0] += 1
        return Ranking(known[1].ids[:k], known[1].probabilities[:k])

    async def outputs(self, model: Model, context: Context) -> Outputs:
        """Logits [V] and probabilities [V], not to be written to. Raises as `ranking` does."""
        outputs: Outputs = await self._submit(model, context, None, weighs=True)
        return outputs

    async def probabilities(self, model: Model, context: Context) -> Floats:
        """Of all words [V], remembered, not to be written to. Raises as `ranking` does."""
        probabilities = self._serving(model).probabilities.get(context)
        if probabilities is None:
            return (await self.outputs(model, context)).probabilities
        self.metrics.recalled[0] += 1
        return probabilities

    def recall(self, model: Model, asked: Hashable) -> bytes | None:
        """What was given to `keep` for what is asked of this model, where it is still there."""
        text = self._serving(model).texts.get(asked)
        if text is not None:
            self.metrics.recalled[0] += 1
        return text

    def keep(self, model: Model, asked: Hashable, text: bytes) -> None:
        """Remember what was answered, unless it is long. `asked` is all that decides it, and no
        longer than the answer, which has it.
        """
        if len(text) <= _TEXT:
            self._serving(model).texts.keep(asked, text)

    async def step(
        self,
        model: Model,
        context: Context,
        state: Floats | None,
        sampler: Sampler,
        weighs: bool = False,
    ) -> Step:
        """A word after `context`, which goes on from `state` or begins with zeros. With `weighs`,
        the loop hears others before it wakes the next caller.

        A text that has begun goes on: it is not refused where the queue is full.
        """
        step: Step = await self._enqueue(model, context, sampler, state, weighs)
        return step

    def _submit(
        self, model: Model, context: Context, k: int | None, weighs: bool = False
    ) -> asyncio.Future[Any]:
        if self._waiting >= self._max_queue:
            raise Overloaded("too many phrases are waiting")
        return self._enqueue(model, context, k, weighs=weighs)

    def _enqueue(
        self,
        model: Model,
        context: Context,
        wish: Wish,
        state: Floats | None = None,
        weighs: bool = False,
    ) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        job = _Job(context, wish, loop.create_future(), state, weighs)
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
        self._go_on(loop, self._batch(*self._next_batch()))

    def _go_on(self, loop: asyncio.AbstractEventLoop, batch: Iterator[None]) -> None:
        """Compute a slice of a batch, or end it; others are heard between two of them."""
        for _ in batch:
            loop.call_soon(self._go_on, loop, batch)
            return
        self._seen = 0
        self._scheduled = bool(self._queues)
        if self._scheduled:
            loop.call_soon(self._turn, loop)

    def _batch(self, model: Model, rows: Sequence[list[_Job]]) -> Iterator[None]:
        """Answer some jobs, those of a row alike, with pauses for others where they take long."""
        if not rows:
            return
        begin = perf_counter()
        jobs = [alike[0] for alike in rows]
        self.metrics.executed(model.id, [begin - job.arrived for job in jobs])
        asked = [(job.context, job.wish, job.state) for job in jobs]
        served = self._serving(model)
        weighing: list[tuple[_Job, Answer]] = []
        waiting = iter(rows)
        heard = begin
        for results in in_parts(served.runner.run, model, asked):
            for result, alike in zip(results, waiting, strict=False):
                served.remember(alike[0], result)
                for job in alike:
                    if job.weighs or _is_drawn_again(result):
                        weighing.append((job, result))
                    else:
                        _give(job, result)
            if perf_counter() - heard > _SLICE_SECONDS:
                yield
                heard = perf_counter()
        self._count()
        for job, result in weighing:
            _give(job, result)
            yield

    def _next_batch(self) -> tuple[Model, list[list[_Job]]]:
        """The jobs of the model whose turn it is, without those that nobody waits for any more:
        a list for each row.
        """
        model, queue = self._queues.popitem(last=False)
        rows: dict[Hashable, list[_Job]] = {}
        taken = 0
        while queue and (len(rows) < self._max_batch or queue[0].row in rows):
            job = queue.popleft()
            taken += 1
            if not job.result.cancelled():
                rows.setdefault(job.row, []).append(job)
        self._waiting -= taken
        self.metrics.waiting[0] -= taken
        if queue:
            self._queues[model] = queue  # at the end: the other models come first
        return model, [*rows.values()]

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
            distributions = min(most, _PROBABILITY_BYTES // (4 * V))
            texts: Recent[Hashable, bytes] = Recent(self._remembered)
            served = _Served(runner, Recent(most), Recent(distributions), texts)
            self._served[id(model)] = served
            finalize(model, self._served.pop, id(model))
        return served


def _is_drawn_again(result: Answer) -> bool:
    """Whether its caller computes it once more, on the loop: it hangs on how it was rounded."""
    drawn = result.drawn if isinstance(result, Step) else None
    return drawn is not None and not drawn.sure


def _give(job: _Job, result: Answer) -> None:
    if job.result.done():  # cancelled: its caller left while others were heard
        return
    if isinstance(result, Exception):
        job.result.set_exception(result)
    else:
        job.result.set_result(result)
