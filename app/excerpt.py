"""An explanation with the most active units alone: of 1,792 units and 14,000 words, a page's worth.

Each vector keeps its largest entries by size, the same units at every timestep, and says which they
are; of what has an entry for each word, those of the predicted words are kept.
"""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from app.answers import (
    DenseExcerpt,
    DenseOutput,
    Excerpt,
    Explained,
    ExplainedStep,
    GatedExcerpt,
    GatedStep,
    LayerExcerpt,
    LayerStep,
)
from app.arrays import Floats, Ids
from app.engines.topk import most_active

Steps = list[LayerStep | GatedStep]  # of one layer


def excerpt(explained: Explained, units: int) -> Excerpt:
    """At most `units` entries of every vector, with their indices."""
    steps = explained.timesteps
    columns = [_excerpt_layer([step.layers[at] for step in steps], units) for at in _levels(steps)]
    rows = tuple(
        replace(step, layers=tuple(layer[t] for layer in columns)) for t, step in enumerate(steps)
    )
    words = np.array([one.id for one in explained.predictions], np.int32)
    few = replace(
        explained,
        timesteps=rows,
        dense=tuple(_dense(one, units, words, len(explained.logits)) for one in explained.dense),
        logits=explained.logits[words],
    )
    return Excerpt(**_members(few), logit_indices=words)


def _levels(steps: tuple[ExplainedStep, ...]) -> range:
    return range(len(steps[0].layers))


def _excerpt_layer(steps: Steps, units: int) -> list[LayerExcerpt | GatedExcerpt]:
    """One layer at every timestep."""
    kept = _most_active([step.hidden_state for step in steps], units)
    inputs = [step.input for step in steps if step.input is not None]
    entering = _most_active(inputs, units) if inputs else None
    size = len(steps[0].hidden_state)
    few = [
        replace(
            _picked(step, kept, size), input=None if step.input is None else step.input[entering]
        )
        for step in steps
    ]
    return [
        (GatedExcerpt if isinstance(one, GatedStep) else LayerExcerpt)(
            **_members(one), indices=kept, input_indices=None if one.input is None else entering
        )
        for one in few
    ]


def _members(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _picked(value: Any, kept: Ids, size: int) -> Any:
    """Every vector of a value's fields that has an entry a unit, at the units that are kept."""
    if isinstance(value, np.ndarray):
        return value[kept] if value.shape == (size,) else value
    if isinstance(value, tuple):
        return tuple(_picked(one, kept, size) for one in value)
    if isinstance(value, dict):
        return {name: _picked(one, kept, size) for name, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changed = {name: _picked(one, kept, size) for name, one in _members(value).items()}
        return replace(value, **changed)
    return value


def _dense(one: DenseOutput, units: int, words: Ids, classes: int) -> DenseExcerpt:
    if len(one.output) == classes:
        return DenseExcerpt(one.name, one.output[words], words)
    kept = _most_active([one.output], units)
    return DenseExcerpt(one.name, one.output[kept], kept)


def _most_active(vectors: list[Floats], units: int) -> Ids:
    return most_active(np.stack(vectors), units).astype(np.int32)
