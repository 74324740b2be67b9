"""From nothing to the first answer, and the memory it takes.

    python -m benchmarks.startup [--rounds 5] [--install]

Processes are started one after the other, models in turn; medians. Memory is what Linux counts as
resident; with several workers their proportional share (PSS), in which a page that four processes
share counts a quarter for each.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks import contestants as who
from benchmarks.running import running
from benchmarks.timing import table
from benchmarks.yardstick import write_yardstick

MODELS = who.ROOT / "models"
CORE = 0


def memory(pid: int) -> dict[str, float]:
    """Resident and proportional memory of one process, in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    fields = {line.split(":")[0]: line.split()[1] for line in lines}
    return {name: int(fields[name]) * 1024 / 1e6 for name in ("Rss", "Pss")}


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def starts(rounds: int, folder: Path) -> str:
    """Seconds to the first answered prediction, and memory after it."""
    cases = [("notebook", MODELS, "this is"), ("yardstick", folder, "w1 w2 w3 w4")]
    if (MODELS / "english").is_dir():
        cases.insert(1, ("english", MODELS, "how are"))
    seconds: dict[str, list[float]] = {}
    resident: dict[str, list[float]] = {}
    for _ in range(rounds):
        for model, models, phrase in cases:
            with running(alone(model, models), CORE, phrase) as one:
                seconds.setdefault(model, []).append(one.started)
                resident.setdefault(model, []).append(memory(one.pid)["Rss"])
    rows: list[tuple[object, ...]] = []
    for model, models, _ in cases:
        disk = (models / model / "model.keras").stat().st_size / 1e6
        rss = f"{median(resident[model]):.0f} MB"
        rows.append((model, f"{median(seconds[model]):.2f} s", rss, f"{disk:.1f} MB"))
    return table("model | start to first prediction | resident memory | model on disk", rows)


def alone(model: str, models: Path, **environment: str) -> who.Contestant:
    """The service with one model, by way of a folder that holds it alone."""
    folder = Path(tempfile.mkdtemp(prefix="one-model-"))
    (folder / model).symlink_to(models / model)
    return who.ours(model, folder, model, **environment)


def shared(folder: Path) -> str:
    """What workers beyond the first add."""
    rows: list[tuple[object, ...]] = []
    for workers in (1, 2, 4):
        contestant = alone("yardstick", folder, UNROLLED_WORKERS=str(workers))
        with running(contestant, CORE, "w1 w2 w3 w4") as one:
            time.sleep(1)  # until all have forked
            total = sum(memory(pid)["Pss"] for pid in family(one.pid))
            rows.append((workers, f"{total:.0f} MB"))
    return table("workers, yardstick model | memory of all of them", rows)


def install() -> str:
    """`make install` in a fresh clone, with whatever pip has cached, and with nothing."""
    rows: list[tuple[object, ...]] = []
    for name, environment in (("as it is", []), ("empty", ["PIP_NO_CACHE_DIR=1"])):
        with tempfile.TemporaryDirectory() as folder:
            clone = ["git", "clone", "--quiet", "--depth", "1", f"file://{who.ROOT}", folder]
            subprocess.run(clone, check=True)
            begin = time.perf_counter()
            command = [
                "env",
                *environment,
                "make",
                "--silent",
                "install",
                f"PYTHON={sys.executable}",
            ]
            subprocess.run(command, cwd=folder, check=True)
            rows.append((name, f"{time.perf_counter() - begin:.0f} s"))
    return table("pip's cache | make install", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--install", action="store_true", help="needs a network")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_yardstick(Path(folder))
        print(starts(arguments.rounds, Path(folder)))
        print(shared(Path(folder)))
    if arguments.install:
        print(install())


if __name__ == "__main__":
    main()
