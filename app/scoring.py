"""Every word of a text given the words before it, as `predict` would have said it.

Within a sentence the state after a word is that of the word before, one timestep on: it is computed
once. Where a sentence is longer than the network's window, each window begins anew; windows are
computed side by side, a timestep of all of them at a time.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from app import costs
from app.answers import Scored, ScoredWord
from app.arrays import Context, Floats, Ids
from app.engines.activations import log_softmax, softmax
from app.engines.numpy_engine import NumpyEngine
from app.engines.packing import pack
from app.engines.ragged import forward_each
from app.errors import EmptyPhrase, FieldProblem, InvalidRequest
from app.model import Model, check_finite
from app.pauses import Pausing, ended, saying
from app.text.encoding import Encoded
from app.text.padding import context, pad

MOST_SCORED = 4096  # words of a phrase
_MOST_NATS = 88.0  # a word, in a perplexity: exp of more leaves float32's range
_RUNS = 128  # that are computed at once
_WINDOWS = 1024  # that take a timestep together
_ROWS = 64  # of distributions in memory

_PAUSE: tuple[Sequence[Context], Floats] = (), np.empty((0, 0), np.float32)

Places = dict[Context, list[int]]  # which positions have this context
Run = tuple[Context, list[Context]]  # a sequence, and its beginnings that are asked about


def score(model: Model, phrase: str) -> Scored:
    """All at once. Raises what `in_slices` raises."""
    return ended(in_slices(model, phrase, math.inf))


def in_slices(model: Model, phrase: str, most_seconds: float) -> Pausing[Scored]:
    """The same with pauses.

    Raises EmptyPhrase for a phrase without words, InvalidRequest for one of too many, TooExpensive
    for one that would take longer than `most_seconds`.
    """
    encoded = model.encode(phrase)
    N = len(encoded.ids)
    if not N:
        raise EmptyPhrase("the phrase has no words to score")
    if N > MOST_SCORED:
        what = f"at most {MOST_SCORED} words are scored at once, not {N}"
        raise InvalidRequest(what, problems=[FieldProblem("/phrase", what)])
    first = 0 if model.start_id is not None else 1
    places: Places = {}
    for position in range(first, N):
        places.setdefault(_context(model, encoded.ids, position), []).append(position)
    runs = list(_runs(places))
    steps = sum(len(sequence) for sequence, _ in runs)
    costs.check(costs.seconds(model.network, steps, len(places)), most_seconds)
    words = [
        ScoredWord(token, number, None, None, None)
        for token, number in zip(encoded.tokens, encoded.ids, strict=True)
    ]
    for contexts, logits in _computed(model, runs):
        if contexts:
            _note(words, encoded, places, contexts, logits)
        else:
            yield
    return _summed(model, phrase, words)


def bytes_kept(model: Model, phrase: str) -> int:
    """About what a score keeps from one slice to the next, the hidden states of windows that take
    a timestep together, what enters them and what they hand on; by the phrase's characters, before
    it is read.
    """
    words = min(_WINDOWS, len(phrase) // 2 + 1)
    return 3 * words * sum(layer.units for layer in model.network.recurrent) * np.float32().nbytes


def _context(model: Model, ids: Sequence[int], position: int) -> Context:
    """What the network sees before a position; words further back than its window it does not."""
    options = model.options
    if options.truncating == "pre":
        ids = ids[max(0, position - options.max_length) : position]
    else:
        ids = ids[:position]
    if model.network.mask_zero:
        return tuple(context(ids, model.start_id, options))
    return tuple(pad(ids, model.start_id, options).ids.tolist())


def _runs(contexts: Iterable[Context]) -> Iterator[Run]:
    """Contexts, in the text's order, as few sequences whose beginnings they are."""
    asked: list[Context] = []
    for one in contexts:
        if asked and one[:-1] != asked[-1]:
            yield asked[-1], asked
            asked = []
        asked.append(one)
    if asked:
        yield asked[-1], asked


def _computed(model: Model, runs: Sequence[Run]) -> Iterator[tuple[Sequence[Context], Floats]]:
    """Some contexts at a time, and logits [B, V] after each; none of either at a pause, while which
    no logits are kept: many scores may wait at theirs.
    """
    engine = model.engine
    for slides, some in _alike(model, runs):
        asked = [one for _, contexts in some for one in contexts]
        if slides and isinstance(engine, NumpyEngine):
            ids = [*asked[0], *(one[-1] for one in asked[1:])]
            hidden = yield from saying(_PAUSE, engine.slide(ids, len(asked[0])))
            yield from _logits(asked, partial(_after_windows, engine, hidden))
        else:
            yield from _logits(asked, _after_runs(model, some, asked))


