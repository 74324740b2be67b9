"""/v1/predict/batch: 1,000 phrases in a request, on one pinned core.

python -m benchmarks.batches [--rounds 9]
"""

import argparse
import http.client
import json
import random
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks import contestants as who
from benchmarks.running import running
from benchmarks.timing import table
from benchmarks.yardstick import CLASSES, write_yardstick

PHRASES = 1_000
CORE = 0


def phrases(words: int) -> list[str]:
    """Random phrases, each its own."""
    return [
        " ".join(f"w{random.randrange(1, CLASSES)}" for _ in range(words)) for _ in range(PHRASES)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    taken: dict[str, list[float]] = {"1,000 phrases": [], "1,000 requests of one": []}
    with tempfile.TemporaryDirectory() as folder:
        write_yardstick(Path(folder))
        contestant = who.ours("batch", Path(folder), "yardstick")
        with running(contestant, CORE, "w1 w2 w3 w4") as one:
            connection = http.client.HTTPConnection(urlsplit(one.url).netloc)

            def post(path: str, body: object) -> None:
                connection.request("POST", path, json.dumps(body))
                response = connection.getresponse()
                assert response.status == 200, response.read()
                response.read()

            for _ in range(arguments.rounds):
                many = phrases(4)
                begin = time.perf_counter()
                post("/v1/predict/batch", {"phrases": many, "top_k": 10})
                taken["1,000 phrases"].append(time.perf_counter() - begin)
                many = phrases(4)
                begin = time.perf_counter()
                for phrase in many:
                    post("/v1/predict", {"phrase": phrase, "top_k": 10})
                taken["1,000 requests of one"].append(time.perf_counter() - begin)
    rates = {name: PHRASES / median(seconds) for name, seconds in taken.items()}
    alone = rates["1,000 requests of one"]
    rows: list[tuple[object, ...]] = [
        (name, f"{rate:,.0f}", f"{rate / alone:.1f}") for name, rate in rates.items()
    ]
    print(table("one client, yardstick | phrases/s | ratio", rows))


if __name__ == "__main__":
    main()
