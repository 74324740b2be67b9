"""What Keras calls things in an archive: classes, and where a layer's weights lie. For reading and
for writing.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

CELL = "/cell"  # below a recurrent layer's group
WRAPPED = "/layer"  # below a wrapper's
FORWARD, BACKWARD = "forward_layer", "backward_layer"  # below a Bidirectional's

INPUT = "InputLayer"  # classes, from here on
MASK = "NotEqual"  # of ids and 0, spelled out as an operation
OF_WORDS = ("TextVectorization", "StringLookup")  # which turn words into ids

ROOTS = ("layers", "_layer_checkpoint_dependencies")  # the latter in TensorFlow 2.12 and 2.13


class Named(Protocol):
    """A layer, or its options."""

    @property
    def name(self) -> str: ...  # noqa: D102 - as the layer's
    @property
    def class_name(self) -> str: ...  # noqa: D102


def by_class(layers: Sequence[Named]) -> list[str]:
    """The group of each layer's weights: its class in snake case, numbered where it repeats."""
    seen: Counter[str] = Counter()
    found = []
    for name in (snake_case(options.class_name) for options in layers):
        found.append(f"{ROOTS[0]}/{name}_{seen[name]}" if seen[name] else f"{ROOTS[0]}/{name}")
        seen[name] += 1
    return found


def by_name(layers: Sequence[Named]) -> list[str]:
    """Each layer's own name, as `.h5` files have it."""
    return [options.name for options in layers]


def laid_out(group: str, root: str, separator: str) -> str:
    """A group as an archive of another layout has it: under another root, or from Windows.

    The older releases listed every layer with weights twice, and numbered them so; within a
    Sequential inside the model as well.
    """
    if root != ROOTS[0]:
        group = re.sub(r"(?<![^/])layers/(\w+?)_(\d+)(?=/|$)", _twice_the_number, group)
        group = re.sub(r"(?<![^/])layers/", f"{root}/", group)
    return group.replace("/", separator)


def _twice_the_number(found: re.Match[str]) -> str:
    return f"{ROOTS[0]}/{found[1]}_{2 * int(found[2])}"


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
