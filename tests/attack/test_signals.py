"""SIGTERM at any moment from the first line of its own code on: exit 0, and nobody is left.

Before that, while the interpreter starts, the kernel ends a process; as process 1 of a container it
does not, which is why an init belongs there.
"""

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.attack.processes import Session, session, until
from tests.attack.scale import say, scaled
from tests.keras_files import write_folder

MOMENTS = scaled(2, 40)  # for each of the cases below
SEED = 20261126
WHILE_STARTING = 4.0  # seconds; what most of a start takes on a slow machine
AS_PROCESS_1 = ("unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")


def stopped_after(one: Session, seconds: float, sig: signal.Signals, *, group: bool) -> int:
    """The exit code of a service that is told to stop this long after it heeds signals."""
    until(one.heeds_signals)
    time.sleep(seconds)
    serves = one.serves
    assert serves is not None
    if group:
        for pid in one.members() - ({one.process.pid} if one.wrapped else set()):
            with_luck(pid, sig)
    else:
        os.kill(serves, sig)
    return one.process.wait(60)


def with_luck(pid: int, sig: signal.Signals) -> None:
    """Signal a process that may just have ended, as one of a group may."""
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        return


@pytest.mark.parametrize("workers", [1, 2, 4, 16])
@pytest.mark.parametrize("whom", ["parent", "everyone", "process 1"])
def test_a_signal_at_any_moment_ends_all_of_it_with_0(
    tmp_path: Path, workers: int, whom: str
) -> None:
    if whom == "process 1" and not can_unshare():
        pytest.skip("there is no leave to make a process 1")
    write_folder(tmp_path / "models" / "one")
    moments = random.Random(f"{SEED} {workers} {whom}")
    wrapper = AS_PROCESS_1 if whom == "process 1" else ()
    slowest = 0.0
    for number in range(MOMENTS):
        moment = moments.uniform(0, WHILE_STARTING) * moments.random()
        sig = moments.choice([signal.SIGTERM, signal.SIGINT])
        log = tmp_path / "log"
        with session(tmp_path / "models", log, *wrapper, workers=str(workers)) as one:
            begin = time.monotonic()
            code = stopped_after(one, moment, sig, group=whom == "everyone")
            slowest = max(slowest, time.monotonic() - begin - moment)
            told = f"moment {number}, {moment:.4f} s after the first line: {log.read_text()}"
            assert code == 0, told
            until(one.is_gone, 10)
    say(f"{MOMENTS} signals to {whom}, {workers} workers: all 0; slowest end {slowest:.2f} s")


def can_unshare() -> bool:
    if os.geteuid() or not shutil.which("unshare"):
        return False
    return subprocess.run([*AS_PROCESS_1, "true"], capture_output=True).returncode == 0


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("moment", [0.3, 0.6, 1.0, 2.0])
def test_nobody_outlives_a_parent_that_is_killed(
    tmp_path: Path, workers: int, moment: float
) -> None:
    write_folder(tmp_path / "models" / "one")
    with session(tmp_path / "models", tmp_path / "log", workers=str(workers)) as one:
        until(one.heeds_signals)
        time.sleep(moment)
        one.process.kill()
        one.process.wait()
        until(one.is_gone, 10)
