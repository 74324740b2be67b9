"""Medians of interleaved runs: what disturbs one contestant disturbs them all."""

import time
from collections.abc import Callable, Mapping
from statistics import median


def medians(
    contestants: Mapping[str, Callable[[], object]], rounds: int = 40, least: float = 0.01
) -> dict[str, float]:
    """Seconds a call, by name: the median over rounds of at least `least` seconds each."""
    repeats = {name: _repeats(call, least) for name, call in contestants.items()}
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, call in contestants.items():
            begin = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            taken[name].append((time.perf_counter() - begin) / repeats[name])
    return {name: median(seconds) for name, seconds in taken.items()}


def _repeats(call: Callable[[], object], least: float) -> int:
    call()
    begin = time.perf_counter()
    call()
    return max(1, round(least / max(time.perf_counter() - begin, 1e-7)))


def table(head: str, rows: list[tuple[object, ...]]) -> str:
    """A Markdown table; `head` has | between its cells."""
    columns = head.count("|") + 1
    lines = [f"| {head} |", "|" + " --- |" * columns]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"
