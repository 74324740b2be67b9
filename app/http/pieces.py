"""Long work beside the event loop, a slice at a time: it stops when nobody waits for it any more.

A slice that is under way when its client leaves is finished; the next one never begins.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from concurrent.futures import Executor
from time import monotonic
from typing import TypeVar

from app.http.exchange import JSON, Exchange, Headers, Reply
from app.pauses import Pausing

Result = TypeVar("Result")
FEW = 1_024  # characters or numbers that are worked on at once: a fraction of a millisecond
_AT_FIRST = 1 << 20  # bytes that are made in one slice before it is known whether it is streamed
_AT_ONCE = 256 << 10  # bytes of a streamed answer that are made in one slice
SLICE_SECONDS = 0.05  # after which no other piece is begun in one, however small they are


async def made(
    threads: Executor | None, size: int, make: Callable[..., Result], /, *told: object
) -> Result:
    """What is made of so many characters or numbers: here where they are few, else on one of these
    threads, or of the loop's own.
    """
    if size <= FEW:
        return make(*told)
    return await asyncio.get_running_loop().run_in_executor(threads, make, *told)


async def finished(threads: Executor, work: Pausing[Result]) -> Result:
    """What a generator returns, each of its pauses being one for others too."""
    loop = asyncio.get_running_loop()
    while not (done := await loop.run_in_executor(threads, _step, work)):
        pass
    return done[0]


def _step(work: Pausing[Result]) -> tuple[Result] | None:
    try:
        next(work)
    except StopIteration as done:
        return (done.value,)
    return None


async def reply_of(
    threads: Executor,
    exchange: Exchange,
    make: Callable[[], Iterator[bytes]],
    most: int,
    media_type: bytes = JSON,
    headers: Headers = (),
) -> Reply:
    """An answer from its pieces: whole where it has at most so many bytes, else streamed. What is
    made of it is held from the first megabyte on. Raises Overloaded.
    """
    loop = asyncio.get_running_loop()
    pieces, some, more = await loop.run_in_executor(threads, _begun, make, min(most, _AT_FIRST))
    taken, count = [some], len(some)
    while more and count < most:
        exchange.hold(len(some))
        some, more = await loop.run_in_executor(threads, _up_to, pieces, _AT_FIRST)
        taken.append(some)
        count += len(some)
    if count < most:
        exchange.hold(len(some) - count)  # it is held as a whole when it is sent
        return Reply(b"".join(taken), media_type, 200, headers)
    exchange.hold(len(some))

    async def streamed() -> AsyncGenerator[bytes, None]:
        nonlocal more
        for some in taken:
            for begin in range(0, len(some), _AT_ONCE):
                yield some[begin : begin + _AT_ONCE]
        while more:
            some, more = await loop.run_in_executor(threads, _up_to, pieces, _AT_ONCE)
            yield some

    return Reply(streamed(), media_type, 200, headers)


def _begun(make: Callable[[], Iterator[bytes]], most: int) -> tuple[Iterator[bytes], bytes, bool]:
    """The pieces, and what the first of them come to: a change of threads may take as long as it
    takes to make an answer.
    """
    pieces = make()
    return pieces, *_up_to(pieces, most)


def _up_to(pieces: Iterator[bytes], most: int) -> tuple[bytes, bool]:
    """At least `most` bytes more, what a slice had time for, or all that is left; and whether there
    may be more.
    """
    taken, count = [], 0
    end = monotonic() + SLICE_SECONDS
    for piece in pieces:
        taken.append(piece)
        count += len(piece)
        if count >= most or monotonic() >= end:
            return b"".join(taken), True
    return b"".join(taken), False


def for_a_while(results: Iterator[Result]) -> Iterator[Result]:
    """Those that a slice has time for: the first at least."""
    end = monotonic() + SLICE_SECONDS
    for result in results:
        yield result
        if monotonic() >= end:
            return


def listed(elements: Iterator[bytes]) -> Iterator[bytes]:
    """A list as JSON from its elements."""
    mark = b"["
    for element in elements:
        yield mark + element
        mark = b","
    yield b"]" if mark == b"," else b"[]"


def object_of(members: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """An object as JSON from its members' names and values, which are in pieces."""
    mark = b"{"
    for name, value in members:
        yield b'%b"%b":' % (mark, name.encode())
        yield from value
        mark = b","
    yield b"}" if mark == b"," else b"{}"
