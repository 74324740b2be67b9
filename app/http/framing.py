"""What a head says of its body: how long it is, in which coding, whether it is held back."""

from app.errors import InvalidHttp, RequestError, UnsupportedTransfer

_MOST_DIGITS = 19  # of a length


def number_of_bytes(value: bytes) -> int | None:
    """The length in a header (RFC 9110, 8.6); None where it is none, or more than anybody has."""
    value = value.rstrip(b" \t")
    if not value.isdigit():
        return None
    if len(value) > _MOST_DIGITS:
        value = value.lstrip(b"0") or b"0"
    return int(value) if len(value) <= _MOST_DIGITS else None


def is_withheld(expect: bytes) -> bool:
    """Whether such a client holds its body back until it is asked for it (RFC 9110, 10.1.1)."""
    return expect.strip().lower() == b"100-continue"


def transfer_fault(transfer: bytes, declared: int) -> RequestError | None:
    """What is wrong with a Transfer-Encoding (RFC 9112, 6.1 and 6.3)."""
    if declared:
        return InvalidHttp("there are a Content-Length and a Transfer-Encoding")
    if transfer.rpartition(b",")[2].strip().lower() != b"chunked":
        return InvalidHttp("the last transfer coding is not chunked")
    if b"," in transfer:
        return UnsupportedTransfer("Transfer-Encoding should be chunked, and no more")
    return None
