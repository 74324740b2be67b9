"""An answer of megabytes goes out while others are heard, however fast its client reads."""

import asyncio
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any

import pytest

from app.http.bounds import Bounds
from app.http.exchange import PIECE, Exchange, Reply
from app.http.short_exchange import ShortExchange

MEGABYTES = 8
BODY = bytes(range(256)) * (MEGABYTES << 12)
SCOPE = {"type": "http", "method": "GET", "http_version": "1.1", "headers": [(b"host", b"x")]}


class Client:
    """Takes in whatever is sent at once, by messages or by bytes."""

    def __init__(self) -> None:
        self.read: list[bytes] = []

    async def send(self, message: Any) -> None:
        self.read.append(message.get("body", b""))

    async def receive(self) -> Any:
        await asyncio.get_running_loop().create_future()

    def write(self, data: bytes) -> None:
        self.read.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def exchange(self, short: bool) -> Exchange:
        if not short:
            return Exchange(SCOPE, self.receive, self.send, Bounds())
        protocol: Any = SimpleNamespace(
            parser=SimpleNamespace(should_keep_alive=lambda: True),
            flow=SimpleNamespace(write_paused=False),
            server_state=SimpleNamespace(default_headers=[]),
            transport=self,
            on_response_complete=lambda: None,
        )
        settings = SimpleNamespace(max_body_bytes=0)
        edge: Any = SimpleNamespace(bounds=Bounds(), service=SimpleNamespace(settings=settings))
        exchange = ShortExchange(protocol, edge, SCOPE, None)  # type: ignore[arg-type]
        exchange.complete()
        return exchange


async def pieces() -> AsyncGenerator[bytes, None]:
    for begin in range(0, len(BODY), PIECE):
        yield BODY[begin : begin + PIECE]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("short", [True, False], ids=["short", "asgi"])
def test_others_are_heard_with_every_megabyte_that_is_sent(short: bool, streamed: bool) -> None:
    client, turns = Client(), 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def run() -> None:
        heard = asyncio.create_task(others())
        await client.exchange(short).respond(Reply(pieces() if streamed else BODY))
        heard.cancel()

    asyncio.run(run())
    assert turns >= MEGABYTES - 1
    sent = b"".join(client.read)
    if short and streamed:
        chunks = sent.partition(b"\r\n\r\n")[2].split(b"%x\r\n" % PIECE)
        assert b"".join(one.removesuffix(b"\r\n") for one in chunks) == BODY + b"\r\n0\r\n"
    else:
        assert sent.endswith(BODY)
