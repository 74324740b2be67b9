"""Requests per second and latency of a prediction, beside what people serve models with today.

    python -m benchmarks.serving [--rounds 5] [--seconds 3] [--only ours,ceiling]

All servers are started at once, each pinned to the same core, and loaded one after the other with
wrk from another core, round by round; the tables have medians of the rounds. Ratios hold across
machines, and while something else disturbs the measurement; absolute figures do not.
"""

import argparse
import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import contestants as who
from benchmarks.load import Load, Phrases, load, require_wrk
from benchmarks.running import DidNotStart, Running, running
from benchmarks.yardstick import write_yardstick

SERVER_CORE, CLIENT_CORE = 0, 1
CLIENTS = (32, 1)
CEILING = "FastAPI, constant (the ceiling)"
MODELS = who.ROOT / "models"


@dataclass(frozen=True)
class Case:
    """One row of the table: a running server, and what it is asked."""

    name: str
    server: Running
    phrases: Phrases


Results = dict[tuple[str, int], list[Load]]


def word_file(folder: Path, model: Path) -> Path:
    vocabulary = json.loads((model / "vocabulary.json").read_text())
    path = folder / f"{model.name}.txt"
    # Only words that stand alone in JSON, in Lua's format and between spaces.
    path.write_text("\n".join(word for word in vocabulary if word.replace("'", "").isalnum()))
    return path


def _start(stack: contextlib.ExitStack, folder: Path, only: str) -> Iterator[Case]:
    """Start every server that can be; say why one cannot."""
    yardstick, weights = write_yardstick(folder), folder / "yardstick.npz"
    words = Phrases(word_file(folder, yardstick), 4)

    def wanted(name: str) -> bool:
        return not only or any(part in name.lower() for part in only.lower().split(","))

    def started(make: Callable[[], who.Contestant], phrase: str) -> Running | None:
        try:
            contestant = make()
            return stack.enter_context(running(contestant, SERVER_CORE, phrase))
        except (DidNotStart, who.NotInstalled) as error:
            print(f"left out: {make}: {error}")
            return None

    unrolled = started(lambda: who.ours("unrolled", folder, "yardstick"), "w1 w2 w3 w4")
    if unrolled:
        yield Case("Unrolled, yardstick", unrolled, words)
        repeated = Phrases(words.words, 4, distinct=100)
        yield Case("Unrolled, yardstick, 100 phrases again and again", unrolled, repeated)
    for variant in (
        who.ours("one at a time", folder, "yardstick", UNROLLED_MAX_BATCH="1"),
        who.through_asgi("through ASGI", folder, "yardstick"),
        who.worker_thread(folder),
    ):
        if wanted(variant.name):
            server = started(lambda variant=variant: variant, "w1 w2 w3 w4")  # type: ignore[misc]
            if server:
                yield Case(f"Unrolled, yardstick, {variant.name}", server, words)
    shipped = [
        ("notebook", who.ours("notebook", MODELS, "notebook"), "this is", 2),
        ("english", who.ours("english", MODELS, "english"), "how are", 4),
    ]
    if wanted("through ASGI"):
        through_asgi = who.through_asgi("notebook, through ASGI", MODELS, "notebook")
        shipped.append(("notebook", through_asgi, "this is", 2))
    for model, contestant, phrase, count in shipped:
        server = started(lambda one=contestant: one, phrase)  # type: ignore[misc]
        if server:
            file = word_file(folder, MODELS / model)
            yield Case(f"Unrolled, {contestant.name}", server, Phrases(file, count))
    peers: list[Callable[[], who.Contestant]] = [
        lambda one=one: one  # type: ignore[misc]
        for one in (*who.frameworks(weights), *who.tutorials(weights, yardstick / "model.keras"))
        if wanted(one.name)
    ]
    peers += [
        lambda peer=peer: peer(weights)  # type: ignore[misc]
        for peer in (who.litserve, who.bentoml, who.mlserver)
        if wanted(peer.__name__)
    ]
    for make in peers:
        server = started(make, "w1 w2 w3 w4")
        if server:
            yield Case(server.contestant.name, server, words)


def measure(cases: list[Case], rounds: int, seconds: float) -> Results:
    """Load every server in turn, `rounds` times."""
    results: Results = {}
    for _ in range(rounds):
        for clients in CLIENTS:
            for case in cases:
                body, url = case.server.contestant.body, case.server.url
                one = load(url, case.phrases, body, clients, seconds, CLIENT_CORE)
                results.setdefault((case.name, clients), []).append(one)
    return results


def table(cases: list[Case], results: Results) -> Iterator[str]:
    """Medians as a Markdown table."""

    def mid(name: str, clients: int, figure: Callable[[Load], float]) -> float:
        return median(figure(one) for one in results[name, clients])

    has_ceiling = (CEILING, 32) in results
    top = mid(CEILING, 32, lambda one: one.rate) if has_ceiling else float("nan")
    lone = mid(CEILING, 1, lambda one: one.p50) if has_ceiling else float("nan")
    yield "| server | 32 clients: requests/s | × ceiling | p99/p50 | 1 client: p50 µs | × ceiling |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for case in cases:
        rate = mid(case.name, 32, lambda one: one.rate)
        spread = mid(case.name, 32, lambda one: one.p99 / max(one.p50, 1.0))  # 0: no answer
        alone = mid(case.name, 1, lambda one: one.p50)
        errors = sum(one.errors for clients in CLIENTS for one in results[case.name, clients])
        note = f" ({errors} errors)" if errors else ""
        yield (
            f"| {case.name}{note} | {rate:,.0f} | {rate / top:.2f} | {spread:.1f} "
            f"| {alone:,.0f} | {alone / lone:.2f} |"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--only", default="", help="parts of peers' names, with commas between")
    arguments = parser.parse_args()
    require_wrk()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        cases = list(_start(stack, Path(folder), arguments.only))
        results = measure(cases, arguments.rounds, arguments.seconds)
        print("\n".join(table(cases, results)))


if __name__ == "__main__":
    main()
