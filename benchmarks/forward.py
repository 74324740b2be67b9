"""The forward pass in this process, beside what the machine can do at all.

    python -m benchmarks.forward

One BLAS thread, interleaved, medians. The bounds: one phrase must read every weight once, so it
cannot be faster than reading as many bytes; 32 phrases are bound by arithmetic, so they cannot be
faster than a large matrix product's rate. "Per phrase" of a batch is its time through its size.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import orjson

from app.api.native import encoding
from app.arrays import Context, Floats, Ids, Kernel
from app.engines.base import Outputs
from app.engines.numpy_engine import NumpyEngine
from app.engines.prefixes import Lookups, Runner
from app.engines.products import product
from app.engines.topk import best_of_rows
from app.folder.read import load_model
from app.http.exchange import encode
from app.layers import Dense, Embedding, Recurrent
from app.model import Model
from app.network import Network
from app.terms import ARITHMETIC
from benchmarks.timing import medians, table
from benchmarks.yardstick import write_yardstick

MODELS = Path(__file__).parent.parent / "models"
WORDS = 4


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        yardstick = load_model(write_yardstick(Path(folder)))
    print(_notebook())
    print(_bounds(yardstick))
    print(_cells())
    print(_growth(yardstick))
    print(_encoding(yardstick))


def engine_of(model: Model) -> NumpyEngine:
    assert isinstance(model.engine, NumpyEngine)
    return model.engine


def _notebook() -> str:
    model = load_model(MODELS / "notebook")
    padded = model.pad(model.encode("this is")).ids[None]
    published = np.array([0.01513512, 0.02723994, 0.46750897, 0.03055882, 0.45955703])
    largest = float(np.abs(model.engine.forward(padded).probabilities[0] - published).max())
    taken = medians({"forward": lambda: model.engine.forward(padded)})["forward"]
    row = (f"{taken * 1e6:.1f} µs", f"{largest:.1e}")
    return table("notebook, one forward pass | largest difference from Keras's published", [row])


def _random_ids(model: Model, phrases: int, words: int) -> Ids:
    rng = np.random.default_rng(0)
    padded = np.zeros((phrases, model.options.max_length), np.int32)
    padded[:, -words:] = rng.integers(1, model.network.classes, (phrases, words))
    return padded


def _touched(model: Model, words: int) -> int:
    """Weights that a phrase of `words` cannot do without: rows of the embedding, all the rest."""
    by_layer = {layer.name: layer for layer in model.network.layers}
    embedding = next(iter(by_layer.values())).weights["embeddings"]
    return int(model.network.parameters - embedding.size + words * embedding.shape[1])


def _flops(model: Model, words: int) -> float:
    """Multiplications and additions of one phrase: no recurrent product at the first step."""
    total = 0.0
    for layer in model.network.layers:
        for name, array in layer.weights.items():
            times = {"kernel": words, "recurrent_kernel": words - 1}.get(name, 0)
            if array.ndim == 2 and "embedding" not in layer.name:
                total += 2.0 * array.size * (times if layer in model.network.recurrent else 1)
    return total


def _bounds(model: Model) -> str:
    engine = engine_of(model)
    read = np.ones(_touched(model, WORDS), np.float32)
    far = np.ones(64 << 20, np.float32)
    square = np.ones((1024, 1024), np.float32)
    one, many = _random_ids(model, 1, WORDS), _random_ids(model, 32, WORDS)
    logits = engine.forward(many).logits

    def rank(phrases: int) -> object:
        return best_of_rows(logits[:phrases].copy(), 10, model.barred)

    taken = medians(
        {
            "read": lambda: np.dot(read, read),
            "read far": lambda: np.dot(far, far),
            "gemm": lambda: square @ square,
            "one": lambda: engine.forward(one),
            "many": lambda: engine.forward(many),
            "rank one": lambda: rank(1),
            "rank many": lambda: rank(32),
        }
    )
    gemm_rate = 2 * 1024**3 / taken["gemm"]
    bandwidth = read.nbytes / taken["read"]
    far_bandwidth = far.nbytes / taken["read far"]
    bound = 32 * _flops(model, WORDS) / gemm_rate
    return table(
        f"yardstick, {WORDS} words | per phrase | bound | ratio | best 10 on top",
        [
            (
                "1 phrase",
                f"{taken['one'] * 1e6:.0f} µs",
                f"{taken['read'] * 1e6:.0f} µs to read {read.nbytes / 1e6:.1f} MB at "
                f"{bandwidth / 1e9:.1f} GB/s ({far_bandwidth / 1e9:.1f} GB/s from memory)",
                f"{taken['one'] / taken['read']:.2f}",
                f"{taken['rank one'] * 1e6:.0f} µs",
            ),
            (
                "32 phrases",
                f"{taken['many'] / 32 * 1e6:.0f} µs",
                f"{bound / 32 * 1e6:.0f} µs for {_flops(model, WORDS) / 1e6:.1f} MFLOP at "
                f"{gemm_rate / 1e9:.0f} GFLOP/s",
                f"{taken['many'] / bound:.2f}",
                f"{taken['rank many'] / 32 * 1e6:.0f} µs",
            ),
        ],
    )


def _cell_network(class_name: str) -> Network:
    """Embedding(10000, 256, mask_zero) → 512 units of a cell → Dense(10000, softmax)."""
    rng = np.random.default_rng(0)
    V, F, H = 10_000, 256, 512

    def weights(*shape: int) -> Floats:
        drawn: Floats = rng.standard_normal(shape, np.float32) / np.float32(shape[0] ** 0.5)
        return drawn

    columns = H * len(ARITHMETIC[class_name].terms)
    bias = weights(2, columns) if class_name == "GRU" else weights(columns)
    layer = Recurrent(
        *("cell", class_name, "tanh", weights(F, columns), weights(H, columns), bias, False),
        recurrent_activation=None if class_name == "SimpleRNN" else "sigmoid",
        reset_after=True if class_name == "GRU" else None,
    )
    embedding = Embedding("embedding", weights(V, F), True)
    dense = Dense("dense", "softmax", weights(H, V), weights(V))
    return Network(class_name, "Sequential", (embedding, layer, dense), None)


def _cells() -> str:
    """Each cell beside its own products alone, and beside a large product's rate."""
    square = np.ones((1024, 1024), np.float32)
    calls: dict[str, Callable[[], object]] = {"gemm": lambda: square @ square}
    flops: dict[str, float] = {}
    for class_name in ARITHMETIC:
        engine = NumpyEngine(_cell_network(class_name))
        [layer], dense = engine.network.recurrent, engine.network.layers[-1]
        assert isinstance(dense, Dense)
        for phrases in (1, 32, 256):
            name = f"{class_name}, {phrases} phrase{'s' if phrases > 1 else ''}"
            rng = np.random.default_rng(1)
            contexts = rng.integers(1, 10_000, (phrases, WORDS)).tolist()
            x = rng.standard_normal((phrases * WORDS, 256), np.float32)
            h = rng.standard_normal((phrases, 512), np.float32)
            calls[name] = partial(_whole, engine, contexts)
            calls[f"{name}: products"] = partial(_products, x, h, layer, dense.kernel)
            entering = 0 if class_name == "SimpleRNN" else WORDS * layer.kernel.size
            recurring = (WORDS - 1) * layer.recurrent_kernel.size
            flops[name] = 2.0 * phrases * (entering + recurring + dense.kernel.size)
    taken = medians(calls, rounds=15)
    rate = 2 * 1024**3 / taken["gemm"]
    rows: list[tuple[object, ...]] = [
        (
            name,
            f"{taken[name] * 1e3:.2f} ms",
            f"{taken[f'{name}: products'] * 1e3:.2f} ms",
            f"{taken[name] / taken[f'{name}: products']:.2f}",
            f"{taken[name] / (count / rate):.2f}",
        )
        for name, count in flops.items()
    ]
    return table(
        f"512 units, {WORDS} words, 10,000 classes | forward | its products alone | ratio "
        f"| ratio to a large product's rate ({rate / 1e9:.0f} GFLOP/s)",
        rows,
    )


