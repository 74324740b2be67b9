"""What a letter typed into a text box costs: `/v1/suggest`, beside FastAPI returning a constant.

    python -m benchmarks.letters held-out.txt.gz [--rounds 5] [--seconds 3] [--model english]

32 keyboards type sentences letter by letter, and a lone one does. Both servers are pinned to one
core and loaded in turn from the other. Rates suffer from whatever else runs on that core; the
processor time that a request takes of its server does so less, and has a ratio of its own.
"""

import argparse
import contextlib
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

from app.training.text.corpus import read_lines
from benchmarks import contestants as who
from benchmarks.load import Load, Typing, load, require_wrk
from benchmarks.running import Running, running

SERVER_CORE, CLIENT_CORE = 0, 1
KEYBOARDS = (32, 1)
MOST_LINES = 5_000
_TICKS = os.sysconf("SC_CLK_TCK")


def _cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _loaded(server: Running, lines: Path, keyboards: int, seconds: float) -> tuple[Load, float]:
    """A load, and the microseconds of processor time that each of its requests took."""
    body = server.contestant.body
    before = _cpu_seconds(server.pid)
    one = load(server.url, Typing(lines, keyboards), body, keyboards, seconds, CLIENT_CORE)
    if one.errors:
        raise SystemExit(f"{server.contestant.name}: {one.errors} requests failed")
    return one, 1e6 * (_cpu_seconds(server.pid) - before) / (one.rate * int(seconds))


def _row(servers: list[Running], lines: Path, keyboards: int, rounds: int, seconds: int) -> str:
    """Medians of the rounds, in each of which ours and the constant are loaded in turn."""
    found = [
        [_loaded(server, lines, keyboards, seconds) for server in servers] for _ in range(rounds)
    ]
    rate = median(mine.rate for (mine, _), _ in found)
    rates = median(mine.rate / theirs.rate for (mine, _), (theirs, _) in found)
    p50 = median(mine.p50 for (mine, _), _ in found)
    cpu = median(mine for (_, mine), _ in found)
    cpus = median(theirs / mine for (_, mine), (_, theirs) in found)
    return f"| {keyboards} | {rate:,.0f} | {rates:.2f} | {p50:,.0f} | {cpu:,.0f} | {cpus:.2f} |"


def _servers(model: str) -> tuple[who.Contestant, who.Contestant]:
    ours = who.ours("suggest", who.ROOT / "models", model)
    return replace(ours, path="/v1/suggest", body='{"text": "%s"}'), next(who.frameworks(Path()))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path, help="sentences that the model was not trained on")
    parser.add_argument("--model", default="english")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    told = parser.parse_args()
    require_wrk()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        lines = Path(folder) / "lines.txt"
        lines.write_text("\n".join([*read_lines(told.text)][:MOST_LINES]))
        servers = [
            stack.enter_context(running(one, SERVER_CORE, "this")) for one in _servers(told.model)
        ]
        print("| keyboards | requests/s | × constant | p50 µs | CPU µs a letter | × constant |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: |")
        for keyboards in KEYBOARDS:
            print(_row(servers, lines, keyboards, told.rounds, told.seconds), flush=True)


if __name__ == "__main__":
    main()
