"""The one address of a page whose own links are relative."""

from urllib.parse import quote

from starlette.types import Scope


def address(path: str, scope: Scope) -> bytes | None:
    """Where a page's links hold, relative to where it was asked for; None where they hold there.

    `/docs/` is sent to `/docs`, and `/words`, the root that a proxy serves, to `/words/`.
    """
    asked: str = scope["path"]
    last, wanted = asked.rsplit("/", 1)[-1], path.rsplit("/", 1)[-1]
    if last == wanted:
        return None
    slashes = len(asked) - len(asked.rstrip("/"))
    there = "../" * slashes + wanted if wanted else quote(last) + "/"
    query: bytes = scope["query_string"]
    return there.encode() + (b"?" + query if query else b"")
