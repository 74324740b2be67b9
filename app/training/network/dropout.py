"""What is dropped in training: one mask a sequence, the same at every timestep."""

from dataclasses import dataclass

import numpy as np

from app.arrays import Floats
from app.training.network.parameters import Shape


@dataclass(frozen=True, slots=True)
class Dropout:
    """Shares dropped in training (Gal and Ghahramani 2016).

    `words` drops whole words of the vocabulary for a batch, `recurrent` single weights of the
    recurrent kernels for a batch (DropConnect; Merity et al. 2018).
    """

    embedding: float = 0.0
    hidden: float = 0.0
    projection: float = 0.0
    words: float = 0.0
    recurrent: float = 0.0


@dataclass(frozen=True, slots=True)
class Masks:
    """Inverted dropout masks, [B, features] each; None or empty where nothing is dropped."""

    embedding: Floats | None
    hidden: tuple[Floats, ...]
    projection: Floats | None

    @classmethod
    def draw(cls, dropout: Dropout, shape: Shape, B: int, rng: np.random.Generator) -> "Masks":
        """Masks for B sequences. Where nothing is dropped, no random number is drawn."""

        def mask(rate: float, features: int) -> Floats | None:
            return inverted(rate, (B, features), rng) if rate else None

        hidden = [mask(dropout.hidden, shape.units) for _ in range(shape.layers)]
        projection = None
        if shape.projection:
            projection = mask(dropout.projection, shape.columns if shape.tied else shape.projection)
            if projection is not None and shape.tied:
                projection[:, -1] = 1.0  # the bias is not a feature
        return cls(
            mask(dropout.embedding, shape.columns),
            tuple(one for one in hidden if one is not None),
            projection,
        )


def inverted(rate: float, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """0 for a share `rate` of a mask, for the others what keeps its mean 1."""
    kept = rng.random(shape, np.float32) >= np.float32(rate)
    return kept * np.float32(1 / (1 - rate))