def _after_windows(engine: NumpyEngine, hidden: Floats, which: slice) -> Floats:
    return engine.logits(hidden[which])


def _alike(model: Model, runs: Sequence[Run]) -> Iterator[tuple[bool, Sequence[Run]]]:
    """Runs that are computed together, in order: windows that slide a word at a time, or others."""
    may_slide = model.network.causal and isinstance(model.engine, NumpyEngine)
    follows = [may_slide and _follows(*pair) for pair in pairwise(runs)]
    of_windows = [one or other for one, other in pairwise([False, *follows, False])]
    begin = 0
    for end in range(1, len(runs) + 1):
        slides = of_windows[begin]
        apart = end == len(runs) or of_windows[end] != slides or (slides and not follows[end - 1])
        if apart or end - begin == (_WINDOWS if slides else _RUNS):
            yield slides, runs[begin:end]
            begin = end


def _follows(one: Run, another: Run) -> bool:
    """Whether the second is the window of the first, a word further on."""
    (before, asked_before), (after, asked) = one, another
    return len(asked_before) == len(asked) == 1 and before[1:] == after[:-1]


def _logits(
    asked: Sequence[Context], of: Callable[[slice], Floats]
) -> Iterator[tuple[Sequence[Context], Floats]]:
    for begin in range(0, len(asked), _ROWS):
        rows = slice(begin, min(begin + _ROWS, len(asked)))
        logits = of(rows)
        check_finite(logits)
        yield asked[rows], logits
        del logits
        yield _PAUSE


def _after_runs(
    model: Model, runs: Sequence[Run], asked: Sequence[Context]
) -> Callable[[slice], Floats]:
    """Logits after the contexts of these runs that are `asked` about."""
    engine = model.engine
    if not _is_nested(model) or not isinstance(engine, NumpyEngine):
        padded = _padded(model)
        return lambda which: forward_each(engine, [padded(one) for one in asked[which]]).logits
    packed = pack([sequence for sequence, _ in runs])
    with np.errstate(over="ignore", invalid="ignore"):  # a linear network may overflow
        hidden = engine.run(packed)[-1][0]  # [N, H]
    begins = np.concatenate([[0], np.cumsum(packed.running)])
    row_of = {run: row for row, run in enumerate(packed.order)}
    at = [
        begins[len(one) - 1] + row_of[run]
        for run, (_, contexts) in enumerate(runs)
        for one in contexts
    ]
    return lambda which: engine.logits(hidden[at[which]])


def _is_nested(model: Model) -> bool:
    """Whether the state after a phrase is on the way to that after a longer one."""
    return model.network.mask_zero and model.network.causal


def _padded(model: Model) -> Callable[[Context], Ids]:
    """A context as padded ids [T]; it is padded already where padding is not masked."""
    padding = partial(pad, start_id=None, options=model.options)
    return lambda one: padding(one).ids if model.network.mask_zero else np.array(one, np.int32)


def _note(
    words: list[ScoredWord],
    encoded: Encoded,
    places: Places,
    contexts: Sequence[Context],
    logits: Floats,
) -> None:
    where = [(row, at) for row, one in enumerate(contexts) for at in places[one]]
    rows = np.array([row for row, _ in where])
    targets = np.array([encoded.ids[at] for _, at in where])
    logs = log_softmax(logits.astype(np.float64)[rows], targets).astype(np.float32)  # [n]
    probabilities = softmax(logits)[rows, targets]
    better = (logits[rows] > logits[rows, targets][:, np.newaxis]).sum(axis=1)
    for (_, at), target, probability, log, rank in zip(
        where, targets.tolist(), probabilities, logs, (1 + better).tolist(), strict=True
    ):
        words[at] = ScoredWord(encoded.tokens[at], target, probability, log, rank)


def _summed(model: Model, phrase: str, words: Sequence[ScoredWord]) -> Scored:
    known = [word.log_probability for word in words if word.log_probability is not None]
    if not known:
        return Scored(model.id, phrase, tuple(words), None, None)
    total = math.fsum(known)
    perplexity = math.exp(min(-total / len(known), _MOST_NATS))
    return Scored(model.id, phrase, tuple(words), np.float32(total), np.float32(perplexity))
