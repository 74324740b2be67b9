"""How hard to attack: a little with every `make test`, for an hour with `make attack`."""

import os

LONG = os.environ.get("ATTACK") == "long"


def scaled(short: int, long: int) -> int:
    """How many, by how much time there is."""
    return long if LONG else short


def say(figures: str) -> None:
    """Print what was measured; pytest's -s shows it."""
    print(f"\nattack: {figures}", flush=True)
