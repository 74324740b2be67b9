"""An archive read by a process of its own, which ends with it.

The HDF5 library takes 10 MB that nothing needs once the weights are read, and a file that crashes
it would take the service along: a forked process spares the service both. Where other threads run,
whose locks a fork would copy as they stand, or there is no fork, the archive is read here.
"""

import signal
import sys
import threading
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from app.archive import read_network
from app.errors import ArchiveError, ModelError
from app.network import Network


def read_network_apart(path: Path) -> Network:
    """As `read_network`, and raises what it raises; ArchiveError too where its process dies."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return read_network(path)
    fork = get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    reader = fork.Process(target=_read, args=(path, ours, theirs), daemon=True)
    with ours:
        reader.start()
        theirs.close()
        try:
            answer: Network | Exception = ours.recv()
        except EOFError:
            reader.join()
            answer = ArchiveError(f"{path.name}: its reader ended with {reader.exitcode}")
    reader.join()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _read(path: Path, ours: Connection, theirs: Connection) -> None:
    ours.close()  # so that nothing is sent for ever to a service that has gone
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service's to handle: this ends with it
    answer: Network | Exception
    try:
        answer = read_network(path)
    except (ModelError, OSError) as error:
        answer = error
    with suppress(BrokenPipeError):
        theirs.send(answer)
