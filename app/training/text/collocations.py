"""Groups of words that a text ends the same way whenever they come: "happy new" - "year".

Whoever types such a beginning means that word and no other, and yet a network may not say it: what
comes six times in a million sentences is drowned by what comes often. Such groups are found by
counts of n-grams, and those whose last word the network does not say are met again and again, each
by itself and from the start, where only that last word is predicted.

N places of a text, L words before a place.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from app.arrays import Ids
from app.training.network.bptt import Unrolled
from app.training.text.batches import Int64s, Repeated, only_last, padded_batch
from app.training.text.corpus import Encoded
from app.training.text.smoothing import Smoothing

_TIMES = 4  # at least, with the same end
_SURE = 0.6  # the share of its ends that the word has
_UNSURE = 0.3  # … and has less of without the group's first word: no shorter group says it
_BATCH = 256


@dataclass(frozen=True, eq=False)
class Collocations:
    """Groups of words, where they are first found: group i is words[begins[i]:ends[i]]."""

    words: Ids
    begins: Int64s
    ends: Int64s

    def __len__(self) -> int:
        return len(self.begins)

    @property
    def groups(self) -> list[Ids]:
        """The ids of every group."""
        pairs = zip(self.begins, self.ends, strict=True)
        return [self.words[begin:end] for begin, end in pairs]

    @classmethod
    def of(cls, text: Smoothing, marks: Collection[int]) -> "Collocations":
        """All groups of 2 to 5 words of the text that have none of `marks` in them."""
        places = np.arange(len(text.words))
        marked = np.isin(text.words, list(marks))
        since = places - np.maximum.accumulate(np.where(marked, places, -1))  # [N] 0 at a mark
        shares_before = np.ones(len(places))
        begins, ends = [], []
        for L, order in enumerate(reversed(text.orders)):
            times = np.bincount(order.pair)[order.pair]  # [N]
            shares = times / np.bincount(order.context)[order.context]
            told = (times >= _TIMES) & (shares >= _SURE) & (shares_before < _UNSURE) & (since > L)
            chosen = np.flatnonzero(told)
            chosen = chosen[np.unique(order.pair[chosen], return_index=True)[1]]
            if L:
                begins.append(chosen - L)
                ends.append(chosen + 1)
            shares_before = shares
        return cls(text.words, np.concatenate(begins), np.concatenate(ends))

    def unsaid(self, net: Unrolled, start: int) -> "Collocations":
        """Those whose last word is not the one that `net` has most probable."""
        groups, unsaid = self.groups, np.zeros(len(self), np.bool_)
        for first in range(0, len(self), _BATCH):
            lines = groups[first : first + _BATCH]
            batch = only_last(padded_batch(lines, start), np.ones(len(lines), np.bool_))
            features = net.features(batch.ids, batch.mask, net.initial_state(len(lines)))[0]
            said = net.logits(features).argmax(axis=1)
            # What a mask picks comes timestep by timestep.
            line = np.nonzero(batch.mask)[1]
            unsaid[first + line] = said != batch.targets[batch.mask]
        return Collocations(self.words, self.begins[unsaid], self.ends[unsaid])

    def repeated(self, times: float) -> Repeated:
        """The groups as lines of batches, `times` an epoch."""
        ids = np.concatenate([np.zeros(0, np.int32), *self.groups])
        return Repeated(Encoded(ids, np.cumsum(self.ends - self.begins)), self.begins, times)
