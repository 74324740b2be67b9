"""What each step towards a fast prediction buys: the plain way beside ours, in this process.

    python -m benchmarks.steps

One BLAS thread, interleaved, medians; the yardstick network, phrases of four words, the ten best.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.api.native import encoding
from app.arrays import Floats
from app.engines.activations import softmax
from app.engines.base import Outputs
from app.engines.numpy_engine import NumpyEngine
from app.engines.packing import pack
from app.engines.prefixes import Lookups, Runner
from app.engines.products import arranged, product
from app.engines.topk import best_of_rows
from app.folder.read import load_model
from app.http.exchange import encode
from app.model import Model
from benchmarks.timing import medians, table
from benchmarks.yardstick import SHAPE, write_yardstick

Step = tuple[str, Callable[[], object], Callable[[], object]]
BATCH, SOME, FEW, BEST = 32, 8, 3, 10


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = load_model(write_yardstick(Path(folder)))
    steps = [*_products(model), *_recurrence(model), *_answers(model)]
    calls = {f"{name} {at}": way for name, *ways in steps for at, way in enumerate(ways)}
    taken = medians(calls)
    rows: list[tuple[object, ...]] = []
    for name, _, _ in steps:
        plain, ours = taken[f"{name} 0"], taken[f"{name} 1"]
        rows.append((name, f"{plain * 1e6:.0f}", f"{ours * 1e6:.0f}", f"{plain / ours:.1f}"))
    print(table("step | the plain way, µs | ours, µs | times faster", rows))


def _products(model: Model) -> list[Step]:
    """Products with the weights as they lie in memory."""
    rng = np.random.default_rng(0)
    by_row = rng.standard_normal((SHAPE.classes, SHAPE.projection), np.float32)  # [V, P]
    by_column = np.ascontiguousarray(by_row.T)  # [P, V]
    h = rng.standard_normal((BATCH, SHAPE.projection), np.float32)
    recurrent = rng.standard_normal((SHAPE.units, SHAPE.units), np.float32)
    output = arranged(by_column)
    few = rng.standard_normal((FEW, SHAPE.units), np.float32)

    def row_by_row() -> Floats:
        out = np.empty_like(few)
        for row, into in zip(few, out, strict=True):
            np.matmul(row, recurrent, out=into)
        return out

    return [
        ("the output of 32 phrases, from [V, P] or [P, V]", lambda: h @ by_row.T,
         lambda: h @ by_column),
        ("the output of one phrase, likewise", lambda: h[:1] @ by_row.T,
         lambda: h[:1] @ by_column),
        (f"the output of {SOME} phrases, at once or in blocks", lambda: h[:SOME] @ by_column,
         lambda: product(h[:SOME], output)),
        (f"a recurrent step of {FEW} phrases, at once or each alone", lambda: few @ recurrent,
         row_by_row),
    ]  # fmt: skip


def _recurrence(model: Model) -> list[Step]:
    """Products that need not be computed, or not one by one."""
    engine = model.engine
    assert isinstance(engine, NumpyEngine)
    embedding, recurrent = model.network.layers[0].weights, model.network.recurrent[0]
    rng = np.random.default_rng(1)
    contexts = [tuple(rng.integers(1, SHAPE.classes, 4).tolist()) for _ in range(BATCH)]
    phrase = contexts[0]
    ids = np.array(phrase)
    table, kernel = np.asarray(embedding["embeddings"]), np.asarray(recurrent.kernel)
    known = table @ kernel  # [V, H]
    fresh = Runner(engine, model.options.max_length, 0, Lookups())
    remembered = Runner(engine, model.options.max_length, 1 << 20, Lookups())
    remembered.logits([phrase[:3]])

    def one_more_word() -> Floats:
        last = int(rng.integers(1, SHAPE.classes))  # so that there is a step to compute
        return remembered.logits([(*phrase[:3], last)])

    def alone() -> list[Floats]:
        return [engine.logits(engine.run(pack([one]))[-1][0][-1:]) for one in contexts]

    def together() -> Floats:
        packed = pack(contexts)
        return engine.logits(packed.last(engine.run(packed)[-1][0]))

    def multiplied() -> Floats:
        terms: Floats = table[ids] @ kernel
        return terms

    return [
        ("x·W of four words, or rows of E·W", multiplied, lambda: known[ids]),
        ("32 phrases, one by one or together", alone, together),
        ("a known phrase and one word more", lambda: fresh.logits([phrase]), one_more_word),
    ]


def _answers(model: Model) -> list[Step]:
    """Logits -> the best words -> bytes, and a phrase -> ids."""
    rng = np.random.default_rng(2)
    logits = rng.standard_normal((BATCH, SHAPE.classes), np.float32) * np.float32(3)
    one = softmax(logits[:1])[0]
    ranking = best_of_rows(logits[:1].copy(), BEST, model.barred)[0]
    phrase = "w1234 w2345 w3456 w4567"
    assert ranking is not None

    def sorted_rows() -> list[object]:
        return [np.argsort(-row)[:BEST] for row in softmax(logits)]

    def partitioned_rows() -> list[object]:
        found: list[object] = []
        for row in softmax(logits):
            best = np.argpartition(row, -BEST)[-BEST:]
            found.append(best[np.argsort(-row[best])])
        return found

    def ours() -> object:
        return best_of_rows(logits.copy(), BEST, model.barred)

    words = model.vocabulary.words
    outputs = Outputs(logits[0], one)
    return [
        ("the ten best of 32 distributions, by sorting", sorted_rows, ours),
        ("the ten best of 32 distributions, by argpartition", partitioned_rows, ours),
        ("a phrase -> ids, by tokens and spans or by look-ups",
         lambda: model.pad(model.encode(phrase)), lambda: model.context(phrase)),
        ("an answer of ten words -> JSON",
         lambda: json.dumps({"predictions": [
             {"word": words[i], "id": i, "probability": float(p)}
             for i, p in zip(ranking.ids, ranking.probabilities, strict=True)]}),
         lambda: encode(encoding.predicted(model, phrase, ranking))),
        ("a distribution of 10,000 words -> JSON",
         lambda: json.dumps({"words": words, "probabilities": one.tolist(),
                             "logits": logits[0].tolist()}),
         lambda: encode(encoding.distribution(model, phrase, outputs))),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
