"""Encoded text -> batches, in an order that depends on the seed and the epoch alone.

So that a resumed run meets the same batches as one that was never stopped, nothing here keeps
state between epochs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.arrays import Indices, Mask
from app.training.network.bptt import Batch
from app.training.network.softmax import Drawn
from app.training.text.corpus import Encoded
from app.training.text.smoothing import Smoothing

_POOL = 64  # batches sorted by length together: like lengths side by side, order still random

Int64s = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Repeated:
    """Lines that are met `times` an epoch, of which nothing but the last word is predicted.

    `begins` are the places of their first words, all texts behind each other.
    """

    lines: Encoded
    begins: Int64s
    times: float


class SentenceBatches:
    """Every line a sequence of its own, from a fresh state; like lengths share a batch.

    Lines can only be `repeated` where there is a start mark. `taught` is the share of the loss that
    is a teacher's, for every text and for what is repeated; none where there is no teacher.
    """

    carries_state = False

    def __init__(
        self,
        texts: Sequence[tuple[Encoded, float]],
        words: int,
        start_id: int | None,
        seed: int,
        drawing: "Drawing | None" = None,
        repeated: Repeated | None = None,
        taught: Sequence[float] = (),
    ) -> None:
        self.texts = [*texts]
        self.taught = np.array(taught, np.float32)
        self.repeated = repeated
        self.words = words
        self.start_id = start_id
        self.seed = seed
        self.drawing = drawing
        marks = start_id is not None
        sizes = [0, *(len(text.ids) + marks * len(text) for text, _ in texts)]
        self.begins = np.cumsum(sizes)  # of the texts, a mark behind every line
        if repeated is not None:
            self.texts.append((repeated.lines, repeated.times))

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        for at, (text, lines) in enumerate(self.plan(number)):
            batch = self._batch(text, lines)
            if self.drawing is not None:
                rng = np.random.default_rng((self.seed, number, at))
                batch = self.drawing(batch, self._places(text, lines), rng)
            yield batch

    def plan(self, number: int) -> list[tuple[Int64s, Int64s]]:
        """The lines of every batch of one epoch, as (text, line) numbers."""
        rng = np.random.default_rng((self.seed, number))
        texts, lines = self._draw(rng)
        lengths = np.concatenate([text.lengths for text, _ in self.texts])
        firsts = np.cumsum([0, *(len(text) for text, _ in self.texts)])
        length = lengths[firsts[texts] + lines]
        batches = []
        pool = max(1, int(_POOL * self.words / max(1.0, float(length.mean()))))
        for begin in range(0, len(lines), pool):
            members = np.arange(begin, min(begin + pool, len(lines)))
            members = members[np.argsort(length[members], kind="stable")]
            batches += [(texts[some], lines[some]) for some in self._cut(members, length)]
        order = rng.permutation(len(batches))
        return [batches[at] for at in order]

    def _draw(self, rng: np.random.Generator) -> tuple[Int64s, Int64s]:
        """Each text's lines `weight` times: whole repeats and a random part, shuffled."""
        texts, lines = [], []
        for number, (text, weight) in enumerate(self.texts):
            whole, part = divmod(weight, 1.0)
            extra = rng.permutation(len(text))[: round(part * len(text))]
            drawn = np.concatenate([np.tile(np.arange(len(text)), int(whole)), extra])
            lines.append(drawn)
            texts.append(np.full(len(drawn), number))
        order = rng.permutation(sum(map(len, lines)))
        return np.concatenate(texts)[order], np.concatenate(lines)[order]

    def _cut(self, members: Int64s, length: Int64s) -> Iterator[Int64s]:
        """Split lines sorted by length where the padded batch would exceed `words`."""
        begin = 0
        for end in range(1, len(members) + 1):
            if end == len(members) or (end + 1 - begin) * (length[members[end]] + 1) > self.words:
                yield members[begin:end]
                begin = end

    def _batch(self, texts: Int64s, lines: Int64s) -> Batch:
        sequences = [
            self.texts[text][0].ids[self._slice(self.texts[text][0], line)]
            for text, line in zip(texts, lines, strict=True)
        ]
        batch = padded_batch(sequences, self.start_id)
        if len(self.taught):
            batch = replace(batch, taught=self.taught[texts])
        return batch if self.repeated is None else only_last(batch, self._again(texts))

    def _again(self, texts: Int64s) -> Mask:
        """Which of the lines are repeated: those of the last text, where there are such."""
        again: Mask = texts == len(self.texts) - 1
        return again

    def _places(self, texts: Int64s, lines: Int64s) -> Int64s:
        """Where in all texts, behind each other, every line's first target stands."""
        marked = self.start_id is not None
        within = [
            self._slice(self.texts[text][0], line).start
            for text, line in zip(texts, lines, strict=True)
        ]
        places: Int64s = self.begins[texts] + within + (lines if marked else 1)
        if self.repeated is not None:
            again = self._again(texts)
            places[again] = self.repeated.begins[lines[again]]
        return places

    @staticmethod
    def _slice(text: Encoded, line: int) -> slice:
        return slice(int(text.ends[line - 1]) if line else 0, int(text.ends[line]))


