"""Many clients at once on raw sockets: what each of their requests came to."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

PATIENCE = 120.0  # seconds for one answer


@dataclass
class Outcomes:
    """Statuses, what became of lost requests, and how many 503s did not say when to come back."""

    statuses: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    without_retry_after: int = 0


class Client:
    """A client that keeps its connection, and obeys `Connection: close`."""

    def __init__(self, port: int, outcomes: Outcomes) -> None:
        self._port = port
        self._outcomes = outcomes
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, head: str, body: bytes = b"") -> None:
        """Send one request and note what came of it."""
        try:
            async with asyncio.timeout(PATIENCE):
                status, headers = await self._exchange(head, body)
        except (OSError, EOFError, TimeoutError) as error:
            self._outcomes.lost.append(repr(error))
            await self.close()
            return
        self._outcomes.statuses[status] += 1
        if status == 503 and b"retry-after" not in headers:
            self._outcomes.without_retry_after += 1
        if headers.get(b"connection") == b"close":
            await self.close()

    async def _exchange(self, head: str, body: bytes) -> tuple[int, dict[bytes, bytes]]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        lines = f"{head} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(lines.encode() + body)
        first, *rest = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in rest if line)
        if b"chunked" in headers.get(b"transfer-encoding", b""):
            while (size := int(await reader.readuntil(b"\r\n"), 16)) >= 0:
                await reader.readexactly(size + 2)
                if not size:
                    break
        else:
            await reader.readexactly(int(headers[b"content-length"]))
        return int(first.split()[1]), headers

    async def close(self) -> None:
        """Leave."""
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def ask_all(
    port: int, requests: Iterator[tuple[str, bytes]], clients: int, outcomes: Outcomes
) -> None:
    """Have clients take requests, (method and target, body), until there are no more."""

    async def work() -> None:
        client = Client(port, outcomes)
        for head, body in requests:
            await client.ask(head, body)
        await client.close()

    await asyncio.gather(*(work() for _ in range(clients)))
