"""`unrolled predict --input` beside `in_batches` on the same phrases, CPU seconds of one core.

python -m benchmarks.bulk [--phrases 8192] [--rounds 3]
"""

import argparse
import gzip
import os
import random
import tempfile
import time
from pathlib import Path
from statistics import median

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from app.bulk.predict import Question
from app.bulk.run import here, run
from app.bulk.source import Source
from app.folder.read import load_model
from app.serving.results import in_batches
from app.training.network.parameters import Shape
from benchmarks.timing import table
from benchmarks.yardstick import write_random

ROOT = Path(__file__).parents[1]
SHIPPED = ("english", "notebook")
# As little arithmetic as the notebook's, and words enough for every phrase to be its own.
TINY = Shape(classes=256, embedding=2, units=2, layers=1, projection=0, tied=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--phrases", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rows: list[tuple[object, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        tiny = write_random(Path(folder), "tiny", TINY)
        models = [*(load_model(ROOT / "models" / name) for name in SHIPPED), load_model(tiny)]
    for model in models:
        words = [word for word in model.vocabulary.words if word and word.isalnum()]
        draw = random.Random(1)
        many = arguments.phrases * (1 if model.id == "english" else 8)
        phrases = [" ".join(draw.choices(words, k=draw.randint(1, 7))) for _ in range(many)]
        taken: dict[str, list[float]] = {"in_batches": [], "a file into a file": []}
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "phrases.txt.gz")
            source.write_bytes(gzip.compress("\n".join(phrases).encode()))
            question = Question(5)
            for number in range(arguments.rounds):
                contexts = [model.context(phrase) for phrase in phrases]
                begin = time.process_time()
                assert sum(1 for _ in in_batches(model, contexts, 5)) == many
                taken["in_batches"].append(time.process_time() - begin)
                output = Path(folder, f"{number}.jsonl.gz")
                begin = time.process_time()
                run(Source(source), output, model, question, here(model, question), lambda _: None)
                taken["a file into a file"].append(time.process_time() - begin)
        rates = {way: many / median(seconds) for way, seconds in taken.items()}
        share = rates["a file into a file"] / rates["in_batches"]
        rows.append((model.id, *(f"{rate:,.0f}" for rate in rates.values()), f"{share:.2f}"))
    print(table("phrases a CPU second | in_batches | a file into a file | ratio", rows))


if __name__ == "__main__":
    main()
