"""Threads for requests with many phrases, which leave the event loop alone where many wait for it.

What computes in Python and the event loop want the same interpreter. It goes from one to the other
every tenth of a millisecond, and each time whoever gets it may first wait for a core: of a probe's
time among two thousand clients, most went there. Where there is such a crowd they take turns that
last: the loop waits while the threads compute, one at a time, and none of them begins while it
hears others. Work that takes longer than a turn goes on beside the loop, which does not wait again
for a while: one caller of much would have more of the interpreter than all the others.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import ParamSpec, TypeVar

_AT_A_TIME = 2
_TURN_SECONDS = 0.005  # that the loop waits
_BESIDE_SECONDS = 0.1  # that it does not, when something was not done by then
_LONGEST_WAIT = 1.0  # seconds for the next turn, of a loop that may have ended

Told = ParamSpec("Told")
Result = TypeVar("Result")


class Large(ThreadPoolExecutor):
    """They keep each other waiting, and not the smaller work that has the loop's own threads."""

    def __init__(self) -> None:
        super().__init__(_AT_A_TIME, "large")
        self._crowd = False
        self._may_begin = threading.Event()
        self._may_begin.set()
        self._alone = threading.Lock()
        self._done = threading.Condition()
        self._left = 0  # that are not done
        self._beside_until = 0.0

    def submit(
        self, work: Callable[Told, Result], /, *told: Told.args, **more: Told.kwargs
    ) -> Future[Result]:
        """Have it computed, as with any executor."""
        with self._done:
            self._left += 1
        future = super().submit(self._run, work, *told, **more)
        future.add_done_callback(self._is_done)
        return future

    def _run(
        self, work: Callable[Told, Result], /, *told: Told.args, **more: Told.kwargs
    ) -> Result:
        self._may_begin.wait(_LONGEST_WAIT)
        if not self._crowd or self._goes_beside():
            return work(*told, **more)
        with self._alone:
            return work(*told, **more)

    def _is_done(self, _: Future[Result]) -> None:
        with self._done:
            self._left -= 1
            if not self._left:
                self._done.notify()

    def take_turn(self) -> bool:
        """Compute for a moment while the loop, which has a crowd to hear, waits; whether there was
        anything that it waited for.
        """
        self._crowd = True
        if not self._left:
            self._may_begin.clear()
            return False
        self._may_begin.set()
        if self._goes_beside():
            return False
        with self._done:
            all_done = self._done.wait_for(lambda: not self._left, _TURN_SECONDS)
        if not all_done:
            self._beside_until = monotonic() + _BESIDE_SECONDS
        self._may_begin.clear()
        return True

    def _goes_beside(self) -> bool:
        """Whether something that took longer than a turn goes on, or was not done long ago."""
        return monotonic() < self._beside_until

    def go_on(self) -> None:
        """The crowd is gone: compute beside the loop."""
        if self._crowd:
            self._crowd = False
            self._may_begin.set()
