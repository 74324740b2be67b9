"""The head of a request: how large it may be, and its target in the form that paths have."""

from collections.abc import Sequence

import httptools

from app.errors import HeadersTooLarge, InvalidHttp, TargetTooLong

MOST_HEADERS = 32 << 10  # bytes of all names and values
_MOST_LINES = 200  # of headers: each takes fifty times its bytes
LONGEST_TARGET = 8 << 10
LARGEST = MOST_HEADERS + LONGEST_TARGET
_EACH = 4  # bytes of a header beside its name and value
SMALL = _EACH * _MOST_LINES  # bytes of which no head is too large


def is_http(said: bytes, headers: int) -> bool:
    """Whether the request line of a head of so many headers, with which ends what was said, is
    HTTP's. The parser takes RTSP's and ICE's too.
    """
    line = said.rsplit(b"\r\n", headers + 3)[-headers - 3]
    return line.rpartition(b" ")[2].startswith(b"HTTP/")


def target_too_long() -> TargetTooLong:
    """What is said of a longer one."""
    return TargetTooLong(f"the URL is longer than {LONGEST_TARGET} bytes")


def headers_too_large() -> HeadersTooLarge:
    """What is said of larger ones."""
    return HeadersTooLarge(f"the headers are larger than {MOST_HEADERS} bytes")


def check_size(headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Raises HeadersTooLarge."""
    if len(headers) > _MOST_LINES:
        raise HeadersTooLarge(f"there are more than {_MOST_LINES} headers")
    if sum(len(name) + len(value) + _EACH for name, value in headers) > MOST_HEADERS:
        raise headers_too_large()


def origin_form(target: bytes) -> bytes:
    """Path and query of a target with scheme and host, which any server has to take (RFC 9112,
    3.2.2). Raises InvalidHttp.
    """
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise InvalidHttp("the URL is none: its host or port cannot be read") from None
    query: bytes | None = url.query
    return (url.path or b"/") + (b"" if query is None else b"?" + query)
