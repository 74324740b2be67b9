"""Log lines, as JSON or for a console; one a request, without its phrase unless asked for."""

import logging
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from app.settings import Settings

if TYPE_CHECKING:
    from app.api.exchange import Exchange


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message, and the traceback of an exception."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
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


def log_request(settings: Settings, exchange: "Exchange", seconds: float) -> None:
    """Write the line of one request. The query is left out: it has the phrase."""
    line: dict[str, Any] = {
        "time": time.time(),
        "level": "info",
        "method": exchange.scope["method"],
        "path": exchange.scope["path"][:200],
        "status": exchange.status,
        "ms": round(1e3 * seconds, 3),
        "request_id": exchange.request_id,
    }
    if exchange.traceparent is not None:
        line["traceparent"] = exchange.traceparent
    if exchange.model is not None:
        line["model"] = exchange.model
    if settings.log_phrases and exchange.phrase is not None:
        line["phrase"] = exchange.phrase
    if settings.log_format == "json":
        text = orjson.dumps(line).decode()
    else:
        rest = " ".join(f"{k}={line[k]!r}" for k in ("traceparent", "model", "phrase") if k in line)
        text = (
            f"{time.strftime('%H:%M:%S')} {line['method']} {line['path']!a} {line['status']} "
            f"{line['ms']}ms {line['request_id']} {rest}"
        )
    sys.stderr.write(text + "\n")
