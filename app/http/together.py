"""What takes long to make and many may ask for at once: made once for all who wait for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class Together:
    """Makes one answer on a thread of its own, for whoever asks: all `make` the same. Who asks gets
    one that was begun afterwards.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "counts")
        self._one = asyncio.Lock()
        self._begun = 0
        self._made = 0  # which of those that were begun `_answer` is
        self._answer = b""

    async def made(self, make: Callable[[], bytes]) -> bytes:
        """What `make` gives, for one of those who ask for the same."""
        begun = self._begun
        async with self._one:
            if self._made <= begun:
                self._begun = number = self._begun + 1
                loop = asyncio.get_running_loop()
                self._answer = await loop.run_in_executor(self._thread, make)
                self._made = number
            return self._answer
