"""What is wished of each phrase of a batch, from one product: its best words, its whole
distribution, or a word that is drawn.

Many phrases of one caller (`in_batches`) are company enough for each other: they run on a
thread of their caller's, in larger products, and the loop goes on answering beside them.

Knows ids and engines, no queues. From any thread.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, cast

import numpy as np

from app.arrays import Context, Floats
from app.engines.activations import softmax
from app.engines.base import Outputs
from app.engines.prefixes import afresh
from app.engines.topk import Ranking, best_of_rows
from app.errors import NotFinite
from app.model import Model
from app.pauses import Pausing, saying
from app.serving.drawing import Drawn, draw
from app.serving.sampling import Sampler

_CALLERS_BATCH = 256  # phrases of one caller in one product
_NUMBERS_KEPT = 1 << 20  # of whole distributions, which wait for their caller: 8 MB with logits
_ROWS = 32  # of logits that are ranked at a time, so that they stay in the cache
# Numbers that are looked at in one go: about 2 ms, with top_p too.
_NUMBERS_RANKED, _NUMBERS_DRAWN = 1 << 19, 1 << 17
_OVERFLOW = "the network's numbers overflow for this phrase"


class Step(NamedTuple):
    """The word that was drawn after some ids, None where none can be; the logits [V] that it was
    drawn from, not to be written to; the state [H] that they led to, None where none is carried.
    """

    drawn: Drawn | None
    logits: Floats
    state: Floats | None


Result = Ranking | Outputs | Exception
Answer = Result | Step
Wish = int | None | Sampler  # the k best words, the whole distribution, a word that is drawn
_Asked = tuple[Context, Wish, Floats | None]
_Logits = tuple[Floats, Floats | None]
_Run = Callable[[Sequence[Context], Mapping[int, Floats]], Pausing[_Logits]]


def in_batches(model: Model, contexts: Sequence[Context], k: int | None) -> Iterator[Result]:
    """Many phrases of one caller, in order, on the calling thread: rankings of k <= BATCHED_K
    words, or whole outputs where k is None. What cannot be computed is an exception in its place.
    """
    run = partial(_afresh, model)
    most = _callers_batch(model.network.classes) if k is None else _CALLERS_BATCH
    for start in range(0, len(contexts), most):
        asked = [(context, k, None) for context in contexts[start : start + most]]
        yield from cast(list[Result], results_of(run, model, asked))  # no steps: none was asked


def bytes_kept(model: Model, phrases: int) -> int:
    """What whole outputs of so many phrases of one caller take while they wait for it."""
    V = model.network.classes
    return 2 * np.float32().nbytes * V * min(phrases, _callers_batch(V))


def _callers_batch(V: int) -> int:
    """How many phrases of one caller are computed at once whose whole outputs are asked for."""
    return max(1, min(_CALLERS_BATCH, _NUMBERS_KEPT // V))


def _afresh(
    model: Model, contexts: Sequence[Context], _carried: Mapping[int, Floats]
) -> Pausing[_Logits]:
    """As `Runner.run`, without states."""
    return (yield from afresh(model.engine, model.options.max_length, contexts)), None


def results_of(run: _Run, model: Model, asked: Sequence[_Asked]) -> list[Answer]:
    """All at once; where that fails, each alone, so that no one pays for a neighbour."""
    return [result for some in in_parts(run, model, asked) for result in some]


def in_parts(run: _Run, model: Model, asked: Sequence[_Asked]) -> Iterator[list[Answer]]:
    """The same a part at a time, so that others may be heard between two of them: none with the
    timesteps and the product, then those of some rows of logits.
    """
    try:
        logits, states = yield from saying([], _product(run, asked))  # [B, V], [B, H]
    except Exception as error:
        yield [error] if len(asked) == 1 else _each(run, model, asked)
        return
    yield []
    drawn = any(isinstance(wish, Sampler) for _, wish, _ in asked)
    rows = _rows(logits.shape[1], drawn)
    for start in range(0, len(asked), rows):
        part = slice(start, start + rows)
        wishes = [wish for _, wish, _ in asked[part]]
        try:
            own = None if states is None else states[part]
            yield list(_answers(logits[part], own, model, wishes))
        except Exception as error:
            yield [error] if len(asked) == 1 else _each(run, model, asked[part])


def _rows(V: int, drawn: bool) -> int:
    """Of logits that are looked at in one go: words are drawn from fewer than are ranked."""
    return max(1, min(_ROWS, (_NUMBERS_DRAWN if drawn else _NUMBERS_RANKED) // V))


def _each(run: _Run, model: Model, asked: Sequence[_Asked]) -> list[Answer]:
    """Whatever is raised belongs to the caller of the phrase that raises it."""
    return [result for one in asked for result in results_of(run, model, [one])]


def _product(run: _Run, asked: Sequence[_Asked]) -> Pausing[_Logits]:
    carried = {row: state for row, (*_, state) in enumerate(asked) if state is not None}
    return run([context for context, *_ in asked], carried)


def _answers(
    logits: Floats, states: Floats | None, model: Model, wishes: Sequence[Wish]
) -> Iterator[Answer]:
    """Of some rows of `logits` [n, V], which may be overwritten if no word is drawn from them."""
    rankings = _ranked(logits, model, wishes)
    steps = _stepped(logits, states, wishes)
    for row, wish in zip(logits, wishes, strict=True):
        if isinstance(wish, Sampler):
            yield next(steps)
        elif wish is not None:
            yield next(rankings)
        elif np.isfinite(row).all():
            yield Outputs(row.copy(), softmax(row))
        else:
            yield NotFinite(_OVERFLOW)


def _ranked(logits: Floats, model: Model, wishes: Sequence[Wish]) -> Iterator[Result]:
    """Of the rows of which the best words are asked."""
    asked = [(row, wish) for row, wish in enumerate(wishes) if isinstance(wish, int)]
    some = logits if len(asked) == len(wishes) else logits[[row for row, _ in asked]]
    most = max(wish for _, wish in asked)
    for (_, wish), ranking in zip(asked, best_of_rows(some, most, model.barred), strict=True):
        if ranking is None:
            yield NotFinite(_OVERFLOW)
        elif wish < most:
            yield Ranking(ranking.ids[:wish], ranking.probabilities[:wish])
        else:
            yield ranking


def _stepped(logits: Floats, states: Floats | None, wishes: Sequence[Wish]) -> Iterator[Step]:
    """Of the rows from which a word is drawn."""
    rows = [row for row, wish in enumerate(wishes) if isinstance(wish, Sampler)]
    some = logits if len(rows) == len(wishes) else logits[rows]
    samplers = [wish for wish in wishes if isinstance(wish, Sampler)]
    for row, drawn, own in zip(rows, draw(samplers, some), some, strict=True):
        yield Step(drawn, own, None if states is None else states[row].copy())
