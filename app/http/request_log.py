"""One log line a request, as JSON or for a console; without its phrase unless asked for."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator

from app.http.exchange import Exchange
from app.logs import iso, json_line
from app.settings import Settings


class RequestLog:
    """One line a request. Those of one turn of the event loop are written together."""

    def __init__(self, settings: Settings) -> None:
        self._phrases = settings.log_phrases
        self._line = self._json if settings.log_format == "json" else self._console
        self._lines: list[str] = []
        self._second = 0.0
        self._clock = ""

    def add(self, exchange: Exchange, seconds: float) -> None:
        """Note an exchange that is over. The query is left out: it has the phrase."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        self._lines.append(self._line(exchange, seconds))

    def _console(self, exchange: Exchange, seconds: float) -> str:
        scope = exchange.scope
        line = (
            f"{self._time()} {scope['method']} {scope['path'][:200]!a} "
            f"{exchange.status} {1e3 * seconds:.3f}ms {exchange.request_id}"
        )
        for name, value in self._more(exchange):
            line += f" {name}={value!r}"
        return line

    def _json(self, exchange: Exchange, seconds: float) -> str:
        scope = exchange.scope
        line = {
            "time": iso(time.time()),
            "level": "info",
            "method": scope["method"],
            "path": scope["path"][:200],
            "status": exchange.status,
            "ms": round(1e3 * seconds, 3),
            "request_id": exchange.request_id,
        }
        line.update(self._more(exchange))
        return json_line(line)

    def _more(self, exchange: Exchange) -> Iterator[tuple[str, str]]:
        """What not every exchange has."""
        if exchange.traceparent:
            yield "traceparent", exchange.traceparent
        if exchange.model:
            yield "model", exchange.model
        if self._phrases and exchange.phrase:
            yield "phrase", exchange.phrase

    def _time(self) -> str:
        """The time as in every other log line; its seconds are written anew once a second."""
        second, part = divmod(time.time(), 1)
        if second != self._second:
            self._second, self._clock = second, iso(second).removesuffix(".000+00:00")
        return f"{self._clock}.{int(1e3 * part):03d}+00:00"

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        with contextlib.suppress(OSError):  # a terminal that is closed
            sys.stderr.write("\n".join(lines) + "\n")
