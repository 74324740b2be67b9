"""Several workers: forked copies of the service on one listening socket, for as long as it lives.

The parent serves nobody. It waits for signals, one at a time, and each of them is handled before
the next one is looked at: none is lost, and none comes in the middle of a fork. Workers inherit
the loaded models' memory. One that ends is replaced: at once, or, where workers keep dying, after
ever longer pauses, while `/readyz` says so.
"""

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable

from app.http.processes import PARENT
from app.metrics import Metrics
from app.orphans import end_with_parent
from app.server.lifecycle import (
    GRACE_SECONDS,
    PATIENCE_SECONDS,
    Parent,
    has_terminal,
    leave,
)
from app.shared_numbers import SharedNumbers

log = logging.getLogger("unrolled")

_RELOAD = signal.SIGUSR1
_SHORT_LIFE = 10.0  # seconds; a worker that ends sooner has not served
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 15.0  # seconds before the next attempt
_TROUBLE = 3  # short lives in a row
_AFTER_GRACE = 5.0  # seconds for a worker to end by itself, once its grace is over

Serve = Callable[[int, Parent, Metrics], None]


class Workers:
    """`count` workers. `serve`, in a worker, gets its number and does not return.

    `listener` is theirs; the parent closes its own when they stop, lest nobody accept what arrives.
    """

    def __init__(
        self, count: int, drain_seconds: float, listener: socket.socket, serve: Serve
    ) -> None:
        self._count = count
        self._seconds_to_end = drain_seconds + GRACE_SECONDS + _AFTER_GRACE
        self._listener = listener
        self._serve = serve
        self._numbers = SharedNumbers(count + 1)
        self._numbers.take(count)
        self._metrics = Metrics(self._numbers)
        self._metrics.is_process(PARENT, os.getpid())
        self._alive: dict[int, tuple[int, float]] = {}  # pid -> worker, when it was forked
        self._due: dict[int, float] = {}  # worker -> when the next one is to be forked
        self._short_lives = 0
        self._reloaded = False  # whether the models that workers inherit are out of date
        self._stopping = 0.0  # since when
        self._now_asked = False  # whether somebody could not wait
        self._failed = False
        self._heeded = {
            signal.SIGTERM,
            signal.SIGINT,
            signal.SIGHUP,
            signal.SIGCHLD,
            signal.SIGALRM,
        }
        self._end, self._ours = os.pipe()  # its end is there once this process is gone

    def supervise(self) -> int:
        """Keep the workers running until a signal, then wait for them; the exit code."""
        signal.signal(signal.SIGCHLD, lambda *_: None)  # what is ignored may not be waited for
        # A worker unblocks what it heeds once it can, so that what it is told before is not lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, {*self._heeded, _RELOAD})
        hangup_reloads = not has_terminal()
        ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN and not hangup_reloads
        self._due = dict.fromkeys(range(self._count), 0.0)
        self._look_at_clock()
        while self._alive or self._due:
            sig = signal.sigwait(self._heeded)
            if sig == signal.SIGCHLD:
                self._reap()
            elif sig == signal.SIGHUP and hangup_reloads:
                self._reloaded = True
                self._tell(_RELOAD)
            elif sig in (signal.SIGTERM, signal.SIGINT) or (
                sig == signal.SIGHUP and not ignores_hangup
            ):
                self._asked_to_stop()
            self._look_at_clock()
        return int(self._failed)

    def _asked_to_stop(self) -> None:
        now = time.monotonic()
        if not self._stopping:
            self._stopping = now
            self._due.clear()
            self._listener.close()
            self._tell(signal.SIGTERM)
        elif now - self._stopping > PATIENCE_SECONDS:
            self._now_asked = True
            self._tell(signal.SIGKILL)

    def _tell(self, sig: int) -> None:
        for pid in self._alive:
            os.kill(pid, sig)  # not waited for yet: nobody else has this number

    def _look_at_clock(self) -> None:
        """Do what is due, and have a signal sent when the next thing is."""
        now = time.monotonic()
        for worker in [worker for worker, when in self._due.items() if when <= now]:
            self._fork(worker)
        if self._short_lives and not self._due and self._all_live_since(now - _SHORT_LIFE):
            self._short_lives = 0
            self._metrics.set_trouble(False)
        waits = [when - now for when in self._due.values()]
        if self._stopping:
            waits.append(self._stopping + self._seconds_to_end - now)
            if waits[-1] <= 0:
                self._tell(signal.SIGKILL)
                waits[-1] = _AFTER_GRACE
        elif self._short_lives:
            waits += [born + _SHORT_LIFE - now for _, born in self._alive.values()]
        signal.setitimer(signal.ITIMER_REAL, max(0.01, min(waits)) if waits else 0)

    def _all_live_since(self, moment: float) -> bool:
        return all(born <= moment for _, born in self._alive.values())

    def _reap(self) -> None:
        while self._alive:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            if pid in self._alive:  # not an orphan that a container's process 1 is given
                self._bury(pid, os.waitstatus_to_exitcode(status))

    def _bury(self, pid: int, code: int) -> None:
        worker, born = self._alive.pop(pid)
        lived = time.monotonic() - born
        self._numbers.leave(worker)
        if self._stopping:
            self._failed |= code != 0 and not self._now_asked
            return
        self._short_lives = self._short_lives + 1 if lived < _SHORT_LIFE else 0
        pause = 0.0
        if self._short_lives > 1:
            pause = min(_SHORTEST_PAUSE * 2 ** (self._short_lives - 1), _LONGEST_PAUSE)
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        log.error(
            "worker %d (process %d) ended after %.1f s with %s; the next one starts in %.1f s",
            *(worker, pid, lived, how, pause),
        )
        self._metrics.restarts[0] += 1
        self._metrics.set_trouble(self._short_lives >= _TROUBLE)
        self._due[worker] = time.monotonic() + pause

    def _fork(self, worker: int) -> None:
        sys.stderr.flush()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            log.error("worker %d cannot be started: %s", worker, error.strerror)
            self._due[worker] = time.monotonic() + _LONGEST_PAUSE
            return
        if pid:
            del self._due[worker]
            self._alive[pid] = worker, time.monotonic()
            if self._reloaded:
                os.kill(pid, _RELOAD)
            return
        try:
            end_with_parent(parent, signal.SIGTERM)
            os.close(self._ours)
            self._numbers.take(worker)
            metrics = Metrics(self._numbers)
            metrics.is_process(str(worker), os.getpid())
            self._serve(worker, Parent(parent, self._end), metrics)
        finally:
            leave(1)
