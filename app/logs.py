"""Log lines, as JSON or for a console; one a request, without its phrase unless asked for."""

import asyncio
import logging
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from app.settings import Settings

if TYPE_CHECKING:
    from app.api.exchange import Exchange


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message, and the traceback of an exception."""
        line = {
            "time": _iso(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def configure(settings: Settings) -> None:
    """Send the service's and uvicorn's logs to standard error in the chosen format."""
    handler = logging.StreamHandler()
    if settings.log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    for name in ("unrolled", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False
    logging.getLogger("uvicorn.access").disabled = True


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


class RequestLog:
    """One line a request. Those of one turn of the event loop are written together."""

    def __init__(self, settings: Settings) -> None:
        self._phrases = settings.log_phrases
        self._json = settings.log_format == "json"
        self._lines: list[str] = []

    def add(self, exchange: "Exchange", seconds: float) -> None:
        """Note an exchange that is over. The query is left out: it has the phrase."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        self._lines.append(self._line(exchange, seconds))

    def _line(self, exchange: "Exchange", seconds: float) -> str:
        scope = exchange.scope
        more = {"traceparent": exchange.traceparent, "model": exchange.model}
        if self._phrases:
            more["phrase"] = exchange.phrase
        if not self._json:
            rest = " ".join([f"{name}={value!r}" for name, value in more.items() if value])
            return (
                f"{time.strftime('%H:%M:%S')} {scope['method']} {scope['path'][:200]!a} "
                f"{exchange.status} {1e3 * seconds:.3f}ms {exchange.request_id} {rest}"
            )
        line = {
            "time": _iso(time.time()),
            "level": "info",
            "method": scope["method"],
            "path": scope["path"][:200],
            "status": exchange.status,
            "ms": round(1e3 * seconds, 3),
            "request_id": exchange.request_id,
        }
        return orjson.dumps(line | {name: more[name] for name in more if more[name]}).decode()

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        sys.stderr.write("\n".join(lines) + "\n")
