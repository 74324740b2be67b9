"""Two checkouts of the service in turn: what a change costs `/v1/predict`.

    python -m benchmarks.paired BEFORE [--model yardstick] [--clients 32] [--starts 6]

BEFORE is another checkout with a virtual environment of its own in `.venv`, as `make install`
leaves it. Both serve the same models from the same core, and are loaded from another one in short
turns, so that what disturbs the machine disturbs both; what counts is the median of the ratios.
They are started several times: where a process's memory lies can be worth a third of its rate. Who
is started first, and who is loaded first, changes from time to time: a build beside itself, always
second, has come to 0.95.
"""

import argparse
import contextlib
import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks import contestants as who
from benchmarks.load import Phrases, load, require_wrk
from benchmarks.running import running
from benchmarks.serving import CLIENT_CORE, MODELS, SERVER_CORE, word_file
from benchmarks.yardstick import write_yardstick


def _elsewhere(contestant: who.Contestant, checkout: Path) -> who.Contestant:
    """The same service as another checkout has it."""
    _, *rest = contestant.command
    command = [str(checkout.resolve() / ".venv" / "bin" / "unrolled"), *rest]
    return dataclasses.replace(contestant, command=command)


def _ratios(
    both: Sequence[who.Contestant], first: int, words: Path, told: argparse.Namespace
) -> list[float]:
    """Of the rates in each turn, of two services started anew: of the second one to the first."""
    phrase = " ".join(words.read_text().split()[:4])
    ratios: list[float] = []
    with contextlib.ExitStack() as stack:
        started = {
            at: stack.enter_context(running(both[at], SERVER_CORE, phrase))
            for at in (first, 1 - first)
        }
        for turn in range(told.rounds + 1):
            rates = [0.0, 0.0]
            for at in (turn % 2, 1 - turn % 2):
                url = started[at].url
                loaded = load(url, Phrases(words, 4), who.PHRASE, told.clients, 1, CLIENT_CORE)
                if loaded.errors:
                    raise SystemExit("a request was not answered with 200")
                rates[at] = loaded.rate
            if turn:  # the first one warms both
                ratios.append(rates[1] / rates[0])
    return ratios


def main() -> None:
    """Print the median ratio of the rates, and the quartiles around it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("before", type=Path)
    parser.add_argument("--model", default="yardstick")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--starts", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    told = parser.parse_args()
    require_wrk()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if told.model == "yardstick":
            write_yardstick(folder)
        else:
            (folder / told.model).symlink_to(MODELS / told.model)
        words = word_file(folder, folder / told.model)
        here = who.ours("here", folder, told.model)
        both = _elsewhere(here, told.before), here
        each = (_ratios(both, start % 2, words, told) for start in range(told.starts))
        ratios = sorted(one for ratios in each for one in ratios)
    low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
    print(f"{told.model}, {told.clients} clients: {median(ratios):.3f} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