@dataclass(frozen=True, slots=True)
class Drawing:
    """Adds to a batch what the rest of the text says of it: `words` for every position."""

    smoothing: Smoothing
    words: int
    share: float  # of the loss

    def __call__(self, batch: Batch, begins: Int64s, rng: np.random.Generator) -> Batch:
        """`begins` [B]: the place of every sequence's first target."""
        places = (begins + np.arange(len(batch.ids))[:, None])[batch.mask]
        ids = np.zeros((*batch.ids.shape, self.words), np.int32)
        ids[batch.mask] = self.smoothing.draw(places, self.words, rng)
        return replace(batch, drawn=Drawn(ids, self.share))


def padded_batch(sequences: Sequence[Indices | NDArray[np.int32]], start_id: int | None) -> Batch:
    """Lines of ids -> inputs and targets [T, B], padded at the end, where nothing is predicted.

    With a start mark a line of n words is n + 1 predictions: the last target is the mark.
    """
    mark = [] if start_id is None else [start_id]
    whole = [np.concatenate([mark, sequence, mark]).astype(np.int32) for sequence in sequences]
    T = max(len(one) for one in whole) - 1
    ids = np.zeros((T, len(whole)), np.int32)
    targets = np.zeros_like(ids)
    mask = np.zeros(ids.shape, np.bool_)
    for column, one in enumerate(whole):
        n = len(one) - 1
        ids[:n, column] = one[:-1]
        targets[:n, column] = one[1:]
        mask[:n, column] = True
    return Batch(ids, targets, mask)


def only_last(batch: Batch, columns: Mask) -> Batch:
    """The same batch with nothing predicted of some of its lines but their last word; they have
    a start mark.
    """
    mask = batch.mask.copy()
    mask[:, columns] = False
    words = batch.mask.sum(axis=0)[columns] - 1  # without the mark at the end
    mask[words - 1, np.flatnonzero(columns)] = True
    return replace(batch, mask=mask)


class RunningBatches:
    """One running text cut into `sequences` columns, read in windows; the state is carried over."""

    carries_state = True

    def __init__(
        self,
        text: Encoded,
        sequences: int,
        window: int,
        mark: int | None,
        seed: int,
        drawing: Drawing | None = None,
    ) -> None:
        stream = np.asarray(text.ids)
        if mark is not None:  # a mark after every line, and one in front
            stream = np.concatenate([[mark], np.insert(stream, text.ends, mark)])
        self.window = window
        self.seed = seed
        self.drawing = drawing
        self.sequences = max(1, min(sequences, (len(stream) - 1) // 2))
        rows = (len(stream) - 1) // self.sequences
        self.begins = np.arange(self.sequences) * rows + (mark is None)
        self.ids = np.ascontiguousarray(
            stream[: rows * self.sequences].reshape(self.sequences, rows).T, np.int32
        )
        self.targets = np.ascontiguousarray(
            stream[1 : rows * self.sequences + 1].reshape(self.sequences, rows).T, np.int32
        )

    def epoch(self, number: int) -> Iterator[Batch]:
        """Windows in order; the first is shorter by chance, so that cuts fall elsewhere."""
        begin = 0
        rows = len(self.ids)
        end = 1 + int(np.random.default_rng((self.seed, number)).integers(self.window))
        while begin < rows:
            part = slice(begin, min(end, rows))
            ids, targets = self.ids[part], self.targets[part]
            batch = Batch(ids, targets, np.ones(ids.shape, np.bool_))
            if self.drawing is not None:
                rng = np.random.default_rng((self.seed, number, begin))
                batch = self.drawing(batch, self.begins + begin, rng)
            yield batch
            begin, end = part.stop, part.stop + self.window

    def plan(self, number: int) -> range:
        """As many entries as the epoch has batches."""
        first = 1 + int(np.random.default_rng((self.seed, number)).integers(self.window))
        return range(1 + -(-max(0, len(self.ids) - first) // self.window))


Batches = SentenceBatches | RunningBatches
