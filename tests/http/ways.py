"""The application on a real socket, in a thread of the test's, on both of its ways."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.uvicorn_protocol import Protocol
from app.main import Unrolled
from tests.test_server import PATIENCE, Served, eventually

# Our protocol, and uvicorn's own, which leads through ASGI.
both_ways = pytest.mark.parametrize(
    "way", [pytest.param(Protocol, id="short"), pytest.param(HttpToolsProtocol, id="asgi")]
)
Way = type[HttpToolsProtocol]


@contextmanager
def serving_on(way: Way, app: Unrolled, keep_alive: float = 5) -> Iterator[Served]:
    """The application, whose models are loaded; idle connections are closed after `keep_alive`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=way, proxy_headers=False, log_config=None)
        config.timeout_keep_alive = keep_alive  # type: ignore[assignment] # any number will do
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        served = Served(None, listener.getsockname())  # type: ignore[arg-type] # no process
        try:
            eventually(lambda: served.get("/readyz").status_code == 200)
            yield served
        finally:
            server.should_exit = True
            thread.join()


def connected(served: Served) -> socket.socket:
    return socket.create_connection(served.address, PATIENCE)


def answer(connection: socket.socket, method: str = "POST") -> tuple[HTTPResponse, bytes]:
    """The next response on a connection."""
    response = HTTPResponse(connection, method=method)
    response.begin()
    return response, response.read()


def head(path: str = "/v1/predict", *, length: int | None = None, **more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()
