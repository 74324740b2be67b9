"""A small text and a run on it, for the tests of whole training runs."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from app.training.config import Source, TrainConfig
from app.training.fit import Progress
from app.training.text.corpus import Encoded

LINES = ["the cat sat on the mat", "the dog sat on the rug", "a bird sang in the tree"]


def configured(corpus: Path, **changes: Any) -> TrainConfig:
    config = TrainConfig(
        sources=(Source(corpus),),
        validation=(corpus,),
        max_length=8,
        embedding=8,
        units=16,
        epochs=30,
        batch_size=120,
        dropout=0.1,
        averaged=0.9,
        learning_rate=1e-2,
        validations=6,
    )
    return dataclasses.replace(config, **changes)


def nothing(_step: Progress) -> None:
    pass


def encoded(lines: list[list[int]]) -> Encoded:
    ids = np.array([word for line in lines for word in line], np.int32)
    return Encoded(ids, np.cumsum([len(line) for line in lines]))
