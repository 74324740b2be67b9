"""More clients than can be answered, and more requests than can be remembered."""

import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.attack.clients import Outcomes, ask_all
from tests.attack.processes import Session, session, until
from tests.attack.scale import LONG, say, scaled
from tests.keras_files import write_folder
from tests.test_lifecycle import port_of

CLIENTS = 2_000
EACH = scaled(2, 50)
SLOWEST_PROBE = 0.1  # seconds, with `make attack`
REQUESTS = scaled(2_000, 1_000_000)
WARM = scaled(1_000, 50_000)
WORDS = "abcde"


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """As many as 2,000 connections need, here and in what is started here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, min(hard, 8192) if hard != resource.RLIM_INFINITY else 8192)
    if wanted < 3 * CLIENTS // 2:
        pytest.skip(f"only {hard} descriptors may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def phrases() -> Iterator[str]:
    """Phrases of five words, each unlike the others for a long while."""
    for number in count():
        yield " ".join(WORDS[number // 5**place % 5] for place in range(9))


@pytest.mark.usefixtures("many_descriptors")
def test_two_thousand_clients_are_answered_or_told_when_to_come_back(
    notebook_folder: Path, tmp_path: Path
) -> None:
    outcomes = Outcomes()
    body = json.dumps({"phrases": ["this is", "is this"]}).encode()
    requests = (("POST /v1/compare", body) for _ in range(CLIENTS * EACH))
    settings = {"default_model": "notebook", "log_requests": "false", "max_queue": "256"}
    with session(notebook_folder.parent, tmp_path / "log", **settings) as one:
        port = port_of(one)
        probe = subprocess.Popen(
            [sys.executable, "-m", "tests.attack.probe", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert probe.stdout is not None
        assert probe.stdout.readline() == "asking\n"
        asyncio.run(ask_all(port, requests, CLIENTS, outcomes))
        told, _ = probe.communicate()
    assert probe.returncode == 0  # every probe was answered
    answered, slowest = told.split()
    say(
        f"{CLIENTS} clients, {CLIENTS * EACH} requests: {dict(outcomes.statuses)}, lost "
        f"{len(outcomes.lost)}; {answered} probes, slowest {1e3 * float(slowest):.0f} ms"
    )
    assert outcomes.lost == []
    assert set(outcomes.statuses) <= {200, 503}
    assert sum(outcomes.statuses.values()) == CLIENTS * EACH
    assert outcomes.without_retry_after == 0
    if LONG:
        assert float(slowest) < SLOWEST_PROBE


def requests_of_all_kinds(number: int) -> Iterator[tuple[str, bytes]]:
    """Unique phrases, over all endpoints that answer one."""
    each = phrases()
    paths = ("predict", "tokenize", "pad", "hidden-states", "distribution", "explain", "score")
    for at in range(number):
        path = paths[at % len(paths)]
        yield f"POST /v1/{path}", json.dumps({"phrase": next(each)}).encode()


def memory(one: Session) -> float:
    """Resident memory in MB of a service's process."""
    pages = int(Path(f"/proc/{one.process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def descriptors(one: Session) -> int:
    """How many a service's process has open, those of clients who have just left among them."""
    return len(list(Path(f"/proc/{one.process.pid}/fd").iterdir()))


def test_memory_and_descriptors_stay_flat(tmp_path: Path) -> None:
    write_folder(tmp_path / "models" / "one")
    outcomes = Outcomes()
    settings = {"log_requests": "false", "poll_seconds": "0"}
    with session(tmp_path / "models", tmp_path / "log", **settings) as one:
        port = port_of(one)
        at_first = descriptors(one)
        requests = requests_of_all_kinds(WARM + REQUESTS)
        warm = (next(requests) for _ in range(WARM))
        asyncio.run(ask_all(port, warm, 16, outcomes))
        before = memory(one)
        say(f"after {WARM} requests: {before:.1f} MB")
        asyncio.run(ask_all(port, requests, 16, outcomes))
        after = memory(one)
        until(lambda: descriptors(one) <= at_first + 2)
    say(
        f"{REQUESTS} requests of unique phrases: {before:.1f} -> {after:.1f} MB, "
        f"no more than {at_first + 2} descriptors"
    )
    assert outcomes.lost == []
    assert outcomes.statuses == {200: WARM + REQUESTS}
    assert after <= 1.05 * before
