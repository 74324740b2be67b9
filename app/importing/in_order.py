"""Whose weights are whose in an `.h5`: by the order of the layers, as Keras itself goes.

Names are no help: an architecture that was built in another session calls the same layer "lstm"
that the weights call "lstm_3". The layers that have weights are counted off, and inside a
Sequential within the model its weights are: first those that are trained, then those that are not.
"""

from collections.abc import Sequence

from app.errors import ArchiveError
from app.folder.keras import names
from app.folder.keras.layers import ELEMENTWISE, EMBEDDINGS, READERS
from app.folder.keras.options import Options
from app.folder.keras.recurrent import RECURRENT, unwrapped
from app.folder.keras.topology import entries

_MATRICES = {"Dense": 1, **dict.fromkeys(RECURRENT, 2)}  # and a bias each
NONE = "-"  # the group of a layer without weights


class InOrder:
    """Groups for `build_network`, of the layers that a file has weights of, [names] in its order.

    A group is the number of a layer in the file, and for a layer of a Sequential within the model,
    below it, the numbers of its weights among that one's, and of how many: "3", "3/2,3,4 of 7".
    """

    def __init__(self, stored: Sequence[str]) -> None:
        self._stored = stored

    def groups(self, layers: Sequence[Options]) -> list[str]:
        """Raises ArchiveError where the file has weights of another number of layers."""
        if not all(map(_is_known, layers)):
            return names.by_name(layers)  # it will be refused, with a better reason
        having = [at for at, options in enumerate(layers) if sum(_weights(options))]
        if having and not self._stored:
            raise ArchiveError(
                "it has no weights: the network was saved before it was built, and so untrained"
            )
        if len(having) != len(self._stored):
            raise ArchiveError(
                f"the weights are those of {_listed(self._stored)}, and the architecture has "
                f"{_listed([layers[at].name for at in having])}: they are not of the same network"
            )
        found = [NONE] * len(layers)
        for number, at in enumerate(having):
            found[at] = str(number)
        return found

    @staticmethod
    def inside(layers: Sequence[Options]) -> list[str]:
        """The same for the layers of a Sequential within the model."""
        if not all(map(_is_known, layers)):
            return names.by_name(layers)
        owners = [at for at, options in enumerate(layers) for _ in range(_weights(options)[0])]
        owners += [at for at, options in enumerate(layers) for _ in range(_weights(options)[1])]
        return [
            ",".join(str(place) for place, owner in enumerate(owners) if owner == at)
            + f" of {len(owners)}"
            for at in range(len(layers))
        ]


def chosen(inside: str, weights: list[str], model: str) -> list[str]:
    """Of the weights of a Sequential within the model, those of a group of `InOrder.inside`.

    Raises ArchiveError where the Sequential has another number of weights.
    """
    places, _, count = inside.partition(" of ")
    if len(weights) != int(count):
        raise ArchiveError(
            f"{model!r:.60} has {len(weights)} weights, but the configuration asks for {count}"
        )
    return [weights[int(place)] for place in places.split(",") if place]


def _is_known(options: Options) -> bool:
    if options.class_name == "Sequential":
        return all(map(_is_known, entries(options)))
    return unwrapped(options).class_name in {names.INPUT, names.MASK, *READERS, *EMBEDDINGS}


def _weights(options: Options) -> tuple[int, int]:
    """How many weights a layer has that are trained, and how many that are not."""
    trained, others = _counted(options)
    if options.config.get("trainable") is False:
        return 0, trained + others
    return trained, others


def _counted(options: Options) -> tuple[int, int]:
    options = unwrapped(options)
    config = options.config
    match options.class_name:
        case "Sequential":
            inner = [_weights(one) for one in entries(options)]
            return sum(trained for trained, _ in inner), sum(others for _, others in inner)
        case "BatchNormalization":
            return sum(config.get(option, True) is True for option in ("scale", "center")), 2
        case "Bidirectional" | "TimeDistributed" as wrapper:
            wrapped = unwrapped(Options.read(config.get("layer"), keras_2=options.keras_2))
            if wrapper == "TimeDistributed" and wrapped.class_name in ELEMENTWISE:
                return 0, 0
            if wrapped.class_name not in _MATRICES:
                raise options.refuse(f"it wraps {wrapped.class_name}, which is not supported there")
            return sum(_counted(wrapped)) * (2 if wrapper == "Bidirectional" else 1), 0
        case "ReversibleEmbedding":
            return (1 if config.get("tie_weights", True) is True else 2), 0
        case "Embedding":
            return 1, 0
        case name:
            matrices = _MATRICES.get(name, 0)
            return matrices + (matrices > 0 and config.get("use_bias", True) is True), 0


def _listed(layers: Sequence[str]) -> str:
    return f"{len(layers)} layers ({', '.join(layers):.200})"
