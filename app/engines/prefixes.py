"""States by the prefix that led to them: a phrase extended by one word costs one recurrent step.

A recurrent network's state after some ids depends on these ids alone. The final states of phrases
are kept, the least recently used leave first, and a phrase starts from the longest prefix of it
that is known. Exact: the step that follows is the same either way.

Knows ids and states, not words. Not for several threads at once.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.arrays import Context, Floats, Ids
from app.engines.base import Engine
from app.engines.cells.cell import Cell, States
from app.engines.numpy_engine import NumpyEngine
from app.engines.packing import pack
from app.engines.ragged import forward_each
from app.pauses import Pausing, ended

_KEY_BYTES = 250  # about what Python needs for an entry, beside its state and ids
_LOOKUPS = 32  # prefixes tried; each costs a key as long as the prefix


class PrefixStates:
    """At most `most_bytes` of states [H], H the numbers of all recurrent layers' states together.

    `longest` is the length of the longest context.
    """

    def __init__(self, units: int, longest: int, most_bytes: int) -> None:
        self.capacity = most_bytes // (4 * units + 8 * longest + _KEY_BYTES)
        # The system hands out pages when they are first written to.
        self._states = np.empty((self.capacity, units), np.float32)
        self._slots: OrderedDict[Context, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._slots)

    def longest(self, context: Context) -> tuple[int, int]:
        """Length of the longest known prefix and its slot; length 0 where none is known."""
        for length in range(len(context), max(0, len(context) - _LOOKUPS), -1):
            slot = self._slots.get(context[:length])
            if slot is not None:
                self._slots.move_to_end(context[:length])
                return length, slot
        return 0, -1

    def load(self, slots: Sequence[int]) -> Floats:
        """The states in slots [B] -> [B, H], a new array; zeros for slot -1."""
        if not self.capacity:
            return np.zeros((len(slots), self._states.shape[1]), np.float32)
        states: Floats = self._states[slots]
        unknown = [row for row, slot in enumerate(slots) if slot < 0]
        if unknown:
            states[unknown] = 0
        return states

    def store(self, contexts: Sequence[Context], states: Floats) -> None:
        """Keep the states [B, H] that contexts [B] led to."""
        if (
            self.capacity
        ):  # where a slot changes hands twice, the last one to get it is written last
            self._states[[self._slot(context) for context in contexts]] = states

    def _slot(self, context: Context) -> int:
        """A slot for this context: its own, a free one, or the least recently used one's."""
        slot = self._slots.pop(context, None)
        if slot is None:
            full = len(self._slots) >= self.capacity
            slot = self._slots.popitem(last=False)[1] if full else len(self._slots)
        self._slots[context] = slot
        return slot


@dataclass
class Lookups:
    """How often the state of a phrase's prefix was known, or nothing."""

    hits: int = 0
    misses: int = 0


