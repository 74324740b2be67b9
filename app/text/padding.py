"""Ids -> the padded input of a network."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.arrays import Ids, Mask
from app.errors import EmptyPhrase
from app.text.tokens import TextOptions


class Padded(NamedTuple):
    """What enters the network: `ids` and `mask` of shape [max_length], or as long as the phrase
    where the card's padding is "none".

    `mask` is False where there is padding. `dropped` counts the tokens cut off. `positions[t]` is
    the token's position in the phrase, None for padding and for the start word.
    """

    ids: Ids
    mask: Mask
    dropped: int
    positions: tuple[int | None, ...]


def context(ids: Sequence[int], start_id: int | None, options: TextOptions) -> list[int]:
    """The ids the network will see, unpadded: the last sentence after its start word, truncated.

    A model with a start word was trained with a fresh state for every sentence, so what precedes
    the last sentence end is dropped.
    """
    start, first, last = _window(ids, start_id, options)
    return [*start, *ids[first:last]]


def _window(
    ids: Sequence[int], start_id: int | None, options: TextOptions
) -> tuple[tuple[int, ...], int, int]:
    """The start word where it is put in front, and which ids [first, last) come then."""
    first, last = 0, len(ids)
    start = () if start_id is None else (start_id,)
    if start_id in ids:
        start, first = (), last - 1 - ids[::-1].index(start_id)
    excess = len(start) + last - first - options.max_length
    if excess > 0 and options.truncating == "pre":
        start, first = (), first + excess - len(start)
    elif excess > 0:
        last -= excess
    return start, first, last


def pad(ids: Sequence[int], start_id: int | None, options: TextOptions) -> Padded:
    """Truncate and pad as Keras's `pad_sequences` does, after the start word was put in front.

    `[1], max_length 2, "pre"` -> `[0, 1]`. Raises EmptyPhrase where nothing is left to feed.
    """
    start, first, last = _window(ids, start_id, options)
    kept = [*start, *ids[first:last]]
    if not kept:
        raise EmptyPhrase("the phrase has no words that are known, and this model no start word")
    length = len(kept) if options.padding == "none" else options.max_length
    padded = np.zeros(length, np.int32)
    mask = np.zeros(length, np.bool_)
    begin = length - len(kept) if options.padding == "pre" else 0
    window = slice(begin, begin + len(kept))
    padded[window] = kept
    mask[window] = True
    positions: list[int | None] = [None] * length
    positions[window] = [*(None for _ in start), *range(first, last)]
    return Padded(padded, mask, len(ids) - (last - first), tuple(positions))
