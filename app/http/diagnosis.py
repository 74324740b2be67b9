"""What arrived instead of a request, said so that whoever sent it knows what to change."""

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.errors import InvalidHttp, RequestError
from app.http import problems
from app.http.exchange import new_id

_REASONS = {
    "Invalid char in url": "a URL has only ASCII characters; others are percent-encoded",
    "Duplicate Content-Length": "there are two Content-Lengths",
    "Pause on PRI": "HTTP/2 is not spoken here; HTTP/1.1 is",
}
_PROXY = (b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n")  # of its versions 1 and 2


def diagnosis(error: httptools.HttpParserError, data: bytes) -> InvalidHttp:
    """An error of the parser's about some bytes, for whoever sent them."""
    if data[:2] in (b"\x16", b"\x16\x03"):
        return InvalidHttp("this port speaks plain HTTP, and TLS arrived: use http://")
    if data.startswith(_PROXY):
        return InvalidHttp("this port speaks HTTP alone, and the PROXY protocol's line arrived")
    said = str(error)
    for beginning, reason in _REASONS.items():
        if said.startswith(beginning):
            return InvalidHttp(reason)
    return InvalidHttp(f"not an HTTP/1.1 request: {said}")


def refusal(error: RequestError) -> bytes:
    """The answer to what is no request, with which its connection ends."""
    reply = problems.reply(error, new_id())
    body = bytes(reply.body) if isinstance(reply.body, bytes) else b""
    head = [STATUS_LINE[error.status], b"content-type: ", reply.media_type, b"\r\n"]
    for name, value in (*reply.headers, (b"x-content-type-options", b"nosniff")):
        head += name, b": ", value, b"\r\n"
    head += b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body), body
    return b"".join(head)
