"""Which HTTP protocol a server of ours gives uvicorn: the short way, where uvicorn lets it be.

The short way goes into uvicorn's own protocol class. What it relies on is looked at here before it
is used; where a version has it no longer, everything goes through ASGI and says the same.
"""

import asyncio
import logging
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.server import ServerState

log = logging.getLogger("unrolled")

# Of a protocol, and of what it has: a name after a dot is looked for inside the name before it.
RELIED_ON = (
    "parser.get_method",
    "parser.get_http_version",
    "parser.should_keep_alive",
    "parser.should_upgrade",
    "app",
    "loop",
    "tasks",
    "connections",
    "pipeline",
    "cycle",
    "scope",
    "headers",
    "flow",
    "transport",
    "expect_100_continue",
    "timeout_keep_alive",
    "timeout_keep_alive_handler",
    "server_state.default_headers",
    "server_state.total_requests",
    "connection_made",
    "connection_lost",
    "data_received",
    "on_message_begin",
    "on_url",
    "on_header",
    "on_headers_complete",
    "on_body",
    "on_message_complete",
    "on_response_complete",
    "send_400_response",
    "shutdown",
)


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application for a protocol that gets no connection."""


def missing(kind: type[asyncio.Protocol]) -> list[str]:
    """What the short way relies on and a protocol class of uvicorn's does not have."""
    loop = asyncio.new_event_loop()
    config = uvicorn.Config(_nothing, lifespan="off", ws="none", log_config=None)
    make: Any = kind
    try:
        protocol = make(config=config, server_state=ServerState(), app_state={}, _loop=loop)
    finally:
        loop.close()
    return [name for name in RELIED_ON if not _has(protocol, name)]


def _has(thing: Any, name: str) -> bool:
    for part in name.split("."):
        if not hasattr(thing, part):
            return False
        thing = getattr(thing, part)
    return True


def http_protocol(kind: type[asyncio.Protocol] = AutoHTTPProtocol) -> type[asyncio.Protocol]:
    """The short way, or `kind`, which is uvicorn's own protocol, with a line in the log."""
    try:
        from app.http.uvicorn_protocol import Protocol

        lacking = missing(kind)
    except (ImportError, TypeError) as error:
        lacking = [str(error)]
    if not lacking:
        return Protocol
    what = ", ".join(lacking)
    log.warning("uvicorn %s lacks %s: all goes through ASGI", uvicorn.__version__, what)
    return kind
