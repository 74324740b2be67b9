"""How the cost of a phrase grows with the words of a model and with its units: random weights.

    python -m benchmarks.growth [--rounds 3]

Seconds of one processor, the fastest of some rounds: phrases of four words, 32 in a product, as the
service makes them under load, and alone; the best five of each.
"""

import argparse
import os
import random
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from app.folder.read import load_model
from app.model import Model
from app.serving.results import in_batches
from app.training.network.parameters import Shape
from benchmarks.timing import table
from benchmarks.yardstick import write_random

WORDS = (1_000, 10_000, 30_000, 100_000)  # with 512 units
UNITS = (128, 512, 1_024, 2_048)  # with 10,000 words
PROJECTION = 256


def per_phrase(model: Model, together: int, rounds: int, count: int = 128) -> float:
    """Seconds."""
    draw = random.Random(0)
    words = [word for word in model.vocabulary.words if word]
    phrases = [" ".join(draw.choices(words, k=4)) for _ in range(count)]
    taken = []
    for _ in range(rounds):
        begin = time.process_time()
        for start in range(0, count, together):
            contexts = [model.context(phrase) for phrase in phrases[start : start + together]]
            assert sum(1 for _ in in_batches(model, contexts, 5)) == len(contexts)
        taken.append((time.process_time() - begin) / count)
    return min(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    sizes = [(words, 512) for words in WORDS] + [(10_000, units) for units in UNITS]
    rows: list[tuple[object, ...]] = []
    for words, units in dict.fromkeys(sizes):
        shape = Shape(words, PROJECTION, units, 1, PROJECTION, tied=False)
        with tempfile.TemporaryDirectory() as folder:
            model = load_model(write_random(Path(folder), "random", shape))
            products = 4 * units * units + PROJECTION * (units + words)
            many, alone = (per_phrase(model, together, rounds) for together in (32, 1))
        memory = 4 * model.network.parameters / 1e6
        figures = (f"{products / 1e6:.1f}", f"{1e6 * many:.0f}", f"{1e6 * alone:.0f}")
        rows.append((f"{words:,}", f"{units:,}", *figures, f"{memory:.0f}"))
    head = "words | units | M multiplications | µs, 32 together | µs, alone | MB of weights"
    print(table(head, rows))


if __name__ == "__main__":
    main()
