"""What arrived instead of a request, said so that whoever sent it knows what to change."""

import httptools

from app.errors import InvalidHttp

_REASONS = {
    "Invalid char in url": "a URL has only ASCII characters; others are percent-encoded",
    "Duplicate Content-Length": "there are two Content-Lengths",
    "Pause on PRI": "HTTP/2 is not spoken here; HTTP/1.1 is",
}


def diagnosis(error: httptools.HttpParserError, data: bytes) -> InvalidHttp:
    """An error of the parser's about some bytes, for whoever sent them."""
    if data.startswith(b"\x16\x03"):
        return InvalidHttp("this port speaks plain HTTP, and TLS arrived: use http://")
    said = str(error)
    for beginning, reason in _REASONS.items():
        if said.startswith(beginning):
            return InvalidHttp(reason)
    return InvalidHttp(f"not an HTTP/1.1 request: {said}")
