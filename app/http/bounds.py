"""What one exchange, and all of them together, may hold and how long they may take."""

import resource
from dataclasses import dataclass

from app.errors import Overloaded
from app.settings import Settings

MOST_HELD = 256 << 20  # bytes of half-read bodies and unread answers, together
BODY_RATE = 64 << 10  # bytes of a body that are given another second
SPARE_DESCRIPTORS = 256  # for models, files and pipes, and to refuse a connection
_REFUSED = 128


@dataclass(slots=True)
class Bounds:
    """Seconds, connections and bytes; the settings of these names say more. `held` is in use.

    So many connections more are `refused` with an answer; those beyond are closed.
    """

    read_seconds: float = 10.0
    write_seconds: float = 30.0
    connections: int = 4096
    refused: int = _REFUSED
    held: int = 0

    @classmethod
    def of(cls, settings: Settings) -> "Bounds":
        """Those that are set, and no more connections than leave some descriptors."""
        connections, refused = settings.max_connections, _REFUSED
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if allowed != resource.RLIM_INFINITY:
            connections = min(connections, max(allowed - SPARE_DESCRIPTORS, allowed // 2))
            refused = min(refused, (allowed - connections) // 4)
        return cls(settings.read_seconds, settings.write_seconds, connections, refused)

    def take(self, count: int) -> None:
        """Hold so many bytes more. Raises Overloaded where that is too much."""
        if self.held + count > MOST_HELD:
            raise Overloaded("too much is being read and sent at once")
        self.held += count
