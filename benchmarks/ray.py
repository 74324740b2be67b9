"""What Ray costs a request beside the plain service, and what a second machine brings to a file.

    .venv-ray/bin/python -m benchmarks.ray [--phrases 16384]

As root, after `make ray`: machines of one processor each are network namespaces. Seconds of the
processor are those of all that Ray runs on the machine that is asked.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import contestants as who
from benchmarks.keyboards import Service
from benchmarks.running import running
from benchmarks.timing import table
from tests.ray.cluster import BIN, HEAD, SECOND, Cluster, command_of

MODELS = who.ROOT / "models"
CLIENTS, SECONDS = 16, 3.0
LASTING = (
    "ray::Serve",
    "ray::Proxy",
    "raylet",
    "gcs_server",
)  # processes that are there throughout


def requests(cluster: Cluster, words: list[str]) -> Iterator[tuple[object, ...]]:
    """Of the notebook, which costs next to nothing: what is left is the way there and back."""
    plain = who.ours("notebook", MODELS, "notebook")
    with running(plain, 0, words[0]) as one:
        costs = {"unrolled serve": asyncio.run(Service(one.url, [one.pid], words).cost(CLIENTS, 3))}
    cluster.deploy()
    cluster.settle()
    with cluster.network.on(HEAD):
        there = {pid: command_of(pid) for pid in cluster.network.pids(HEAD)}
        lasting = [pid for pid, name in there.items() if any(one in name for one in LASTING)]
        service = Service(cluster.url(HEAD, ""), lasting, words)
        costs["Ray Serve, its plain proxy"] = asyncio.run(service.cost(CLIENTS, SECONDS))
    for name, seconds in costs.items():
        ratio = seconds / costs["unrolled serve"]
        yield name, f"{1e3 * seconds:.3f}", f"{ratio:.1f}"


def of_a_file(cluster: Cluster, folder: Path, name: str, *options: str) -> float:
    """Seconds, from the command's start to its end."""
    environment = cluster.environment | {"UNROLLED_MODELS_DIR": str(MODELS)}
    output = folder / f"{len(list(folder.iterdir()))}.jsonl"
    files = ("--input", str(folder / name), "--output", str(output))
    begin = time.perf_counter()
    with cluster.network.on(HEAD):
        command = [str(BIN / "unrolled"), "predict", "--model", "english", *files, *options]
        subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def files(cluster: Cluster, folder: Path) -> Iterator[tuple[object, ...]]:
    """A file takes as long as a phrase, which is the start, and what its phrases take."""
    ways = {
        "two machines": ("--ray", cluster.address),
        "one machine": ("--ray", cluster.address),
        "without Ray, two workers": ("--workers", "2"),
        "without Ray": (),
    }
    taken: dict[str, tuple[float, float]] = {}
    for way, options in ways.items():
        if way == "one machine":
            cluster.lose(SECOND)
        started = of_a_file(cluster, folder, "phrase.txt", *options)
        taken[way] = started, of_a_file(cluster, folder, "phrases.txt", *options) - started
    for way, (started, seconds) in taken.items():
        yield way, f"{started:.1f}", f"{seconds:.1f}", f"{taken['one machine'][1] / seconds:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--phrases", type=int, default=40_960)
    count = parser.parse_args().phrases
    if os.geteuid() != 0:
        sys.exit("network namespaces need root")
    words = list(json.loads((MODELS / "notebook/vocabulary.json").read_text()))
    known = json.loads((MODELS / "english/vocabulary.json").read_text())
    english = [word for word in known if word.isalpha()]
    with contextlib.ExitStack() as started:
        folder = Path(started.enter_context(tempfile.TemporaryDirectory()))
        phrases = [" ".join(random.choices(english, k=4)) for _ in range(count)]
        (folder / "phrases.txt").write_text("\n".join(phrases))
        (folder / "phrase.txt").write_text(phrases[0])
        cluster = started.enter_context(Cluster())
        file_rows = list(files(cluster, folder))
        print(table("a file | start, s | phrases, s | × one machine", file_rows), flush=True)
        cluster.start(SECOND)
        print(table("a request | processor, ms | × plain", list(requests(cluster, words))))


if __name__ == "__main__":
    main()
