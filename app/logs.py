"""Log lines, as JSON or for a console.

Faults and uvicorn's own messages are logged even where requests are not (`log_requests`).
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from app.settings import Settings


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message, and the traceback of an exception."""
        line = {
            "time": iso(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": in_unicode(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = in_unicode(self.formatException(record.exc_info))
        return json_line(line)


class ConsoleFormatter(logging.Formatter):
    """One line a message, whatever it quotes; a traceback's lines begin with a bar."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, message."""
        begin = f"{iso(record.created)} {record.levelname:<7} "
        lines = [begin + one_line(record.getMessage())]
        if record.exc_info:
            lines += ["  | " + one_line(line) for line in self._traceback(record)]
        return "\n".join(lines)

    def _traceback(self, record: logging.LogRecord) -> list[str]:
        return self.formatException(record.exc_info).splitlines() if record.exc_info else []


def json_line(line: Mapping[str, Any]) -> str:
    """An object as JSON that is one line to every reader, and no command to a terminal."""
    text = orjson.dumps(line).decode()
    if text.isascii():  # nearly always; control characters are escaped
        return text
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def one_line(text: str) -> str:
    """Text with its control characters and line separators escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def in_unicode(text: str) -> str:
    """Text that UTF-8 can carry: what is none of it, as in names of files, is escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def configure(settings: Settings) -> None:
    """Send the service's and uvicorn's logs to standard error in the chosen format."""
    handler = logging.StreamHandler()
    if settings.log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(ConsoleFormatter())
    for name in ("unrolled", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False
    logging.getLogger("uvicorn.access").disabled = True


def iso(seconds: float) -> str:
    """A time since the epoch, UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
