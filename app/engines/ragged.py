"""Sequences of several lengths through an engine, none of them padded."""

from collections.abc import Sequence

import numpy as np

from app.arrays import Ids
from app.engines.base import Engine, Outputs


def forward_each(engine: Engine, rows: Sequence[Ids]) -> Outputs:
    """Logits [B, V] and probabilities [B, V] after ids [T_b] of B sequences, those of one length
    together.
    """
    lengths = np.array([len(row) for row in rows])
    if (lengths == lengths[0]).all():
        return engine.forward(np.stack(rows))
    shape = len(rows), engine.network.classes
    outputs = Outputs(np.empty(shape, np.float32), np.empty(shape, np.float32))
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length)
        some = engine.forward(np.stack([rows[at] for at in same.tolist()]))
        outputs.logits[same], outputs.probabilities[same] = some
    return outputs
