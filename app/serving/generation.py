"""Many words on a carried state: each costs one recurrent step, in one product with all others'.

A word is what the network says after the words before it, as in `predict`. Where padding is masked
the state is carried from word to word, also past `max_length`; where it is not, every word's input
is padded anew, as the network was trained. A sentence end begins a new sentence with a new state,
in a model that has a start word.

Knows ids, words and the batcher; nothing about HTTP or a protocol.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from app.arrays import Context, Floats, Indices
from app.engines.prefixes import logits_afresh
from app.errors import NotFinite
from app.model import Model
from app.serving.batching import Batcher
from app.serving.drawing import Drawn, draw
from app.serving.sampling import Sampler, Sampling, best_ids, log_probabilities
from app.text.padding import context, pad
from app.text.writing import Stops, Writer, encode_text

Seed = int | tuple[int, ...]
_LONG_STOPS = 64  # characters: where more are looked for, it takes up to half a millisecond
_LISTED_HERE = 1_000  # words beside a word that are looked for on the loop, in less than 1 ms
_NO_WORD = "the network's numbers overflow for this text, or no word is allowed"


class Prompt(NamedTuple):
    """What a text goes on from: itself, its ids, and its pieces, which join to it."""

    text: str
    ids: tuple[int, ...]
    pieces: tuple[str, ...]

    @classmethod
    def of_text(cls, model: Model, text: str) -> Self:
        """Raises UnknownWords. White space and punctuation belong to the piece that follows."""
        encoded = encode_text(text, model.vocabulary, model.options)
        ends = [*(end for _, end in encoded.spans[:-1]), len(text)]
        pieces = (text[start:end] for start, end in zip([0, *ends], ends, strict=False))
        return cls(text, encoded.ids, tuple(pieces) if encoded.ids else ())

    @classmethod
    def of_ids(cls, model: Model, ids: Sequence[int]) -> Self:
        """Every id is a word's."""
        writer = Writer(model.vocabulary, model.options)
        pieces = tuple(writer.write(number) for number in ids)
        return cls("".join(pieces), tuple(ids), pieces)


@dataclass(frozen=True)
class Wanted:
    """What is asked of a text. `logprobs`: how many words to list beside each; None for none."""

    words: int = 16
    sampling: Sampling = field(default_factory=Sampling)
    stops: tuple[str, ...] = ()
    stop_at_end: bool = False  # of a sentence
    logprobs: int | None = None
    scored: bool = False  # whether `Piece.logprob` is wanted, without a list


class Piece(NamedTuple):
    """A word of a text as it is sent: `text` [offset, offset + len(text)) of it. `logprob` is the
    network's own, before temperature, penalties and biases; `best` lists others by their text.
    """

    text: str
    offset: int
    logprob: float | None = None
    best: dict[str, float] | None = None


class Text:
    """One text in the making. `finish` says why it ended, once it has: "stop" or "length"."""

    def __init__(
        self,
        batcher: Batcher,
        model: Model,
        prompt: Prompt,
        wanted: Wanted,
        seed: Seed,
        barred: Indices,
    ) -> None:
        """`barred` are the ids that are never drawn, the same for all texts of a request."""
        self.finish: str | None = None
        self.drawn = 0  # words, whether or not they were sent
        self._nats = 0.0  # of these, where they are wanted
        self._scored = wanted.scored or wanted.logprobs is not None
        # Whether there is much to do for each word, so that the loop hears others before the next.
        self._weighs = self._scored or sum(map(len, wanted.stops)) > _LONG_STOPS
        self._batcher = batcher
        self._model = model
        self._wanted = wanted
        self._writer = Writer(model.vocabulary, model.options, prompt.text, prompt.ids)
        self._state = _Carried(model, prompt.ids)
        before = prompt.ids[-1] if prompt.ids else model.start_id
        self._sampler = Sampler(wanted.sampling, barred, model.start_id, seed, before)

    @property
    def mean(self) -> float:
        """The mean log probability of the words that were drawn, where it is wanted."""
        return self._nats / max(1, self.drawn)

    async def pieces(self) -> AsyncIterator[Piece]:
        """Words as soon as it is certain that they are sent: a stop string never is.

        Raises NotFinite, Overloaded.
        """
        if not self._wanted.stops:
            async for piece in self._drawn():
                yield piece
            return
        stops, held = Stops(self._wanted.stops), _Held()
        async for piece in self._drawn():
            text = held.add(piece)
            end = stops.found(text)
            if end is not None:
                self.finish = "stop"
                for whole in held.until(end, cut=True):
                    yield whole
                return
            for whole in held.until(len(text) - stops.begun(text)):
                yield whole
        for whole in held.until(len(held.text)):
            yield whole

    async def _drawn(self) -> AsyncIterator[Piece]:
        """Words up to the last one that is wanted."""
        end = self._model.start_id if self._wanted.stop_at_end else None
        while self.drawn < self._wanted.words and self.finish is None:
            drawn, logits = await self._state.step(self._batcher, self._sampler, self._weighs)
            if drawn is not None and not drawn.sure:
                logits = self._state.logits_alone()
                (drawn,) = draw([self._sampler], logits[np.newaxis])
            if drawn is None:
                raise NotFinite(_NO_WORD)
            number = drawn.number
            self._sampler.take(number)
            self.drawn += 1
            if (self._wanted.logprobs or 0) > _LISTED_HERE:
                piece = await asyncio.to_thread(self._piece, number, logits)
            else:
                piece = self._piece(number, logits)
            if number == end:
                self.finish = "stop"
                return
            self._state.add(number)
            yield piece
        self.finish = self.finish or "length"

    def _piece(self, number: int, logits: Floats) -> Piece:
        offset = self._writer.length
        if not self._scored:
            return Piece(self._writer.write(number), offset)
        logs = log_probabilities(logits)
        self._nats += float(logs[number])
        text, best = self._writer.seen(number) or "", None
        if self._wanted.logprobs is not None:
            best = listed(self._writer, logs, self._wanted.logprobs, number, text)
        return Piece(self._writer.write(number), offset, float(logs[number]), best)


