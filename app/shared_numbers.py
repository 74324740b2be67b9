"""Numbers that several processes count in, and that any of them can read.

One piece of anonymous shared memory is made before the processes are forked, with a region for each
of them. A process writes to its own region alone, so there is no lock; a reader adds the regions
up. A process that dies leaves its region behind, and the one that takes its place goes on counting
in it: a sum never goes back. What a region has it keeps, so a key is parsed once.

A region is `used`, the bytes that are taken, and then entries: the lengths of key and numbers, the
key as JSON, the numbers as float64. `used` is written last, so that half an entry is none. What the
numbers mean is not known here. A series is for one thread at a time.
"""

import json
import mmap
import struct
from typing import TYPE_CHECKING

_REGION = 4 << 20  # bytes of address space; the system hands out pages when they are written to
_HEAD = struct.Struct("<II")  # bytes of the key, how many numbers
_USED = struct.Struct("<Q")
_LONGEST = 32  # numbers that fit where everything goes once the region is full

if TYPE_CHECKING:
    Series = memoryview[float]
else:  # a type with a parameter since Python 3.14
    Series = memoryview

Key = tuple[str, ...]
GAUGE = "gauge"  # the first part of the key of what holds only as long as its process lives
FULL: Key = ("counter", "unrolled_uncounted")


class SharedNumbers:
    """Regions for `processes`, of which this process writes to the first until it takes another."""

    def __init__(self, processes: int = 1) -> None:
        self.processes = processes
        self._memory = mmap.mmap(-1, processes * _REGION)
        self._doubles: Series = memoryview(self._memory).cast("d")
        # Of each region: where the numbers of a key are, and how many; bytes that were parsed.
        self._places: list[dict[Key, tuple[int, int]]] = [{} for _ in range(processes)]
        self._parsed = [0] * processes
        self.take(0)

    def take(self, process: int) -> None:
        """Write to this region from now on; what was counted there stays."""
        self._start = process * _REGION
        self.leave(process)
        self._known = self._entries(process)
        self.series(FULL, _LONGEST)

    def leave(self, process: int) -> None:
        """Set the gauges of a process that has ended to 0."""
        for key, (at, size) in self._entries(process).items():
            if key[0] == GAUGE:
                self._doubles[at : at + size] = memoryview(bytes(8 * size)).cast("d")

    def series(self, key: Key, size: int = 1) -> Series:
        """This process's `size` (at most 32) numbers under a key, 0.0 at first, to be added to.

        Once the region is full, all new keys share the numbers of `FULL`.
        """
        at, size = self._known.get(key) or self._append(key, size)
        return self._doubles[at : at + size]

    def each(self, key: Key) -> list[Series]:
        """What every process has under a key, of those that have it."""
        places = [self._entries(process).get(key) for process in range(self.processes)]
        return [self._doubles[at : at + size] for at, size in filter(None, places)]

    def totals(self) -> dict[Key, list[float]]:
        """The sums over all processes, by key. Any thread may ask for them."""
        found: dict[Key, list[float]] = {}
        for process in range(self.processes):
            for key, (at, size) in [*self._entries(process).items()]:
                numbers = [*self._doubles[at : at + size]]
                if key in found:
                    numbers = [a + b for a, b in zip(found[key], numbers, strict=True)]
                found[key] = numbers
        return found

    def _append(self, key: Key, size: int) -> tuple[int, int]:
        name = json.dumps(key).encode()
        name += b" " * (-len(name) % 8)
        [used] = _USED.unpack_from(self._memory, self._start)
        begin = self._start + _USED.size + used
        grown = used + _HEAD.size + len(name) + 8 * size
        if grown > _REGION - _USED.size:
            return self._known[FULL]
        _HEAD.pack_into(self._memory, begin, len(name), size)
        self._memory[begin + _HEAD.size : begin + _HEAD.size + len(name)] = name
        _USED.pack_into(self._memory, self._start, grown)
        at = (begin + _HEAD.size + len(name)) // 8
        self._known[key] = at, size
        return at, size

    def _entries(self, process: int) -> dict[Key, tuple[int, int]]:
        """Index of the first number and how many, of all that a process counts, by key."""
        places, start = self._places[process], process * _REGION + _USED.size
        [used] = _USED.unpack_from(self._memory, process * _REGION)
        here, end = start + self._parsed[process], start + used
        while here < end:
            length, size = _HEAD.unpack_from(self._memory, here)
            here += _HEAD.size
            key = tuple(json.loads(self._memory[here : here + length]))
            here += length
            places[key] = here // 8, size
            here += 8 * size
        self._parsed[process] = used
        return places
