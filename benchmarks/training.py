"""Words a second of training, beside Keras's `fit` and PyTorch's word_language_model example.

    python -m benchmarks.training [--data FOLDER] [--words 400000] [--rounds 3]

One thread each, in turn; once two threads share each step. The network is Embedding(256) →
SimpleRNN(512) → Dense(256) → Dense(V), for PyTorch's example RNN_TANH with as many units. Ours and
Keras's start from the same weights, read the same windows and take the same steps (Adam, 1e-3), so
that their perplexities on held-out text can be compared; Keras has the full softmax. Without
--data (the English recipe's corpora) the text is drawn from a random bigram model.
"""

import os

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
os.environ |= {"CUDA_VISIBLE_DEVICES": ""}

import argparse
import io
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from app.arrays import Ids
from app.training.config import TrainConfig
from app.training.fit import Fit
from app.training.network.bptt import Batch, Unrolled
from app.training.network.parameters import Shape, initialize
from app.training.network.workers import workers
from app.training.text.batches import RunningBatches
from app.training.text.corpus import (
    Encoded,
    build_vocabulary,
    count_words,
    encode_file,
    training_lines,
)
from app.training.validation import perplexity
from benchmarks.contestants import PEERS, ROOT, NotInstalled, python_of
from benchmarks.timing import table

WINDOW, SEQUENCES, RATE = 35, 20, 1e-3
HELD_OUT = 50_000  # words
RECIPE = ROOT / "app" / "training" / "recipes" / "english.toml"


def text_of(data: Path | None, words: int) -> tuple[Ids, int]:
    """A running text of `words` ids, and the number of classes."""
    if data is None:
        return _bigrams(words, 10_000), 10_000
    config = TrainConfig.from_recipe(RECIPE, data)
    vocabulary = build_vocabulary(count_words(config), config)
    lines = training_lines(config.sources[0].path, config)
    with tempfile.TemporaryDirectory() as folder:
        encoded = encode_file(lines, vocabulary, config, Path(folder) / "ids")
        order = np.random.default_rng(0).permutation(len(encoded))
        starts = encoded.ends - encoded.lengths
        pieces = [encoded.ids[starts[at] : encoded.ends[at]] for at in order]
        ids: Ids = np.insert(np.concatenate(pieces), np.cumsum(encoded.lengths[order]), 1)
    return ids[:words].astype(np.int32), len(vocabulary) + 1


def _bigrams(words: int, classes: int) -> Ids:
    """Every word has 30 that may follow; frequent ones are frequent after most."""
    rng = np.random.default_rng(0)
    zipf = 1 / np.arange(2, classes + 1)
    followers = rng.choice(np.arange(1, classes), (classes, 30), p=zipf / zipf.sum())
    ids = np.ones(words, np.int32)
    for at, choice in enumerate(rng.integers(0, 30, words - 1), 1):
        ids[at] = followers[ids[at - 1], choice]
    return ids


class Task:
    """The text, cut into windows, and what every contestant starts from."""

    def __init__(self, ids: Ids, classes: int) -> None:
        self.classes = classes
        self.shape = Shape(classes, 256, 512, 1, 256, tied=False)
        train, held_out = ids[:-HELD_OUT], ids[-HELD_OUT:]
        self.text = Encoded(train, np.array([len(train)]))
        self.batches = RunningBatches(self.text, SEQUENCES, WINDOW, None, 0)
        rest = RunningBatches(
            Encoded(held_out, np.array([len(held_out)])), SEQUENCES, WINDOW, None, 0
        )
        self.held_out: list[Batch] = list(rest.epoch(0))

    def start(self) -> dict[str, Any]:
        """Fresh weights, the same each time."""
        return dict(initialize(self.shape, np.random.default_rng(0)))


