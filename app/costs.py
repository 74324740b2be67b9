"""What work would cost, estimated before it begins, from the network's size alone.

A processor multiplies and adds so often a second for many phrases at once; for a single one it
waits for its memory. The figures are those of one usual core, and need not be exact: they tell a
second from an hour.
"""

from app.errors import TooExpensive
from app.network import Network

_TOGETHER = 2e10  # multiplications a second, of many rows
_ALONE = 4e9
_EPOCH, _NUMBER = 3e-4, 2e-8  # seconds of an epoch of any size, and for each number in it


def seconds(network: Network, steps: int, outputs: int, together: bool = True) -> float:
    """Of one core, for so many timesteps and distributions."""
    numbers = sum(array.size for array in network.weights.values())
    recurrent = sum(array.size for layer in network.recurrent for array in layer.weights.values())
    work = steps * recurrent + outputs * max(numbers - recurrent, 0)
    return work / (_TOGETHER if together else _ALONE)


def training_seconds(examples: int, steps: int, units: int, classes: int, epochs: int) -> float:
    """Of one core, to train a notebook: small arrays, whose calls cost more than their numbers."""
    numbers = examples * (steps * units + classes)
    return epochs * (_EPOCH + numbers * _NUMBER)


def check(expected: float, most: float, fewer: str = "words or phrases") -> None:
    """Raises TooExpensive where so many seconds are more than a request may cost.

    `fewer` is what would make it cheaper.
    """
    if expected > most:
        about = f"{expected:.0f}" if expected >= 10 else f"{expected:.2g}"
        what = f"this would take about {about} seconds, more than {most:g}"
        raise TooExpensive(f"{what} (UNROLLED_MAX_SECONDS): ask for fewer {fewer}")
