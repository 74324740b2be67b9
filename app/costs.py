"""What work would cost, estimated before it begins, from the network's size alone.

A processor multiplies and adds so often a second for many phrases at once; for a single one it
waits for its memory. The figures are those of one usual core, and need not be exact: they tell a
second from an hour.
"""

from app.errors import TooExpensive
from app.network import Network

_TOGETHER = 2e10  # multiplications a second, of many rows
_ALONE = 4e9


def seconds(network: Network, steps: int, outputs: int, together: bool = True) -> float:
    """Of one core, for so many timesteps and distributions."""
    tables = sum(array.shape[0] * array.shape[-1] for array in network.weights.values())
    recurrent = sum(
        sum(array.shape[0] * array.shape[-1] for array in layer.weights.values())
        for layer in network.recurrent
    )
    work = steps * recurrent + outputs * max(tables - recurrent, 0)
    return work / (_TOGETHER if together else _ALONE)


def check(expected: float, most: float) -> None:
    """Raises TooExpensive where so many seconds are more than a request may cost."""
    if expected > most:
        what = f"this would take about {expected:.0f} seconds, more than {most:g}"
        raise TooExpensive(f"{what} (UNROLLED_MAX_SECONDS): ask for fewer words or phrases")
