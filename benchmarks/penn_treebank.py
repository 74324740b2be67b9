"""Perplexity on one running text, the state carried from line to line, as the treebank is scored.

    unrolled train --recipe ptb --data FOLDER --out FOLDER/model
    python -m benchmarks.penn_treebank FOLDER/model FOLDER/valid.txt.gz FOLDER/test.txt.gz

Every word and the mark at the end of every line is predicted once from all that came before.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.engines.activations import log_softmax
from app.engines.cells.cell import States
from app.engines.numpy_engine import NumpyEngine
from app.engines.packing import pack
from app.folder.read import load_model
from app.model import Model
from app.training.text.corpus import read_lines

_POSITIONS = 512  # distributions at a time


def running_perplexity(model: Model, path: Path) -> float:
    """exp of the mean cross-entropy over a whole file."""
    engine, mark = model.engine, model.start_id
    assert isinstance(engine, NumpyEngine)
    assert mark is not None
    ids = [mark, *(n for line in read_lines(path) for n in (*model.encode(line).ids, mark))]
    state: Sequence[States] | None = None
    nats = 0.0
    for begin in range(0, len(ids) - 1, _POSITIONS):
        targets = ids[begin + 1 : begin + 1 + _POSITIONS]
        states = engine.run(pack([ids[begin : begin + len(targets)]]), state)  # [n, H] each
        state = [[one[-1:] for one in layer] for layer in states]
        logits = engine.logits(states[-1][0]).astype(np.float64)  # [n, V]
        nats -= float(log_softmax(logits, np.array(targets)).sum())
    return math.exp(nats / (len(ids) - 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("texts", type=Path, nargs="+")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    for text in arguments.texts:
        print(f"{text.name}: perplexity {running_perplexity(model, text):.2f}")


if __name__ == "__main__":
    main()
