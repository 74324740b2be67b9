"""Weights read by a process of its own, which ends with it.

The HDF5 library takes 10 MB that nothing needs once the weights are read, and it parses in C what
may be hostile. A forked process spares the service both: it is asked for weights one by one, and
what comes back is JSON and numbers. Where other threads run, whose locks a fork would copy as they
stand, or there is no fork, the weights are read here.
"""

import json
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from io import BufferedReader
from multiprocessing import current_process, get_context
from typing import Any

import numpy as np

from app.errors import ArchiveError
from app.folder.keras.container import WEIGHTS
from app.folder.keras.place import Weights
from app.network import Floats


def weights_here(image: bytes) -> AbstractContextManager[Weights]:
    """The weights in the bytes of an HDF5 file. Raises ArchiveError where it is not sound."""
    from app.folder.keras.hdf5 import open_weights  # only now, so that a service can do without it

    return open_weights(image)


@contextmanager
def weights_apart(image: bytes) -> Iterator[Weights]:
    """The same from a process that ends with the block; ArchiveError comes with what is asked."""
    if not _can_fork():
        with weights_here(image) as weights:
            yield weights
        return
    ours, theirs = socket.socketpair()
    reader = get_context("fork").Process(target=_answer, args=(image, ours, theirs), daemon=True)
    with ours, ours.makefile("rb") as answers:
        with theirs:
            reader.start()
        try:
            yield _Asked(ours, answers)
        finally:
            reader.kill()
            reader.join()


def _can_fork() -> bool:
    """Whether there is a fork, nobody else's locks, and leave for a process to have children."""
    alone = threading.active_count() == 1 and not current_process().daemon
    return alone and sys.platform == "linux"


class _Asked:
    """The other process's weights: `place.Weights`."""

    def __init__(self, questions: socket.socket, answers: BufferedReader) -> None:
        self._questions = questions
        self._answers = answers

    def count(self, group: str) -> int:
        found: int = self._ask(group)["found"]
        return found

    def read(self, group: str, index: int, shape: tuple[int, ...], owner: str) -> Floats:
        self._ask(group, index, shape, owner)
        values = np.empty(shape, np.float32)
        left = values.data.cast("B")
        with suppress(OSError):
            while left and (got := self._answers.readinto(left)):
                left = left[got:]
            if not left:
                return values
        raise _died()

    def _ask(self, *question: Any) -> dict[str, Any]:
        with suppress(OSError):
            # No signal: at a command's output, a broken pipe ends it.
            self._questions.sendall(_line(question), socket.MSG_NOSIGNAL)
            if line := self._answers.readline():
                answer: dict[str, Any] = json.loads(line)
                if "error" in answer:
                    raise ArchiveError(answer["error"])
                return answer
        raise _died()


def _died() -> ArchiveError:
    return ArchiveError(f"the process that read {WEIGHTS} has died")


def _answer(image: bytes, ours: socket.socket, theirs: socket.socket) -> None:
    """The other process's life: it answers until nobody asks any more, or with an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service's to handle
    ours.close()
    with suppress(OSError), theirs, theirs.makefile("rb") as questions:
        try:
            with weights_here(image) as weights:
                for question in questions:
                    group, *which = json.loads(question)
                    if not which:
                        theirs.sendall(_line({"found": weights.count(group)}))
                        continue
                    index, shape, owner = which
                    values = weights.read(group, index, tuple(shape), owner)
                    theirs.sendall(_line({}))
                    theirs.sendall(values.data.cast("B"))
        except ArchiveError as error:
            theirs.sendall(_line({"error": str(error)}))


def _line(what: Any) -> bytes:
    return json.dumps(what).encode() + b"\n"
