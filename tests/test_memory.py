"""What a process keeps of memory that it needed for a moment, as Linux counts it."""

import ctypes
import subprocess
import sys

import pytest

_MB = 1 << 20
_USED = """
import sys
from pathlib import Path
import numpy as np
from app import memory

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096

def fresh(size):
    return np.ones(size, np.uint8)

if sys.argv[1] == "large":
    memory.return_what_is_large()
before = resident()
for size in range(5, 9):
    fresh(size << 20)  # glibc counts such pieces among the small ones from now on
used, kept = [], []
for _ in range(24):
    used.append(fresh(6 << 20))
    kept.append(fresh(100_000))  # between two of them
taken = resident() - before
del used
if sys.argv[1] == "free":
    memory.return_what_is_free()
print(taken, resident() - before)
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="no glibc"
)
@pytest.mark.parametrize(("how", "returned"), [("large", True), ("free", True), ("", False)])
def test_what_was_needed_for_a_moment_is_returned(
    how: str, returned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    command = [sys.executable, "-c", _USED, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    taken, kept = map(int, done.stdout.split())
    assert taken > 24 * 6 * _MB
    assert (kept < 12 * _MB) is returned


def test_who_says_what_glibc_keeps_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", str(32 * _MB))
    command = [sys.executable, "-c", _USED, "large"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    taken, kept = map(int, done.stdout.split())
    assert taken > 24 * 6 * _MB
    assert kept > 100 * _MB
