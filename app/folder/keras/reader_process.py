"""Weights read by a process of its own, which ends with it.

The HDF5 library takes 10 MB that nothing needs once the weights are read, and it parses in C what
may be hostile. A forked process spares the service both: it is asked for weights one by one, and
what comes back is JSON and numbers. Where other threads run, whose locks a fork would copy as they
stand, or there is no fork, the weights are read here.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from io import BufferedReader
from multiprocessing import current_process, get_context
from typing import Any

import numpy as np

from app.arrays import Floats
from app.errors import ArchiveError
from app.folder.keras.container import WEIGHTS
from app.folder.keras.place import Weights
from app.orphans import end_with_parent

_READER = "from app.folder.keras.reader_process import be_started; be_started()"


def weights_here(image: bytes) -> AbstractContextManager[Weights]:
    """The weights in the bytes of an HDF5 file. Raises ArchiveError where it is not sound."""
    from app.folder.keras.hdf5 import open_weights  # only now, so that a service can do without it

    return open_weights(image)


@contextmanager
def weights_apart(image: bytes) -> Iterator[Weights]:
    """The same from a process that ends with the block; ArchiveError comes with what is asked."""
    ours, theirs = socket.socketpair()
    forked = _can_fork()
    with ours:
        with theirs:
            end = _fork(image, ours, theirs) if forked else _start(theirs)
        try:
            # A fork would have inherited what is made here, and kept its own questions' pipe open.
            with ours.makefile("rb") as answers:
                asked = _Asked(ours, answers)
                if not forked:
                    asked.send(image)
                yield asked
        finally:
            end()


def _can_fork() -> bool:
    """Whether there is a fork, nobody else's locks, and leave for a process to have children."""
    alone = threading.active_count() == 1 and not current_process().daemon
    return alone and sys.platform == "linux"


def _fork(image: bytes, ours: socket.socket, theirs: socket.socket) -> Callable[[], None]:
    """Fork a reader that has the image; returns what ends it."""
    arguments = (os.getpid(), image, ours, theirs)
    reader = get_context("fork").Process(target=_be_forked, args=arguments, daemon=True)
    reader.start()

    def end() -> None:
        reader.kill()
        reader.join()

    return end


def _start(theirs: socket.socket) -> Callable[[], None]:
    """Start an interpreter that is to be sent the image; returns what ends it."""
    # Its path is this process's, and not the folder that it happens to run in.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-P", "-c", _READER, str(os.getpid())]
    reader = subprocess.Popen(command, stdin=theirs.fileno(), env=environment)  # noqa: S603

    def end() -> None:
        reader.kill()
        reader.wait()

    return end


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

    def send(self, image: bytes) -> None:
        """Hand the file over, before the first question."""
        with suppress(OSError):  # the answer to that will say that it has died
            self._questions.sendall(len(image).to_bytes(8, "little"), socket.MSG_NOSIGNAL)
            self._questions.sendall(image, socket.MSG_NOSIGNAL)

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


def _be_forked(parent: int, image: bytes, ours: socket.socket, theirs: socket.socket) -> None:
    ours.close()
    _prepare(parent)
    with suppress(OSError), theirs, theirs.makefile("rb") as questions:
        _answer(image, theirs, questions)


def be_started() -> None:
    """The life of a reader that is an interpreter of its own: its standard input is the socket."""
    _prepare(int(sys.argv[1]))
    with suppress(OSError), socket.socket(fileno=0) as theirs, theirs.makefile("rb") as questions:
        size = int.from_bytes(questions.read(8), "little")
        _answer(questions.read(size), theirs, questions)


def _prepare(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service's to handle
    end_with_parent(parent, signal.SIGKILL)


def _answer(image: bytes, theirs: socket.socket, questions: BufferedReader) -> None:
    """Answer until nobody asks any more, or with an error."""
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
