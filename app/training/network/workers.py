"""One step's gradients by several processes: each takes its share of the batch's sequences.

Processes, because threads wait for the interpreter's lock: with 1,024 units and 1,400 words a step
two threads are 1.45 times as fast as one, two processes 1.7 times. The shares are added up in one
order, so a run gives the same weights every time. The parameters lie in memory that all of them
see, and only the caller writes there, between two steps.
Knows nothing of what the steps are for.
"""

import math
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from app.errors import HelperDied
from app.training.network.bptt import Batch, Gradients, State, Teacher, Unrolled
from app.training.network.dropout import Dropout
from app.training.network.parameters import TABLES, Parameters, Shape
from app.training.network.softmax import Candidates, RowGradient

_SPAWN = get_context("spawn")  # a forked child would inherit BLAS's threads and locks


class Together:
    """Computes `net`'s gradients with the caller and its helpers; made by `together`."""

    def __init__(
        self,
        net: Unrolled,
        dropout: Dropout,
        teacher: Teacher | None,
        helpers: list["_Helper"],
    ) -> None:
        self.net = net
        self.dropout = dropout
        self.teacher = teacher
        self.helpers = helpers

    def gradients(
        self, batch: Batch, state: State, candidates: Candidates | None, seed: tuple[int, ...]
    ) -> Gradients:
        """As `Unrolled.gradients`; every share draws its dropout from `seed` and its number."""
        shares = _dealt(batch, state, 1 + len(self.helpers))
        asked = self.helpers[: len(shares) - 1]
        for number, (helper, share) in enumerate(zip(asked, shares[1:], strict=True), 2):
            helper.ask((*share, candidates, (*seed, number)))
        rng = np.random.default_rng((*seed, 1))
        own = self.net.gradients(*shares[0], candidates, self.dropout, rng, self.teacher)
        return _summed([own, *(helper.answer() for helper in asked)])


@contextmanager
def together(
    net: Unrolled, dropout: Dropout, teacher: Teacher | None, processes: int
) -> Iterator[Together]:
    """`processes` in all, the caller's among them; the others end with the block.

    Moves the parameters of `net` to shared memory. Raises HelperDied where one ends before.
    """
    if processes == 1:
        yield Together(net, dropout, teacher, [])
        return
    memory, net.parameters = _shared(net.parameters)
    helpers: list[_Helper] = []
    try:
        helpers.extend(_Helper(net, dropout, teacher, memory) for _ in range(processes - 1))
        yield Together(net, dropout, teacher, helpers)
    finally:
        for helper in helpers:
            helper.connection.close()
        for helper in helpers:
            helper.process.join()


class _Helper:
    """Another process, seen from the caller's."""

    def __init__(
        self, net: Unrolled, dropout: Dropout, teacher: Teacher | None, memory: Any
    ) -> None:
        dense = {name: p for name, p in net.parameters.items() if name not in TABLES}
        gradients, self.dense = _shared(dense)
        self.connection, theirs = _SPAWN.Pipe()
        layout = {name: parameter.shape for name, parameter in net.parameters.items()}
        self.process = _SPAWN.Process(
            target=_help,
            args=(theirs, net.shape, dropout, teacher, layout, memory, gradients),
            daemon=True,
        )
        self.process.start()
        theirs.close()

    def ask(self, task: tuple[Any, ...]) -> None:
        with _alive():
            self.connection.send(task)

    def answer(self) -> Gradients:
        with _alive():
            gradients: Gradients = self.connection.recv()
        return replace(gradients, dense=self.dense)


@contextmanager
def _alive() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError) as error:
        raise HelperDied(
            "a process that shared the training steps has ended; --resume goes on from the last "
            "checkpoint"
        ) from error


def _help(
    connection: Connection,
    shape: Shape,
    dropout: Dropout,
    teacher: Teacher | None,
    layout: Mapping[str, tuple[int, ...]],
    memory: Any,
    gradients: Any,
) -> None:
    """A helper's life: it ends when the caller closes the connection, or is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller's to handle
    net = Unrolled(shape, _views(memory, layout))
    dense = _views(gradients, {name: size for name, size in layout.items() if name not in TABLES})
    with suppress(EOFError, ConnectionError):
        while True:
            batch, state, candidates, seed = connection.recv()
            rng = np.random.default_rng(seed)
            share = net.gradients(batch, state, candidates, dropout, rng, teacher)
            for name, gradient in share.dense.items():
                dense[name][:] = gradient
            connection.send(replace(share, dense={}))


def _shared(parameters: Parameters) -> tuple[Any, Parameters]:
    """Copies in memory that a process started later can be given."""
    memory = _SPAWN.RawArray("f", sum(parameter.size for parameter in parameters.values()))
    copies = _views(memory, {name: parameter.shape for name, parameter in parameters.items()})
    for name, parameter in parameters.items():
        copies[name][:] = parameter
    return memory, copies


def _views(memory: Any, layout: Mapping[str, tuple[int, ...]]) -> Parameters:
    flat = np.frombuffer(memory, np.float32)
    ends = np.cumsum([math.prod(shape) for shape in layout.values()])
    parts = np.split(flat, ends[:-1])
    return {name: part.reshape(layout[name]) for name, part in zip(layout, parts, strict=True)}


def _dealt(batch: Batch, state: State, hands: int) -> list[tuple[Batch, State]]:
    """The sequences dealt out in turn, so that long and short ones are everywhere."""
    hands = min(hands, batch.ids.shape[1])
    if hands == 1:
        return [(batch, state)]
    shares = []
    for hand in range(hands):
        mine = np.s_[:, hand::hands]
        drawn = None if batch.drawn is None else replace(batch.drawn, ids=batch.drawn.ids[mine])
        part = Batch(batch.ids[mine], batch.targets[mine], batch.mask[mine], drawn)
        shares.append((part, tuple(layer[hand::hands] for layer in state)))
    return shares


def _summed(shares: list[Gradients]) -> Gradients:
    """Gradients of the mean over all positions, from those of each share's own mean."""
    if len(shares) == 1:
        return shares[0]
    count = sum(share.count for share in shares)
    weights = [np.float32(share.count / count) for share in shares]
    dense = {
        name: np.add.reduce(
            [w * share.dense[name] for w, share in zip(weights, shares, strict=True)]
        )
        for name in shares[0].dense
    }
    rows: dict[str, RowGradient] = {}
    for weight, share in zip(weights, shares, strict=True):
        for name, part in share.rows.items():
            weighted = RowGradient(part.ids, weight * part.values)
            rows[name] = rows[name].plus(weighted) if name in rows else weighted
    state = []
    for layers in zip(*(share.state for share in shares), strict=True):
        whole = np.empty((sum(map(len, layers)), layers[0].shape[1]), np.float32)
        for number, layer in enumerate(layers):
            whole[number :: len(layers)] = layer
        state.append(whole)
    return Gradients(sum(share.loss for share in shares), count, dense, rows, tuple(state))
