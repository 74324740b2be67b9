"""What a request costs on this machine: the service, started for a few seconds and asked.

Its own `/metrics` say what it took of the processor, so that other work beside it counts little,
and the asking, in another process, nothing. Knows nothing about keyboards.
"""

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.errors import ModelError

_CLIENTS = 32
_WORDS = 8  # of a sentence, asked word by word
_SECONDS = 2.0
_LEAST = 0.5  # of the processor: it is counted in hundredths
_PATIENCE = 120  # seconds until it answers
_OF_PROCESS = ("process_cpu_seconds_total", "process_resident_memory_bytes")


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of a processor for one request, and bytes of the process that answered."""

    seconds: float
    bytes: int


def cost(folder: Path, words: Sequence[str]) -> Cost:
    """Of a model folder, whose phrases are made of `words`, with 32 clients who type.

    Raises ModelError where the service does not start, or its system does not count its time.
    """
    with tempfile.TemporaryDirectory() as scratch:
        socket = Path(scratch, "unrolled.sock")
        with _serving(folder, socket) as process:
            return asyncio.run(_measure(socket, process, words))


@contextlib.contextmanager
def _serving(folder: Path, socket: Path) -> "Iterator[subprocess.Popen[bytes]]":
    plain = {key: value for key, value in os.environ.items() if not key.startswith("UNROLLED_")}
    settings = {
        "UNROLLED_MODELS_DIR": str(folder.parent),
        "UNROLLED_DEFAULT_MODEL": folder.name,
        "UNROLLED_UNIX_SOCKET": str(socket),
        "UNROLLED_LOG_REQUESTS": "false",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve"],
        env=plain | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


async def _measure(socket: Path, process: "subprocess.Popen[bytes]", words: Sequence[str]) -> Cost:
    async with contextlib.AsyncExitStack() as closing:
        probe, *clients = [
            await closing.enter_async_context(_connected(socket, process))
            for _ in range(1 + _CLIENTS)
        ]
        while (await probe.get("/readyz"))[0] != 200:
            await asyncio.sleep(0.05)
        draw = random.Random(0)  # noqa: S311 # which words they are does not matter
        typing = [(client, _sentences(draw, words)) for client in clients]
        await _all_type(typing, _SECONDS / 10)  # what only the first requests cost
        before, memory = after, _ = await _process(probe)
        count = 0
        while after - before < _LEAST:  # on a machine that does much else it may take longer
            count += await _all_type(typing, _SECONDS)
            after, memory = await _process(probe)
    return Cost((after - before) / count, int(memory))


class _Client:
    """One connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def get(self, target: str) -> tuple[int, bytes]:
        self._writer.write(b"GET %b HTTP/1.1\r\nHost: unrolled\r\n\r\n" % target.encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return int(head[9:12]), await self._reader.readexactly(length)


@contextlib.asynccontextmanager
async def _connected(socket: Path, process: "subprocess.Popen[bytes]") -> AsyncIterator[_Client]:
    """Connected as soon as the service listens."""
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            reader, writer = await asyncio.open_unix_connection(socket)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        try:
            yield _Client(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()
        return
    raise ModelError("the service that was to be measured did not start: try `unrolled serve`")


def _sentences(draw: random.Random, words: Sequence[str]) -> Iterator[str]:
    """Targets without end; each phrase is the one before it and a word more."""
    while True:
        sentence = draw.choices(words, k=_WORDS)
        for end in range(1, _WORDS + 1):
            yield f"/v1/predict?phrase={quote(' '.join(sentence[:end]))}"


async def _all_type(typing: Sequence[tuple[_Client, Iterator[str]]], seconds: float) -> int:
    """How many requests were answered."""
    end = time.perf_counter() + seconds

    async def one(client: _Client, targets: Iterator[str]) -> int:
        count = 0
        while time.perf_counter() < end:
            await client.get(next(targets))
            count += 1
        return count

    return sum(await asyncio.gather(*(one(*who) for who in typing)))


async def _process(client: _Client) -> tuple[float, float]:
    """Its seconds of the processor, and its memory in bytes."""
    _, text = await client.get("/metrics")
    samples = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if line[0] != "#")
    try:
        seconds, memory = (float(samples[name]) for name in _OF_PROCESS)
    except KeyError as error:
        raise ModelError("this system does not say what a process takes") from error
    return seconds, memory
