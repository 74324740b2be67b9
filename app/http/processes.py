"""What the operating system says of a service's processes, under Prometheus's usual names.

Seconds of processor time are those of all processes, of workers that have ended too: their parent
keeps them. Where there is no /proc, nothing is said.
"""

import os
import resource
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from app.metrics import Family

PARENT = "parent"  # the name of the process that started the others, or is alone
_CPU = Family("process_cpu_seconds", "counter", "Processor time of all processes")
_MEMORY = Family(
    "process_resident_memory_bytes",
    "gauge",
    "Memory of all processes; pages that several share count for each",
)
_DESCRIPTORS = Family("process_open_fds", "gauge", "Open descriptors of all processes")
_MOST_DESCRIPTORS = Family("process_max_fds", "gauge", "Descriptors one process may have")
_STARTED = Family("process_start_time_seconds", "gauge", "When the service started, Unix time")
_COUNT = Family("unrolled_processes", "gauge", "Processes of the service, the parent included")

# Fields of /proc/pid/stat behind the command's name: ticks in user and system mode, of the process
# and of the children that it has waited for; when it started.
_UTIME, _CHILDREN, _UPTO, _START = 11, 13, 15, 19
_Stat = list[int]


class Processes:
    """Processes by name; `PARENT` is one of them."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._parent = pids.get(PARENT, os.getpid())
        self._pids = {self._parent, *pids.values()}

    def measured(self) -> Iterator[tuple[Family, float]]:
        """Every family with its number."""
        ticks = os.sysconf("SC_CLK_TCK")
        stats = self._stats()
        parent = stats.get(self._parent)
        if parent is None:
            return
        spent = sum(sum(stat[_UTIME:_UPTO]) for stat in stats.values())
        yield _CPU, spent / ticks
        yield _MEMORY, sum(map(_resident_pages, stats)) * resource.getpagesize()
        yield _DESCRIPTORS, sum(map(_descriptors, stats))
        yield _MOST_DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        yield _STARTED, _boot_time() + parent[_START] / ticks
        yield _COUNT, len(stats)

    def _stats(self) -> dict[int, _Stat]:
        """Each process's numbers, of one moment: no child was waited for in between."""
        while True:
            before = _stat(self._parent)
            stats = {pid: stat for pid in self._pids if (stat := _stat(pid))}
            after = _stat(self._parent)
            if not before or not after:
                return {}
            if before[_CHILDREN:_UPTO] == after[_CHILDREN:_UPTO]:
                return stats


def _stat(pid: int) -> _Stat | None:
    with suppress(OSError):
        behind_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return [0, *map(int, behind_name[1:])]  # the first is a letter, the process's state
    return None


def _resident_pages(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return 0


def _descriptors(pid: int) -> int:
    with suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/fd"))
    return 0


def _boot_time() -> int:
    lines = Path("/proc/stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("btime "))
