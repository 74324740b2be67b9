"""What the page shows of a phrase and a model: plain values for the templates, no HTML."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from app.answers import Compared, Explained, ExplainedStep
from app.arrays import Kernel
from app.engines.activations import softmax
from app.engines.topk import most_active
from app.inspection import check_cost, compare, explain
from app.model import Model
from app.pictures import Picture
from app.pictures.rolled import rolled
from app.pictures.states import MOST_UNITS, heat_strip
from app.pictures.unrolled import unrolled
from app.text.vocabulary import PADDING_ID
from app.web.arithmetic import Arithmetic, arithmetic
from app.what_if import (
    MOST_EDITED,
    MOST_ORDERED,
    LeftOut,
    Weights,
    compare_orders,
    leave_one_out,
    with_weights,
    words_of,
)

# A phrase that a model makes something striking of: in another order english answers otherwise.
EXAMPLES = {"english": "thank you very", "notebook": "this is"}
_WIDE, _NARROW = 6, 2  # timesteps side by side on a screen, and on a phone
_MOST_LISTED = 60  # logits in a table


class Weight(NamedTuple):
    """One weight of a model small enough to be edited; `rows` are [[value …] …]."""

    name: str
    shape: tuple[int, ...]
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of the padded input: one word, or padding on end."""

    count: int
    id: int
    word: str
    padding: bool


class Look(NamedTuple):
    """One phrase through one model."""

    model: Model
    explained: Explained
    unrolled: tuple[Picture, Picture]  # wide, narrow
    rolled: Picture
    states: tuple[Picture, Picture]
    units: tuple[int, ...]  # shown of the layer that is looked at
    arithmetic: Arithmetic
    weights: tuple[Weight, ...]  # empty where there are too many to edit
    logits: tuple[tuple[str, float, float], ...]  # word, logit, probability
    changed: bool  # whether weights are overridden

    @property
    def masked(self) -> bool:
        """Whether padding is skipped."""
        return self.model.network.mask_zero

    @property
    def steps(self) -> list[ExplainedStep]:
        """The timesteps that were computed."""
        return [step for step in self.explained.timesteps if not step.masked]

    @property
    def runs(self) -> list[Run]:
        """The padded input, its padding in one piece."""
        runs: list[Run] = []
        for number, group in groupby(self.explained.timesteps, key=lambda step: step.id):
            steps = list(group)
            if number == PADDING_ID:
                runs.append(Run(len(steps), number, "padding", padding=True))
            else:
                runs += [Run(1, number, step.token or "", padding=False) for step in steps]
        return runs

    @property
    def starts(self) -> str | None:
        """The word that a phrase begins with by itself, where it does."""
        start = self.model.start_id
        if start is None or start not in self.explained.padded:
            return None
        return self.model.vocabulary.words[start]

    @property
    def head(self) -> str:
        """What turns the state into logits."""
        return " and ".join(f"“{dense.name}”" for dense in self.explained.dense) or "softmax"

    @property
    def all_classes(self) -> bool:
        """Whether every class stands in the table of logits."""
        return len(self.logits) == len(self.explained.logits)

    @property
    def states_said(self) -> str:
        """What is shown of the states, in words."""
        size = len(self.explained.timesteps[-1].layers[self.arithmetic.level].hidden_state)
        if size == len(self.units):
            return "one number." if size == 1 else f"{size} numbers."
        return f"{size:,} numbers, of which the {len(self.units)} most active are shown."


class Experiments(NamedTuple):
    """The same words in other orders, one left out, and another phrase."""

    left_out: tuple[LeftOut, ...]
    ordered: Compared
    all_orders: bool
    saturated: bool  # every state is full: order hardly shows
    other: Compared | None


def look(
    model: Model,
    phrase: str,
    most_seconds: float,
    t: int | None = None,
    unit: int | None = None,
    layer: str | None = None,
    weights: Weights | None = None,
) -> Look:
    """Everything of one look. Raises RequestError for what cannot be answered, TooExpensive for
    what would take longer than `most_seconds`.
    """
    check_cost(model, [phrase], most_seconds)
    if weights:
        model = with_weights(model, weights)
    explained = explain(model, phrase)
    network = model.network
    reading = arithmetic(explained, network, t, unit, layer)
    states = np.stack([step.layers[reading.level].hidden_state for step in explained.timesteps])

    def drawn(columns: int, name: str) -> Picture:
        return _lit(unrolled(explained, network, columns=columns, name=name), reading)

    def strip(columns: int, name: str) -> Picture:
        return _lit(heat_strip(explained, level=reading.level, columns=columns, name=name), reading)

    return Look(
        model,
        explained,
        (drawn(_WIDE, "wide"), drawn(_NARROW, "narrow")),
        rolled(explained, network, name="rolled"),
        (strip(12, "states"), strip(4, "few")),
        tuple(most_active(states, MOST_UNITS).tolist()),
        reading,
        _editable(model),
        _logits(explained, model),
        bool(weights),
    )


def _lit(drawn: Picture, reading: Arithmetic) -> Picture:
    """The timestep and the unit that are being read, lit."""
    for label in (
        f'<g data-t="{reading.t}" data-layer="{reading.level}"',
        f'<g data-t="{reading.t}" data-unit="{reading.unit}"',
    ):
        drawn = Picture(drawn.replace(label, label.replace("<g ", '<g class="lit" ')))
    return drawn


def _editable(model: Model) -> tuple[Weight, ...]:
    if model.network.parameters > MOST_EDITED:
        return ()
    return tuple(_weight(name, array) for name, array in model.network.weights.items())


def _weight(name: str, kernel: Kernel) -> Weight:
    array = np.asarray(kernel)
    rows = array.reshape(-1, array.shape[-1])
    return Weight(name, array.shape, tuple(tuple(map(float, row)) for row in rows))


def _logits(explained: Explained, model: Model) -> tuple[tuple[str, float, float], ...]:
    """Every class of a small vocabulary, the predicted words of a large one."""
    words = model.vocabulary.words
    probabilities = softmax(explained.logits[np.newaxis])[0]
    ids: Sequence[int] = range(len(words))
    if len(words) > _MOST_LISTED:
        ids = [one.id for one in explained.predictions]
    return tuple(
        (words[i] or "padding", float(explained.logits[i]), float(probabilities[i])) for i in ids
    )


def experiments(
    model: Model, phrase: str, most_seconds: float, other: str | None = None
) -> Experiments:
    """What is tried with a phrase's words. Raises RequestError for what cannot be answered,
    TooExpensive for what would take longer than `most_seconds`.
    """
    words = words_of(model, phrase)
    all_orders = len(words) <= MOST_ORDERED
    orders = math.factorial(len(words)) if all_orders else 2
    tried = [phrase] * (len(words) + orders) + ([phrase, other] if other else [])
    check_cost(model, tried, most_seconds)
    if all_orders:
        ordered = compare_orders(model, phrase)
    else:
        ordered = compare(model, [phrase, " ".join(reversed(words))], 1)
    states = np.stack([result.hidden_state for result in ordered.results])
    return Experiments(
        leave_one_out(model, phrase),
        ordered,
        all_orders,
        bool((np.abs(states) > 0.97).all()),
        compare(model, [phrase, other], 3) if other else None,
    )
