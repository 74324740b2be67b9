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
from io import BufferedRWPair
from multiprocessing import get_context
from typing import Any

import numpy as np

from app.archive.container import WEIGHTS
from app.archive.layers import Weights
from app.errors import ArchiveError
from app.network import Floats


def weights_here(image: bytes) -> AbstractContextManager[Weights]:
    """The weights in the bytes of an HDF5 file. Raises ArchiveError where it is not sound."""
    from app.archive.hdf5 import open_weights  # only now, so that a service can do without it

    return open_weights(image)


@contextmanager
def weights_apart(image: bytes) -> Iterator[Weights]:
    """The same from a process that ends with the block; ArchiveError comes with what is asked."""
    if sys.platform != "linux" or threading.active_count() > 1:
        with weights_here(image) as weights:
            yield weights
        return
    ours, theirs = socket.socketpair()
    reader = get_context("fork").Process(target=_answer, args=(image, ours, theirs), daemon=True)
    with ours, ours.makefile("rwb") as stream:
        reader.start()
        theirs.close()
        try:
            yield _Asked(stream)
        finally:
            reader.kill()
            reader.join()


class _Asked:
    """The other process's weights: `layers.Weights`."""

    def __init__(self, stream: BufferedRWPair) -> None:
        self._stream = stream

    def count(self, group: str) -> int:
        found: int = self._ask(group)["found"]
        return found

    def read(self, group: str, index: int, shape: tuple[int, ...], owner: str) -> Floats:
        self._ask(group, index, shape, owner)
        values = np.empty(shape, np.float32)
        left = values.data.cast("B")
        while left:
            got = self._stream.readinto(left)
            if not got:
                raise _died()
            left = left[got:]
        return values

    def _ask(self, *question: Any) -> dict[str, Any]:
        with suppress(OSError):
            _say(self._stream, question)
            if line := self._stream.readline():
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
    with suppress(OSError), theirs, theirs.makefile("rwb") as stream:
        try:
            with weights_here(image) as weights:
                for line in stream:
                    group, *which = json.loads(line)
                    if not which:
                        _say(stream, {"found": weights.count(group)})
                        continue
                    index, shape, owner = which
                    values = weights.read(group, index, tuple(shape), owner)
                    _say(stream, {})
                    stream.write(values.data.cast("B"))
                    stream.flush()
        except ArchiveError as error:
            _say(stream, {"error": str(error)})


def _say(stream: BufferedRWPair, what: Any) -> None:
    stream.write(json.dumps(what).encode() + b"\n")
    stream.flush()