def ours(task: Task, sampled: int, threads: int = 1) -> tuple[float, float]:
    """Words a second, and the perplexity on held-out text."""
    config = TrainConfig(
        tied=False, embedding=256, units=512, projection=256, context="running", dropout=0.0,
        sampled=sampled, full_softmax=0.0, epochs=1, learning_rate=RATE, warmup=0.0,
        weight_decay=0.0, clip_norm=0.0, validations=1, averaged=0.0,
    )  # fmt: skip
    fit = Fit(config, task.classes, task.batches, [], initial=task.start())
    batches = list(task.batches.epoch(0))
    with workers(fit.net, fit.dropout, fit.teacher, threads) as team:
        words, begin = 0, time.perf_counter()
        for number, batch in enumerate(batches):
            words += fit._step(team, batch, number / len(batches))[1]
            fit.run.step += 1
        speed = words / (time.perf_counter() - begin)
    return speed, perplexity(fit.net, task.held_out, carry=True)


def keras_fit(task: Task) -> tuple[float, float]:
    """The same with `keras.Model.fit`, the whole epoch in one call."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    weights = task.start()
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((WINDOW,), batch_size=SEQUENCES, dtype="int32"),
            layers.Embedding(task.classes, 256),
            layers.SimpleRNN(512, return_sequences=True, stateful=True),
            layers.Dense(256),
            layers.Dense(task.classes),
        ]
    )
    names = ("embeddings", "kernel_0", "recurrent_kernel_0", "bias_0", "projection_kernel")
    start = [weights[name] for name in (*names, "projection_bias")]
    model.set_weights([*start, weights["output_kernel"].T, weights["output_bias"][:, 0]])
    batches = [batch for batch in task.batches.epoch(0) if len(batch.ids) == WINDOW]
    steps = len(batches)
    decay = keras.optimizers.schedules.PolynomialDecay(RATE, steps, 0.0)
    model.compile(
        keras.optimizers.Adam(decay, beta_2=0.99, epsilon=1e-8),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    x = np.concatenate([batch.ids.T for batch in batches])
    y = np.concatenate([batch.targets.T for batch in batches])
    model.train_on_batch(x[:SEQUENCES], y[:SEQUENCES])  # compile
    model.set_weights([*start, weights["output_kernel"].T, weights["output_bias"][:, 0]])
    begin = time.perf_counter()
    model.fit(x, y, batch_size=SEQUENCES, shuffle=False, verbose=0)
    speed = x.size / (time.perf_counter() - begin)
    learnt = dict(zip((*names, "projection_bias"), model.get_weights(), strict=False))
    kernel, bias = model.get_weights()[-2:]
    learnt |= {"output_kernel": kernel.T.copy(), "output_bias": bias[:, None]}
    return speed, perplexity(Unrolled(task.shape, learnt), task.held_out, carry=True)


def torch_example(task: Task) -> tuple[float, float]:
    """The example's speed; it has another optimiser, so no perplexity to compare."""
    given = io.BytesIO()
    sizes = {"classes": task.classes, "features": 512, "units": 512, "window": WINDOW}
    np.savez(given, ids=task.batches.ids, **sizes)  # type: ignore[arg-type]
    command = [python_of("torch"), str(PEERS / "torch_language_model.py")]
    printed = subprocess.run(command, input=given.getvalue(), capture_output=True, check=True)
    return float(printed.stdout), float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--words", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    task = Task(*text_of(arguments.data, arguments.words + HELD_OUT))
    contestants: dict[str, Callable[[], tuple[float, float]]] = {
        "unrolled train, sampled softmax": lambda: ours(task, 1000),
        "unrolled train, sampled softmax, two threads": lambda: ours(task, 1000, 2),
        "unrolled train, full softmax": lambda: ours(task, 0),
        "Keras fit, full softmax": lambda: keras_fit(task),
        "PyTorch word_language_model, RNN_TANH": lambda: torch_example(task),
    }
    results: dict[str, list[tuple[float, float]]] = {}
    for _ in range(arguments.rounds):
        for name, run in contestants.items():
            try:
                results.setdefault(name, []).append(run())
            except NotInstalled as error:
                print(f"left out: {name}: {error}")
    speeds = {name: median(speed for speed, _ in found) for name, found in results.items() if found}
    keras_speed = speeds["Keras fit, full softmax"]
    rows: list[tuple[object, ...]] = [
        (
            name,
            f"{speed:,.0f}",
            f"{speed / keras_speed:.2f}",
            f"{median(value for _, value in results[name]):.1f}",
        )
        for name, speed in speeds.items()
    ]
    print(table("training | words/s | × Keras | held-out perplexity", rows))


if __name__ == "__main__":
    main()
