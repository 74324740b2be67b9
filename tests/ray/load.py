"""Clients who ask again and again, each over a connection of its own for every request."""

import http.client
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.ray.network import Network

_TIMEOUT = 90  # seconds: longer than anything here takes to end
PATIENCE = 240  # seconds, with a machine that does much else


@dataclass(frozen=True)
class Asked:
    """One request: when it was sent and ended, and what came: a status and body, or an error."""

    url: str
    sent: float
    ended: float
    status: int | None
    body: bytes

    @property
    def lost(self) -> bool:
        return self.status != 200


def ask(url: str) -> Asked:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=_TIMEOUT)
    sent = time.monotonic()
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        response = connection.getresponse()
        body = response.read()
        return Asked(url, sent, time.monotonic(), response.status, body)
    except (OSError, http.client.HTTPException) as error:
        return Asked(url, sent, time.monotonic(), None, repr(error).encode())
    finally:
        connection.close()


class Load:
    """For the time of a `with`: `clients` for each URL, from outside the machines."""

    def __init__(self, network: Network, *urls: str, clients: int = 2) -> None:
        self.all: list[Asked] = []
        self.clients = clients * len(urls)
        self._network = network
        self._enough = threading.Event()
        self._threads = [
            threading.Thread(target=self._go_on, args=(url,))
            for url in urls
            for _ in range(clients)
        ]

    def _go_on(self, url: str) -> None:
        with self._network.on():
            while not self._enough.is_set():
                asked = ask(url)
                self.all.append(asked)
                if asked.lost:
                    time.sleep(0.1)  # a client that is refused does not ask at once

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()

    @property
    def lost(self) -> list[Asked]:
        return [one for one in self.all if one.lost]

    def go_on(self, count: int = 50) -> list[Asked]:
        """Wait for so many further answers, and give them."""
        start = len(self.all)
        deadline = time.monotonic() + PATIENCE
        while len(self.all) < start + count:
            assert time.monotonic() < deadline, f"{len(self.all) - start} answers in {PATIENCE} s"
            self._enough.wait(0.05)
        return self.all[start:]