class _Carried:
    """Where a text stands: the ids that its next word depends on, and the state they led to."""

    def __init__(self, model: Model, ids: Sequence[int]) -> None:
        self._model = model
        self._begin(ids)

    def _begin(self, ids: Sequence[int]) -> None:
        """Read ids from the beginning. Raises EmptyPhrase where there is nothing to read."""
        model = self._model
        self._ids = context(ids, model.start_id, model.options)
        if self._ids and model.network.mask_zero:
            self._history = list(self._ids)
        else:
            self._history = pad(ids, model.start_id, model.options).ids.tolist()
        self._ahead: Context = tuple(self._history)  # the part of it that is not in `_state` yet
        self._state: Floats | None = None

    async def step(
        self, batcher: Batcher, sampler: Sampler, weighs: bool
    ) -> tuple[Drawn | None, Floats]:
        """The next word, and the logits [V] that it was drawn from."""
        drawn, logits, self._state = await batcher.step(
            self._model, self._ahead, self._state, sampler, weighs
        )
        return drawn, logits

    def logits_alone(self) -> Floats:
        """The same, computed without company: the same to the last bit whenever it is."""
        model = self._model
        history = tuple(self._history)
        logits: Floats = logits_afresh(model.engine, model.options.max_length, [history])[0]
        return logits

    def add(self, number: int) -> None:
        """Go on by a word."""
        if self._state is None or number == self._model.start_id:
            self._begin([*self._ids, number])
        else:
            self._history.append(number)
            self._ahead = (number,)


class _Held:
    """Pieces that are not sent yet, because a stop string may begin in them."""

    def __init__(self) -> None:
        self.text = ""
        self._pieces: list[Piece] = []

    def add(self, piece: Piece) -> str:
        """Hold a piece; the text that is held by then."""
        self._pieces.append(piece)
        self.text += piece.text
        return self.text

    def until(self, end: int, *, cut: bool = False) -> list[Piece]:
        """Let go of the pieces before `end`; with `cut`, of the beginning of the one around it."""
        released: list[Piece] = []
        while self._pieces and end > 0 and (cut or len(self._pieces[0].text) <= end):
            piece = self._pieces.pop(0)
            text = piece.text[:end]
            released.append(Piece(text, piece.offset, piece.logprob, piece.best))
            self.text = self.text[len(piece.text) :]
            end -= len(text)
        return released


def listed(
    writer: Writer, logs: NDArray[np.float64], count: int, number: int, text: str
) -> dict[str, float]:
    """The `count` most probable words that could come next, by their text, and the one that does:
    `number`, written as `text`.
    """
    best: dict[str, float] = {}
    for other in best_ids(logs, count + 1):  # one of them may be the padding, which is no word
        written = text if other == number else writer.seen(other)
        if written is not None and len(best) < count:
            best.setdefault(written, float(logs[other]))
    best.setdefault(text, float(logs[number]))
    return best
