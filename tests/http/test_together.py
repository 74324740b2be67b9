"""What many ask for at once, as the metrics of a service with many workers."""

import asyncio
import threading

import pytest

from app.http.together import Together


def test_it_is_made_for_all_who_wait_and_beside_the_loop() -> None:
    begun, goes_on = threading.Event(), threading.Event()
    made: list[int] = []

    def make() -> bytes:
        made.append(threading.get_ident())
        begun.set()
        assert goes_on.wait(60)
        return b"%d" % len(made)

    async def ask() -> None:
        together = Together()
        first = asyncio.create_task(together.made(make))
        await asyncio.to_thread(begun.wait)
        others = [asyncio.create_task(together.made(make)) for _ in range(100)]
        await asyncio.sleep(0)  # they have asked
        goes_on.set()
        assert await first == b"1"
        assert {await one for one in others} == {b"2"}  # who came while the first was made
        assert await together.made(make) == b"3"

    asyncio.run(ask())
    assert threading.get_ident() not in made


def test_who_leaves_or_fails_keeps_nobody_waiting() -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def waits() -> bytes:
        begun.set()
        assert goes_on.wait(60)
        return b""

    def fails() -> bytes:
        raise ValueError("for one")

    async def ask() -> None:
        together = Together()
        leaves = asyncio.create_task(together.made(waits))
        await asyncio.to_thread(begun.wait)
        other = asyncio.create_task(together.made(lambda: b"answer"))
        leaves.cancel()
        goes_on.set()
        assert await other == b"answer"
        with pytest.raises(ValueError, match="for one"):
            await together.made(fails)
        assert await together.made(lambda: b"another") == b"another"

    asyncio.run(ask())
