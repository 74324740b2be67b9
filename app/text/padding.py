"""Ids -> the padded input of a network."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.errors import EmptyPhrase
from app.network import Ids, Mask
from app.text.tokens import TextOptions


@dataclass(frozen=True, slots=True)
class Padded:
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
    return [number for number, _ in _context(ids, start_id, options)]


def _context(
    ids: Sequence[int], start_id: int | None, options: TextOptions
) -> list[tuple[int, int | None]]:
    kept: list[tuple[int, int | None]] = [(number, at) for at, number in enumerate(ids)]
    if start_id is not None:
        sentence = next((at for at in reversed(range(len(ids))) if ids[at] == start_id), None)
        kept = [(start_id, None), *kept] if sentence is None else kept[sentence:]
    if len(kept) > options.max_length:
        cut = len(kept) - options.max_length
        kept = kept[cut:] if options.truncating == "pre" else kept[:-cut]
    return kept


def pad(ids: Sequence[int], start_id: int | None, options: TextOptions) -> Padded:
    """Truncate and pad as Keras's `pad_sequences` does, after the start word was put in front.

    `[1], max_length 2, "pre"` -> `[0, 1]`. Raises EmptyPhrase where nothing is left to feed.
    """
    kept = _context(ids, start_id, options)
    if not kept:
        raise EmptyPhrase("the phrase has no words, and this model has no start word")
    length = len(kept) if options.padding == "none" else options.max_length
    padded = np.zeros(length, np.int32)
    mask = np.zeros(length, np.bool_)
    first = length - len(kept) if options.padding == "pre" else 0
    window = slice(first, first + len(kept))
    padded[window] = [number for number, _ in kept]
    mask[window] = True
    positions: list[int | None] = [None] * length
    positions[window] = [at for _, at in kept]
    dropped = len(ids) - sum(at is not None for _, at in kept)
    return Padded(padded, mask, dropped, tuple(positions))
