"""Which endpoint answers a path: by the exact path first, then by paths with parameters in them."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.http import problems
from app.http.endpoint import Endpoint, Errors, Protocol

_PART = re.compile(r"{(\w+)(:path)?}")


class Found(NamedTuple):
    """An endpoint, what its errors look like, and what the path's parameters stand for."""

    endpoint: Endpoint
    errors: Errors
    parameters: dict[str, str]


class Table:
    """All endpoints of all protocols.

    `root` is the path that a proxy serves the application under, whether it strips it or not.
    """

    def __init__(self, protocols: Sequence[Protocol], root: str = "") -> None:
        self.root = root
        self._protocols = protocols
        self._exact: dict[str, Found] = {}
        self._patterns: list[tuple[re.Pattern[str], Found]] = []
        for protocol in protocols:
            for endpoint in protocol.endpoints:
                errors = endpoint.errors or protocol.errors
                self._add(Found(endpoint, errors, {}))

    def _add(self, found: Found) -> None:
        path = found.endpoint.path
        if "{" in path:
            self._patterns.append((_pattern(path), found))
        elif path in self._exact:
            raise ValueError(f"two endpoints answer {path}")
        else:
            self._exact[path] = found

    def __iter__(self) -> Iterator[Endpoint]:
        return (one for protocol in self._protocols for one in protocol.endpoints)

    @property
    def unlimited(self) -> tuple[bytes, ...]:
        """How requests begin that are answered whatever else is in progress: probes'."""
        paths = [one.path for one in self if not one.limited and "{" not in one.path]
        roots = {"", self.root}
        return tuple(f"GET {root}{path} ".encode() for root in roots for path in paths)

    def find(self, path: str) -> Found | None:
        """What answers a (decoded) path, with a slash at its end or without, or None."""
        return self._exact.get(path) or self._find(path)

    def _find(self, path: str) -> Found | None:
        inner = self.within(path)
        bare = inner.rstrip("/") or "/"
        for one in dict.fromkeys((path, inner, bare)):
            if (found := self._exact.get(one) or self._matching(one)) is not None:
                return found
        return None

    def _matching(self, path: str) -> Found | None:
        for pattern, found in self._patterns:
            if match := pattern.fullmatch(path):
                return found._replace(parameters=match.groupdict())
        return None

    def within(self, path: str) -> str:
        """A path without the root, where it begins with it: once, however often it is there."""
        if self.root and (path == self.root or path.startswith(self.root + "/")):
            return path[len(self.root) :] or "/"
        return path

    def owner(self, path: str) -> Protocol | None:
        """The protocol that claims all paths like this one."""
        inner = self.within(path)
        for protocol in self._protocols:
            if any(inner == one or inner.startswith(one + "/") for one in protocol.under):
                return protocol
        return None

    def errors(self, path: str) -> Errors:
        """What errors look like at a path that nothing answers."""
        owner = self.owner(path)
        return problems.reply if owner is None else owner.errors


def _pattern(path: str) -> re.Pattern[str]:
    pieces: list[str] = []
    end = 0
    for part in _PART.finditer(path):
        inside = ".+" if part[2] else "[^/]+"
        pieces += re.escape(path[end : part.start()]), f"(?P<{part[1]}>{inside})"
        end = part.end()
    return re.compile("".join([*pieces, re.escape(path[end:])]), re.DOTALL)
