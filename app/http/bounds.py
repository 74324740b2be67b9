"""What one exchange, and all of them together, may hold and how long they may take."""

from dataclasses import dataclass

from app.errors import Overloaded
from app.settings import Settings

MOST_HELD = 256 << 20  # bytes of half-read bodies and unread answers, together
BODY_RATE = 64 << 10  # bytes of a body that are given another second


@dataclass(slots=True)
class Bounds:
    """Seconds, connections and bytes; the settings of these names say more. `held` is in use."""

    read_seconds: float = 10.0
    write_seconds: float = 30.0
    connections: int = 4096
    held: int = 0

    @classmethod
    def of(cls, settings: Settings) -> "Bounds":
        """Those that are set."""
        return cls(settings.read_seconds, settings.write_seconds, settings.max_connections)

    def take(self, count: int) -> None:
        """Hold so many bytes more. Raises Overloaded where that is too much."""
        if self.held + count > MOST_HELD:
            raise Overloaded("too much is being read and sent at once")
        self.held += count
