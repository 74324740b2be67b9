"""JSON -> a request, so that others are not kept waiting by it.

Who parses a body has the interpreter until it is done, on whatever thread: a megabyte of small
values takes 10 to 70 ms, most of it to refuse them. So the values of a large body are counted
first, a part at a time beside the event loop, and one that has more of them than any sound request
is refused unparsed. What is left is parsed beside the loop too.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import TypeVar

from app.errors import InvalidRequest

Result = TypeVar("Result")
MOST_VALUES = 4_096  # of a request without long lists of numbers: 1,000 phrases, and all the rest
MANY_VALUES = 70_000  # where ids are listed: 65,536 of a prompt, 1,000 rows of 64, and the rest
LARGE = 8 << 10  # bytes of a body that is not parsed on the loop
_AT_ONCE = 64 << 10  # bytes in which values are counted before others get the interpreter


async def parsed(
    body: bytes, parse: Callable[[bytes], Result], most_values: int, end: int | None = None
) -> Result:
    """What `parse` makes of a body, of which the part before `end` is JSON.

    Raises InvalidRequest where that has more values than so many.
    """
    if len(body) <= LARGE:
        return parse(body)
    return await asyncio.to_thread(_counted, body, parse, most_values, end)


def _counted(
    body: bytes, parse: Callable[[bytes], Result], most_values: int, end: int | None
) -> Result:
    marks = 0  # every value but the first of all has one before it that no other value has
    for part in outside_strings(body[:end]):
        marks += part.count(b",") + part.count(b"[") + part.count(b"{")
        if marks > most_values:
            raise InvalidRequest(f"the body has more than {most_values} values")
    return parse(body)


def outside_strings(body: bytes) -> Iterator[bytes]:
    """What of JSON stands in no string: a phrase may have as many commas as it likes."""
    inside, start = False, 0
    while start < len(body):
        end = start + _AT_ONCE
        while body[end - 1 : end] == b"\\":  # what it escapes belongs to it
            end += 1
        part = body[start:end].replace(b"\\\\", b"").replace(b'\\"', b"")
        pieces = part.split(b'"')
        yield b"".join(pieces[inside::2])
        inside ^= len(pieces) % 2 == 0
        start = end
