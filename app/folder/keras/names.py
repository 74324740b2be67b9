"""Where Keras keeps a layer's weights inside an archive, for reading and for writing."""

import re
from collections import Counter
from collections.abc import Sequence

CELL = "/cell"  # below a recurrent layer's group
WRAPPED = "/layer"  # below a wrapper's


def groups(class_names: Sequence[str]) -> list[str]:
    """The group of each layer's weights: its class in snake case, numbered where it repeats."""
    seen: Counter[str] = Counter()
    found = []
    for name in map(snake_case, class_names):
        found.append(f"layers/{name}_{seen[name]}" if seen[name] else f"layers/{name}")
        seen[name] += 1
    return found


def variables(group: str) -> str:
    """Where the weights of a group, or of what is below one, lie by number."""
    return f"{group}/vars"


def dataset(group: str, index: int) -> str:
    """Where one of them lies."""
    return f"{variables(group)}/{index}"


def snake_case(name: str) -> str:
    """As Keras derives names: "SimpleRNN" -> "simple_rnn"."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