class Runner:
    """Runs batches of contexts on one engine, from known prefixes where the engine can."""

    def __init__(self, engine: Engine, max_length: int, most_bytes: int, lookups: Lookups) -> None:
        self._engine = engine
        self._lookups = lookups
        self._max_length = max_length
        cells: Sequence[Cell] = []  # whose states can be gone on from
        if isinstance(engine, NumpyEngine) and engine.network.causal:
            cells = engine.cells
        self._columns, units = _columns(cells)
        self.states = PrefixStates(units, max_length, most_bytes if cells else 0)

    def logits(self, contexts: Sequence[Context]) -> Floats:
        """Logits [B, V] after non-empty contexts [B]: a new array."""
        return ended(self.run(contexts, {}))[0]

    def run(
        self, contexts: Sequence[Context], carried: Mapping[int, Floats]
    ) -> Pausing[tuple[Floats, Floats | None]]:
        """Logits [B, V] after non-empty contexts [B], a new array, and the states [B, ΣH] that they
        led to, None where the engine has none to go on from. With a pause after each timestep.

        `carried` has the states [ΣH] of rows whose contexts go on from there.
        """
        if not isinstance(self._engine, NumpyEngine) or not self._engine.network.causal:
            return (yield from afresh(self._engine, self._max_length, contexts)), None
        final = yield from self._final_states(self._engine, contexts, carried)  # [B, ΣH]
        logits = self._engine.logits(final[:, self._columns[-1][0]])
        return logits, final if self._engine.network.mask_zero else None

    def _final_states(
        self, engine: NumpyEngine, contexts: Sequence[Context], carried: Mapping[int, Floats]
    ) -> Pausing[Floats]:
        known = [
            (0, -1) if row in carried else self.states.longest(context)
            for row, context in enumerate(contexts)
        ]
        found = sum(length > 0 for length, _ in known)
        self._lookups.hits += found
        self._lookups.misses += len(contexts) - len(carried) - found
        packed = pack(
            [context[length:] for context, (length, _) in zip(contexts, known, strict=True)]
        )
        before = None
        if found or carried:
            before = self._before(packed.order, known, carried)
        states = yield from engine.timesteps(
            packed, None if before is None else self._split(before)
        )
        last = [packed.last(state) for layer in states for state in layer]
        final = last[0] if len(last) == 1 else np.concatenate(last, axis=1)  # [B, ΣH]
        stepped = packed.running[0] if packed.running else 0
        if before is not None:  # the last rows had no step to run
            final[packed.order[stepped:]] = before[stepped:]
        self._store(contexts, final, carried)
        return final

    def _before(
        self, order: Sequence[int], known: Sequence[tuple[int, int]], carried: Mapping[int, Floats]
    ) -> Floats:
        """What every row goes on from: [B, ΣH] in packed order."""
        if len(carried) == len(order):
            return np.stack([carried[at] for at in order])
        before = self.states.load([known[at][1] for at in order])
        for row, at in enumerate(order):
            if at in carried:
                before[row] = carried[at]
        return before

    def _store(
        self, contexts: Sequence[Context], final: Floats, carried: Mapping[int, Floats]
    ) -> None:
        """Keep the states of contexts that began with zeros."""
        rows = [row for row in range(len(contexts)) if row not in carried] if carried else None
        if rows is None:
            self.states.store(contexts, final)
        elif rows:
            self.states.store([contexts[row] for row in rows], final[rows])

    def _split(self, states: Floats) -> list[States]:
        """[B, ΣH] -> [B, H] for each state of each layer."""
        return [[states[:, columns] for columns in layer] for layer in self._columns]


def _columns(cells: Sequence[Cell]) -> tuple[list[list[slice]], int]:
    """Where each state of each layer lies, all of them side by side, and how wide that is."""
    columns: list[list[slice]] = []
    end = 0
    for cell in cells:
        H = cell.layer.units
        columns.append([slice(end + H * at, end + H * (at + 1)) for at in range(cell.states)])
        end += H * cell.states
    return columns, end


def logits_afresh(engine: Engine, max_length: int, contexts: Sequence[Context]) -> Floats:
    """Logits [B, V] after non-empty contexts [B]: a new array. From any thread."""
    return ended(afresh(engine, max_length, contexts))


def afresh(engine: Engine, max_length: int, contexts: Sequence[Context]) -> Pausing[Floats]:
    """The same, with pauses where the engine can."""
    if isinstance(engine, NumpyEngine):
        final = yield from engine.finals(contexts)
        return engine.logits(final)
    if not engine.network.mask_zero:  # padded already, or as long as they are
        return forward_each(engine, [np.array(one, np.int32) for one in contexts]).logits.copy()
    return engine.forward(_padded(contexts, max_length)).logits.copy()


def _padded(contexts: Sequence[Context], max_length: int) -> Ids:
    """Contexts [B] -> padded ids [B, T]."""
    padded = np.zeros((len(contexts), max_length), np.int32)
    for row, context in zip(padded, contexts, strict=True):
        row[max_length - len(context) :] = context
    return padded
