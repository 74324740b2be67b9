"""Load a server with wrk, pinned to a core of its own."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


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

    def script(self, body: str) -> list[str]:
        """The script that makes the requests, and what it is told."""
        told = str(self.words), str(self.count), body, str(self.distinct)
        return [str(_FOLDER / "phrases.lua"), *told]


@dataclass(frozen=True)
class Typing:
    """Sentences of a file, typed letter by letter on so many keyboards in turn."""

    lines: Path
    keyboards: int

    def script(self, body: str) -> list[str]:
        """The script that makes the requests, and what it is told."""
        return [str(_FOLDER / "typing.lua"), str(self.lines), str(self.keyboards), body]


def require_wrk() -> None:
    """Leave with a message where a tool is missing."""
    for tool, package in (("wrk", "wrk"), ("taskset", "util-linux")):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing: apt-get install {package}")


def load(
    url: str, asked: Phrases | Typing, body: str, clients: int, seconds: float, core: int
) -> Load:
    """Keep `clients` connections busy. `body` has a %s where the phrase goes."""
    script, *told = asked.script(body)
    wrk = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:.0f}s", "--timeout", "20s", "-s", script, url]
    command = ["taskset", "-c", str(core), *wrk, "--", *told]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    line = next(line for line in printed.splitlines() if line.startswith("RESULT"))
    rate, p50, p99, errors = line.split()[1:]
    return Load(float(rate), float(p50), float(p99), int(errors))
