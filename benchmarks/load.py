"""Load a server with wrk, pinned to a core of its own."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).parent / "phrases.lua"


@dataclass(frozen=True)
class Load:
    """Requests per second, and latencies in microseconds."""

    rate: float
    p50: float
    p99: float
    errors: int


@dataclass(frozen=True)
class Phrases:
    """Random phrases of `count` words from a file of words; `distinct` 0: each its own."""

    words: Path
    count: int
    distinct: int = 0


def require_wrk() -> None:
    """Leave with a message where a tool is missing."""
    for tool, package in (("wrk", "wrk"), ("taskset", "util-linux")):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing: apt-get install {package}")


def load(url: str, phrases: Phrases, body: str, clients: int, seconds: float, core: int) -> Load:
    """Keep `clients` connections busy. `body` has a %s where the phrase goes."""
    wrk = [
        "wrk",
        "-t1",
        f"-c{clients}",
        f"-d{seconds:.0f}s",
        "--timeout",
        "20s",
        "-s",
        _SCRIPT,
        url,
    ]
    script = ["--", phrases.words, str(phrases.count), body, str(phrases.distinct)]
    command = [str(part) for part in ("taskset", "-c", core, *wrk, *script)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    line = next(line for line in printed.splitlines() if line.startswith("RESULT"))
    rate, p50, p99, errors = line.split()[1:]
    return Load(float(rate), float(p50), float(p99), int(errors))
