"""A batch of phrases, or of padded ids, -> named arrays of everything the network makes of them.

Shapes: B phrases, L words of the longest, T padded timesteps, H units, V classes.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple, Self, cast

import numpy as np

from app import costs
from app.arrays import Context, Floats, Ids
from app.engines.base import Outputs
from app.engines.numpy_engine import NumpyEngine
from app.engines.packing import pack
from app.engines.topk import Ranking
from app.model import Model, check_finite
from app.serving.results import in_batches

Array = Ids | Floats | list[str]


class Output(NamedTuple):
    """An array that can be asked for: its type in the protocol's words, its shape, -1 for any."""

    name: str
    datatype: str
    shape: tuple[int, ...]


def outputs_of(model: Model) -> list[Output]:
    """What a model can be asked for."""
    T, V = model.options.max_length, model.network.classes
    layers = model.network.recurrent
    return [
        Output("ids", "INT32", (-1, -1)),
        Output("padded", "INT32", (-1, T)),
        Output("hidden_states", "FP32", (-1, T, layers[-1].units)),
        *(Output(f"hidden_states/{one.name}", "FP32", (-1, T, one.units)) for one in layers),
        Output("logits", "FP32", (-1, V)),
        Output("probabilities", "FP32", (-1, V)),
        Output("next_word", "BYTES", (-1,)),
    ]


class Batch:
    """Phrases or rows of ids, and what the network makes of them, computed when first asked for.

    `contexts` are what the network computes of each. Not for several threads at once.
    """

    def __init__(
        self,
        model: Model,
        contexts: Sequence[Context],
        phrases: Sequence[str] = (),
        rows: Sequence[Sequence[int]] = (),
    ) -> None:
        self._model = model
        self._contexts = contexts
        self._phrases = phrases
        self._rows = rows

    @classmethod
    def of_phrases(cls, model: Model, phrases: Sequence[str], contexts: Sequence[Context]) -> Self:
        """Phrases, and what `model.context` makes of each."""
        return cls(model, contexts, phrases=phrases)

    @classmethod
    def of_ids(cls, model: Model, rows: Sequence[Sequence[int]]) -> Self:
        """Rows of max_length ids, 0 for padding."""
        masked = model.network.mask_zero
        contexts = [tuple(number for number in row if number or not masked) for row in rows]
        return cls(model, contexts, rows=rows)

    def seconds(self) -> float:
        """What all of it would take of one core."""
        steps = sum(map(len, self._contexts))
        return costs.seconds(self._model.network, steps, len(self._contexts))

    @cached_property
    def longest(self) -> int:
        """How many words the longest of them has."""
        return max(map(len, self._ids))

    @cached_property
    def _padded(self) -> Ids:
        """[B, T]."""
        if self._rows:
            return np.array(self._rows, np.int32)
        model = self._model
        return np.stack([model.pad(model.encode(phrase)).ids for phrase in self._phrases])

    def array(self, name: str) -> Array:
        """An output by its name. Raises NotFinite."""
        if name.startswith("hidden_states"):
            names = [layer.name for layer in self._model.network.recurrent]
            _, _, layer = name.partition("/")
            return self._hidden_states[names.index(layer) if layer else -1]
        made: dict[str, Callable[[], Array]] = {
            "ids": self._words,
            "padded": lambda: self._padded,
            "logits": lambda: self._outputs.logits,
            "probabilities": lambda: self._outputs.probabilities,
            "next_word": self._next_words,
        }
        return made[name]()

    @cached_property
    def _ids(self) -> list[Sequence[int]]:
        ids: list[Sequence[int]] = [[number for number in row if number] for row in self._rows]
        return ids + [self._model.encode(phrase).ids for phrase in self._phrases]

    def _words(self) -> Ids:
        """[B, L] 0 behind the last word."""
        words = np.zeros((len(self._ids), self.longest), np.int32)
        for row, found in zip(words, self._ids, strict=True):
            row[: len(found)] = found
        return words

    @cached_property
    def _outputs(self) -> Outputs:
        """Logits and probabilities [B, V]."""
        found = []
        for result in in_batches(self._model, self._contexts, None):
            if isinstance(result, Exception):
                raise result
            found.append(cast(Outputs, result))
        return Outputs(
            np.stack([one.logits for one in found]), np.stack([one.probabilities for one in found])
        )

    def _next_words(self) -> list[str]:
        """[B] the most probable words that may be suggested; "" where there is none."""
        words = []
        for result in in_batches(self._model, self._contexts, 1):
            if isinstance(result, Exception):
                raise result
            ids = cast(Ranking, result).ids
            words.append(str(self._model.vocabulary.words[ids[0]]) if ids else "")
        return words

    @cached_property
    def _hidden_states(self) -> list[Floats]:
        """[B, T, H] of every recurrent layer; a skipped timestep repeats the state before it."""
        engine = self._model.engine
        if not isinstance(engine, NumpyEngine) or not engine.network.causal:
            traces = [engine.trace(row).recurrent for row in self._padded]
            named = [{one.name: one.hidden_state for one in trace} for trace in traces]
            names = [layer.name for layer in engine.network.recurrent]
            states = [np.stack([trace[name] for trace in named]) for name in names]
        else:
            states = self._unrolled(engine)
        for one in states:
            check_finite(one)
        return states

    def _unrolled(self, engine: NumpyEngine) -> list[Floats]:
        """All rows in one pass."""
        padded, masked = self._padded, engine.network.mask_zero
        computed = padded != 0 if masked else np.ones_like(padded, np.bool_)  # [B, T]
        # How many steps were computed up to each timestep: the state that stands there.
        steps = computed.cumsum(axis=1)  # [B, T]
        packed = pack([row[kept].tolist() for row, kept in zip(padded, computed, strict=True)])
        with np.errstate(over="ignore", invalid="ignore"):
            layers = [states[0] for states in engine.run(packed)]  # [N, H] each
        starts = np.concatenate([[0], np.cumsum(packed.running, dtype=np.intp)])
        rows = np.empty(len(padded), np.intp)
        rows[packed.order] = np.arange(len(rows))  # where each sequence runs
        at = starts[np.maximum(steps - 1, 0)] + rows[:, np.newaxis]  # [B, T] in the packed rows
        found = []
        for hidden in layers:
            states = np.zeros((*steps.shape, hidden.shape[1]), np.float32)
            states[steps > 0] = hidden[at[steps > 0]]
            found.append(states)
        return found
