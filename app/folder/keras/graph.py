"""A functional model's graph -> its calls in order, where they follow each other in a line.

Beside layers there are operations that Keras spells out as such: the mask ids ≠ 0, which an
embedding gives anyway, and x[:, -1, :], the last timestep.
"""

from typing import Any

from app.errors import ArchiveError, UnsupportedNetwork
from app.folder.keras import names
from app.folder.keras.layers import EMBEDDINGS, LAST_STEPS
from app.folder.keras.options import Options

_REVERSED = "reverse"
_OTHER_THAN_ONE = "it is called with something other than one tensor"
Call = tuple[str, int]  # a layer's name, and which of its calls


def in_a_line(model: Options, layers: list[Options]) -> list[tuple[Options, bool]]:
    """Order the calls of a functional model; each is (layer, called with reverse=True)."""
    by_name = {options.name: options for options in layers}
    at = _end(model.config.get("input_layers"), "inputs")
    last = _end(model.config.get("output_layers"), "outputs")
    if at[0] not in by_name:
        raise ArchiveError(f"config.json: there is no input layer {at[0]!r}")
    masks = _masks(layers, at)
    following: dict[Call, tuple[Options, int, bool]] = {}
    for options in layers:
        for node, call in enumerate(options.inbound if options.name not in masks else ()):
            source, is_reversed = _read_call(options, call, masks)
            if source in following:
                raise UnsupportedNetwork(f"the output of {source[0]!r} is used more than once")
            following[source] = (options, node, is_reversed)
    line = [(by_name[at[0]], False)]
    while at in following:
        options, node, is_reversed = following.pop(at)
        line.append((options, is_reversed))
        at = (options.name, node)
        if options.class_name == "Sequential" and at not in following and at != last:
            at = (options.name, node + 1)  # Keras 2 counts the call that built it
    if at != last or following:
        raise UnsupportedNetwork("the layers do not follow each other in a line")
    return line


def _masks(layers: list[Options], entry: Call) -> set[str]:
    """Names of the operations ids ≠ 0, by which Keras spells out an Embedding's mask_zero."""
    operations = [options for options in layers if options.class_name == names.MASK]
    embeddings = [options for options in layers if options.class_name in EMBEDDINGS]
    for options in operations:
        match options.inbound:
            case [{"args": [{"config": {"keras_history": [str(name), int(node), 0]}}, 0]}]:
                compared = (name, node)
            case _:
                raise options.refuse("this type of layer is not supported")
        masked = [one for one in embeddings if one.flag("mask_zero", False)]
        if compared != entry or not masked:
            raise options.refuse("a mask is supported only as an Embedding's mask_zero")
    return {options.name for options in operations}


def _end(value: object, what: str) -> tuple[str, int]:
    """The single input or output: [name, node, tensor], or a list or object with one such."""
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    match value:
        case [str(name), int(node), 0]:
            return name, node
    raise UnsupportedNetwork(f"the model has several {what}; one is supported")


def _read_call(options: Options, call: object, masks: set[str]) -> tuple[Call, bool]:
    others: list[Any] = []
    kwargs: Any = {}
    match call:
        case {
            "args": [
                {"class_name": "__keras_tensor__", "config": {"keras_history": history}},
                *rest,
            ],
            **named,
        }:
            others, kwargs = rest, named.get("kwargs", {})
        case [[name, node, tensor, kwargs]] | [name, node, tensor, kwargs]:  # as Keras 2 wrote it
            history = [name, node, tensor]
        case _:
            raise options.refuse(_OTHER_THAN_ONE)
    match history:
        case [str(name), int(node), 0]:
            source = (name, node)
        case _:
            raise options.refuse("it is called with something other than one layer's output")
    if not isinstance(kwargs, dict):
        raise options.refuse("its call has damaged arguments")
    if options.class_name in LAST_STEPS:
        _check_last_step(options, [*others, *kwargs.values()])
        return source, False
    if others:
        raise options.refuse(_OTHER_THAN_ONE)
    for argument, value in kwargs.items():
        if argument != _REVERSED and not _changes_nothing(argument, value, masks):
            raise options.refuse(f"it is called with {argument:.40} = {value!r:.60}")
    is_reversed = kwargs.get(_REVERSED, False)
    if is_reversed and options.class_name != "ReversibleEmbedding":
        raise options.refuse("it is called with reverse=True")
    return source, bool(is_reversed)


def _check_last_step(options: Options, arguments: list[Any]) -> None:
    """Whether an index is [:, -1] or [:, -1, :]."""
    match arguments:
        case [[first, -1, *rest]] if len(rest) <= 1 and all(map(_is_all, [first, *rest])):
            return
    raise options.refuse("of sequences, only x[:, -1, :], their last timestep, can be taken")


def _is_all(index: object) -> bool:
    """Whether an index is the slice `:`."""
    if isinstance(index, dict) and index.get("class_name") == "__slice__":
        index = index.get("config")
    return isinstance(index, dict) and not any(
        index.get(name) for name in ("start", "stop", "step")
    )


def _changes_nothing(argument: str, value: object, masks: set[str]) -> bool:
    """Whether an argument is left off, or is the mask that the embedding gives anyway."""
    if value is None or value is False:
        return True
    match value:
        case {"config": {"keras_history": [str(name), 0, 0]}}:
            return argument == "mask" and name in masks
    return False
