"""Bodies as they travel: compressed or not, and in which letters.

A request may be gzip or deflate, however small it claims to become: what it inflates to is bounded.
An answer over 8 KB is compressed for a client that accepts it, on a thread: it takes longer than
most answers take to compute.
"""

import asyncio
import zlib

from app.errors import BodyTooLarge, InvalidHttp, InvalidJson, UnsupportedEncoding
from app.http.exchange import Headers, Reply

LEAST = 8 << 10  # bytes of an answer that is compressed
_ON_A_THREAD = 16 << 10  # bytes of a request that are inflated there
_AT_ONCE = 16 << 10  # bytes: with each member that ends, those behind it are copied
_LEVEL = 1  # three quarters of what 6 saves, in a third of its time
_GZIP, _ZLIB, _BARE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_VARY = (b"vary", b"Accept-Encoding")


async def inflated(body: bytes, coding: bytes, limit: int) -> bytes:
    """A request's body, by its Content-Encoding.

    Raises UnsupportedEncoding, InvalidHttp where it is damaged, BodyTooLarge past `limit` bytes.
    """
    coding = coding.strip().lower()
    if coding in (b"", b"identity"):
        return body
    if coding not in (b"gzip", b"x-gzip", b"deflate"):
        raise UnsupportedEncoding("the body's Content-Encoding should be gzip or deflate, or none")
    if len(body) < _ON_A_THREAD:
        return _inflate(body, coding, limit)
    return await asyncio.to_thread(_inflate, body, coding, limit)


def _inflate(body: bytes, coding: bytes, limit: int) -> bytes:
    window = _GZIP
    if coding == b"deflate":  # with zlib's head, as it should be, or without, as some send it
        window = _ZLIB if body[:1] and body[0] & 15 == 8 else _BARE
    pieces: list[bytes] = []
    left = limit + 1
    stream = zlib.decompressobj(window)
    try:
        for start in range(0, len(body), _AT_ONCE):
            rest = body[start : start + _AT_ONCE]
            while rest:  # a gzip file may have several members
                if stream.eof:
                    stream = zlib.decompressobj(window)
                pieces.append(stream.decompress(rest, left))
                left -= len(pieces[-1])
                if left <= 0:
                    raise BodyTooLarge(limit, " once it is inflated")
                rest = stream.unused_data
    except zlib.error as error:
        raise InvalidHttp("the body is not compressed as its Content-Encoding says") from error
    if body and not stream.eof:
        raise InvalidHttp("the compressed body is not complete")
    return b"".join(pieces)


def json_letters(body: bytes) -> bytes:
    """JSON without a byte order mark. Raises InvalidJson for UTF-16 and UTF-32."""
    if body.startswith(_BYTE_ORDER_MARK):
        return body[len(_BYTE_ORDER_MARK) :]
    if body[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in body[:4]:
        raise InvalidJson("the body is UTF-16 or UTF-32; JSON is sent as UTF-8")
    return body


async def compressed(reply: Reply, body: bytes, accepts: bytes | None) -> Reply:
    """A large whole answer as this client may have it."""
    headers: Headers = (*reply.headers, _VARY)
    coding = accepted(accepts)
    if coding is None:
        return reply._replace(headers=headers)
    window = _GZIP if coding == b"gzip" else _ZLIB
    smaller = await asyncio.to_thread(_deflate, body, window)
    headers = tuple(
        (name, tagged(value, coding) if name == b"etag" else value) for name, value in headers
    )
    return reply._replace(body=smaller, headers=(*headers, (b"content-encoding", coding)))


def _deflate(body: bytes, window: int) -> bytes:
    stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, window)
    return stream.compress(body) + stream.flush()


def weighed(header: bytes | None) -> dict[bytes, float]:
    """What an Accept or Accept-Encoding header lists, and how much it wants it: 0 is not at all."""
    weights: dict[bytes, float] = {}
    for item in (header or b"").lower().split(b","):
        name, *parameters = (part.strip() for part in item.split(b";"))
        weights[name] = _weight(next((one[2:] for one in parameters if one[:2] == b"q="), b"1"))
    return weights


def _weight(written: bytes) -> float:
    """From 0 to 1; 0 for what is no weight (RFC 9110, 12.4.2)."""
    try:
        weight = float(written)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0  # which nan is not, either


def accepted(header: bytes | None) -> bytes | None:
    """The better of the two codings in an Accept-Encoding header, None where there is neither."""
    weights = weighed(header)
    anything = weights.get(b"*", 0.0)
    gzip = weights.get(b"gzip", weights.get(b"x-gzip", anything))
    deflate = weights.get(b"deflate", 0.0)
    if max(gzip, deflate) <= 0:
        return None
    return b"gzip" if gzip >= deflate else b"deflate"


def tagged(etag: bytes, coding: bytes) -> bytes:
    """The tag of what is compressed: a strong tag of other bytes has to be another."""
    return etag[:-1] + b"-" + coding + b'"'


def is_known(etag: bytes, header: bytes | None) -> bool:
    """Whether an If-None-Match header has this tag, of whichever coding."""
    if header is None:
        return False
    if header.strip() == b"*":
        return True
    tags = (tag.strip().removeprefix(b"W/") for tag in header.split(b","))
    return any(tag in (etag, tagged(etag, b"gzip"), tagged(etag, b"deflate")) for tag in tags)
