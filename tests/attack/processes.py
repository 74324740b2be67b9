"""Services as processes of a session of their own, so that what they leave behind is found."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.test_server import PATIENCE

COMMAND = (sys.executable, "-c", "from app.entry import main; main()", "serve")
SIGTERM_BIT = 1 << 14


@dataclass
class Session:
    """A process that leads a session. `serves` is who serves: another one behind a wrapper."""

    process: "subprocess.Popen[bytes]"
    log: Path
    wrapped: bool

    @property
    def serves(self) -> int | None:
        if not self.wrapped:
            return self.process.pid
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return next(map(int, children.split()), None)

    def heeds_signals(self) -> bool:
        """Whether the first line of its own code has run."""
        with contextlib.suppress(OSError, TypeError, StopIteration):
            status = Path(f"/proc/{self.serves}/status").read_text().splitlines()
            caught = next(line for line in status if line.startswith("SigCgt:"))
            return bool(int(caught.split()[1], 16) & SIGTERM_BIT)
        return False

    def members(self) -> set[int]:
        """All processes of the session that still run."""
        found = set()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, IndexError):
                if entry.name.isdigit():
                    state, _, _, session = (
                        (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                    )
                    if int(session) == self.process.pid and state != "Z":
                        found.add(int(entry.name))
        return found

    def is_gone(self) -> bool:
        """Whether nobody of the session is left."""
        return not self.members()

    def wait_for(self, text: str) -> None:
        until(lambda: text in self.log.read_text())


def until(what: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until `what()` is true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


@contextlib.contextmanager
def session(models: Path, log: Path, /, *wrapper: str, **settings: str) -> Iterator[Session]:
    """A service on a free port; whatever is left of it in the end is killed."""
    settings = {"port": "0", **settings}
    environment = {f"UNROLLED_{name.upper()}": value for name, value in settings.items()}
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*wrapper, *COMMAND],
            env={**os.environ, **environment, "UNROLLED_MODELS_DIR": str(models)},
            stderr=stderr,
            start_new_session=True,
        )
    one = Session(process, log, bool(wrapper))
    try:
        yield one
    finally:
        for pid in one.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        process.wait()