def _whole(engine: NumpyEngine, contexts: list[list[int]]) -> Floats:
    return engine.logits(engine.final(contexts))


def _products(x: Floats, h: Floats, layer: Recurrent, output: Kernel) -> None:
    if layer.class_name != "SimpleRNN":  # whose E·W is computed once and for all
        product(x, layer.kernel)
    for _ in range(WORDS - 1):
        product(h, layer.recurrent_kernel)
    product(h, output)


def _growth(model: Model) -> str:
    """Phrases of growing length, each without and with the state of all but its last word."""
    engine, longest = engine_of(model), model.options.max_length
    lengths = (1, 2, 4, 8, 16, longest)
    rng = np.random.default_rng(1)
    words = [int(n) for n in rng.integers(1, model.network.classes, 2 * longest)]
    fresh = Runner(engine, longest, 0, Lookups())
    remembered = Runner(engine, longest, 64 << 20, Lookups())
    remembered.logits([tuple(words[:length]) for length in range(1, longest)])

    def extended(length: int) -> object:
        # A last word that was not there before, so that one step is left to compute.
        last = int(rng.integers(1, model.network.classes))
        context: Context = (*words[: length - 1], last)
        return remembered.logits([context])

    phrase = " ".join(f"w{number}" for number in words)
    calls: dict[str, Callable[[], object]] = {
        "beyond": lambda: fresh.logits([model.context(phrase)])
    }
    for n in lengths:
        calls[f"fresh {n}"] = partial(fresh.logits, [tuple(words[:n])])
        calls[f"extended {n}"] = partial(extended, n)
    taken = medians(calls)
    rows: list[tuple[object, ...]] = [
        (n, f"{taken[f'fresh {n}'] * 1e6:.0f} µs", f"{taken[f'extended {n}'] * 1e6:.0f} µs")
        for n in lengths
    ]
    rows.append((f"{2 * longest} (cut to {longest})", f"{taken['beyond'] * 1e6:.0f} µs", ""))
    return table("words | from nothing | one word more than a known phrase", rows)


def _encoding(model: Model) -> str:
    outputs = engine_of(model).forward(_random_ids(model, 1, WORDS))
    one = Outputs(outputs.logits[0], outputs.probabilities[0])
    arrays = {"probabilities": one.probabilities, "logits": one.logits}
    taken = medians(
        {
            "ours": lambda: encode(encoding.distribution(model, "w1", one)),
            "orjson": lambda: orjson.dumps(arrays, option=orjson.OPT_SERIALIZE_NUMPY),
        }
    )
    row = (
        f"{taken['ours'] * 1e3:.2f} ms",
        f"{taken['orjson'] * 1e3:.2f} ms",
        f"{taken['ours'] / taken['orjson']:.2f}",
    )
    return table("full distribution, 10,000 words | orjson, its arrays alone | ratio", [row])


if __name__ == "__main__":
    main()
