"""What else could stand at a place of the training text, going by the rest of that text.

A network that is only told the one word that stood there, pass after pass, learns the text by
heart. A smoothed n-gram model knows which others came after the same words, and how far to trust
them; its predictions are drawn as further targets, so that the network learns both (smoothing as
noise in the data: Xie et al. 2017).

Interpolated, modified Kneser-Ney (Chen and Goodman 1999), with the place itself left out of the
counts after any words: what stands there must not vote. A word is drawn without any distribution
being computed: one of the places after the same words, at random, lends its word, with a chance
that takes the discount off; refused, the next shorter context is asked. N places of the text, M
words for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.arrays import Ids, Indices
from app.training.text.corpus import Encoded

_BEFORE = 0  # in front of a sentence's start; padding's id, which no word has

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Order:
    """What was seen after contexts of one length. A pair is a context and the word after it."""

    context: Int32s  # [N] its number, for every place
    pair: Int32s  # [N]
    places: Int32s  # those that count, by context: begins[c]:begins[c + 1] are context c's
    begins: Int32s
    counts: Int32s  # by pair, which are places that count
    discounts: Float64s

    @classmethod
    def of(cls, context: Indices, pair: Indices, places: Indices) -> "_Order":
        """Of all N places' numbers, and those places that count."""
        places = places[np.argsort(context[places], kind="stable")]
        begins = np.searchsorted(context[places], np.arange(context.max() + 2))
        counts = np.bincount(pair[places], minlength=int(pair.max()) + 1)
        return cls(
            context.astype(np.int32),
            pair.astype(np.int32),
            places.astype(np.int32),
            begins.astype(np.int32),
            counts.astype(np.int32),
            discounts(counts),
        )


class Smoothing:
    """Draws from what the rest of `texts` says of a place, places being numbered line after line.

    Every line ends in `mark`, where there is one, and begins after it.
    """

    def __init__(self, texts: Sequence[Encoded], mark: int | None, order: int = 5) -> None:
        words = [_with_marks(text, mark) for text in texts]
        self.words = np.concatenate([stream for stream, _ in words])
        place = np.concatenate([place for _, place in words])  # within its line
        width = int(self.words.max()) + 2
        context = np.zeros(len(self.words), np.int64)
        contexts, pairs = [context], []
        for length in range(order):
            if length:
                before = np.roll(self.words, length)
                before[place < length] = _BEFORE
                if mark is not None:
                    before[place == length - 1] = mark
                context = np.unique(context * width + before, return_inverse=True)[1]
                contexts.append(context)
            pairs.append(np.unique(context * width + self.words, return_inverse=True)[1])
        self.orders: list[_Order] = []
        places = np.arange(len(self.words))
        for context, pair in zip(reversed(contexts), reversed(pairs), strict=True):
            self.orders.append(_Order.of(context, pair, places))
            # An order's different pairs are what the order below counts.
            places = np.unique(pair, return_index=True)[1]

    def draw(self, places: Indices, M: int, rng: np.random.Generator) -> Ids:
        """[N] places -> [N, M] ids, every one drawn for itself."""
        asking = np.repeat(places, M)
        drawn = np.empty(len(asking), np.int32)
        left = np.arange(len(asking))  # those that have none yet
        counted = np.ones(len(asking), np.bool_)  # whether the order counts the place itself
        for order in self.orders:
            here = asking[left]
            context, own = order.context[here], order.pair[here]
            begin = order.begins[context]
            total = order.begins[context + 1] - begin
            found = order.places[begin + (rng.random(len(here)) * total).astype(np.int64)]
            pair = order.pair[found]
            count = order.counts[pair]
            others = count - ((pair == own) & counted)
            chance = (others - order.discounts[np.minimum(others, 3)]) / count
            # One place fewer, where it is left out itself.
            chance = chance * total / np.maximum(1, total - counted)
            if order is self.orders[-1]:  # there is no shorter context
                chance = np.ones_like(chance)
            taken = rng.random(len(here)) < chance
            drawn[left[taken]] = self.words[found[taken]]
            left, counted = left[~taken], (counted & (order.counts[own] == 1))[~taken]
        return drawn.reshape(len(places), M)


def discounts(counts: Int64s) -> Float64s:
    """What is taken off a count of 0, of 1, of 2, and of 3 or more.

    From the counts of counts (Chen and Goodman 1999, equation 17); of a text too small for that, no
    more than there is.
    """
    n1, n2, n3, n4 = (max(1, int((counts == n).sum())) for n in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    estimates = [0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    return np.clip(estimates, 0.0, [0.0, 1.0, 2.0, 3.0])


def _with_marks(text: Encoded, mark: int | None) -> tuple[Int32s, Int32s]:
    """The words of a text, its lines' marks among them; and every word's place in its line."""
    ends = np.asarray(text.ends)
    words = np.asarray(text.ids, np.int32)
    begins = np.concatenate([[0], ends[:-1]])
    if mark is not None:
        words = np.insert(words, ends, mark)
        begins, ends = (bounds + np.arange(len(ends)) for bounds in (begins, ends + 1))
    place = np.arange(len(words)) - np.repeat(begins, ends - begins)
    return words, place.astype(np.int32)
