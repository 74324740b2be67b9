"""Clients that leave before they are answered: how an ASGI server says so, and what stops then."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.types import Message, Receive, Send


class ClientGone(Exception):
    """The client closed the connection before its request was whole, or before it was answered."""


async def hand(send: Send, message: Message) -> None:
    """Hand a message to the server. Raises ClientGone where nobody is there any more.

    By ASGI that is an OSError. Uvicorn forgets to look where requests were pipelined, and uvloop's
    own error comes through.
    """
    try:
        await send(message)
    except OSError as error:
        raise ClientGone from error
    except RuntimeError as error:
        if "the handler is closed" not in str(error):
            raise
        raise ClientGone from error


@contextlib.asynccontextmanager
async def while_connected(receive: Receive) -> AsyncIterator[None]:
    """Cancel what runs inside once the client is gone, and raise ClientGone."""
    gone = False

    async def watch(task: "asyncio.Task[Any]") -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        task.cancel()

    current: Any = asyncio.current_task()
    watcher = asyncio.create_task(watch(current))
    try:
        yield
    except asyncio.CancelledError as cancelled:
        if gone and current.uncancel() == 0:
            # In a circle with the frames it came through: they keep all that was being made.
            cancelled.__traceback__ = None
            raise ClientGone from None
        raise
    finally:
        watcher.cancel()
