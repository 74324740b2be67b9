"""The model's configuration -> its layers in order: Sequential, or a functional graph in a line."""

from typing import Any

import numpy as np

from app.errors import ArchiveError, UnsupportedNetwork
from app.folder.keras import names
from app.folder.keras.layers import EMBEDDINGS, READERS, embedding
from app.folder.keras.options import Options
from app.folder.keras.place import Place, Weights
from app.network import (
    Dense,
    Elementwise,
    Embedding,
    Layer,
    Network,
    Recurrent,
    ReversedEmbedding,
)

_MOST_LAYERS = 100
_ID_TYPES = ("int32", "int64", "float32", "float64")
_REVERSED = "reverse"
_MASK = "NotEqual"
Call = tuple[str, int]  # a layer's name, and which of its calls


def build_network(config: dict[str, Any], weights: Weights) -> Network:
    """Build the network that `config.json` describes.

    Raises UnsupportedNetwork or ArchiveError, naming the layer.
    """
    model = Options.read(config)
    entries = model.config.get("layers")
    if not isinstance(entries, list) or not entries:
        raise ArchiveError("config.json: the model has no layers")
    if len(entries) > _MOST_LAYERS:
        raise UnsupportedNetwork(f"the model has {len(entries)} layers; at most {_MOST_LAYERS}")
    every = [Options.read(entry) for entry in entries]
    if model.class_name == "Sequential":
        calls = [(options, False) for options in every]
    elif model.class_name in ("Functional", "Model"):
        calls = _in_a_line(model, every)
    else:
        raise UnsupportedNetwork(f"the model is a {model.class_name}, not Sequential or Functional")
    _check_inputs(calls)
    shape = _input_shape(config, model, calls)
    calls = [call for call in calls if call[0].class_name != "InputLayer"]
    found = names.groups([one.class_name for one in every])
    groups = {options.name: group for options, group in zip(every, found, strict=True)}
    if len(groups) != len(every):
        raise ArchiveError("config.json: two layers have the same name")
    layers = _layers(calls, shape, groups, weights)
    _check_ends(layers)
    frozen = frozenset(one.name for one in every if one.config.get("trainable") is False)
    return Network(model.name, model.class_name, tuple(layers), shape[1], frozen)


def _layers(
    calls: list[tuple[Options, bool]],
    shape: list[int | None],
    groups: dict[str, str],
    weights: Weights,
) -> list[Layer]:
    layers: list[Layer] = []
    _check_types(calls)
    embedded = bool(calls) and calls[0][0].class_name in EMBEDDINGS
    if shape[2:] != ([] if embedded else [1]):
        raise UnsupportedNetwork(
            f"the input has shape {shape}: ids enter an Embedding as (batch, timesteps), "
            "or a recurrent layer as (batch, timesteps, 1)"
        )
    features = 1
    for options, is_reversed in calls:
        options.require_float32()
        place = Place(features, groups[options.name], weights)
        if is_reversed:
            layer: Layer = _reversed(options, place, layers)
        elif options.class_name in EMBEDDINGS:
            if layers:
                raise options.refuse("an embedding is supported as the first layer only")
            layer = embedding(options, place)
        else:
            layer = READERS[options.class_name](options, place)
        features = layer.units
        layers.append(layer)
    return layers


def _check_types(calls: list[tuple[Options, bool]]) -> None:
    for options, _ in calls:
        if options.class_name not in READERS and options.class_name not in EMBEDDINGS:
            raise options.refuse("this type of layer is not supported")


def _reversed(options: Options, place: Place, layers: list[Layer]) -> ReversedEmbedding:
    source = next((one for one in layers if one.name == options.name), None)
    if not isinstance(source, Embedding):
        raise options.refuse("it is called with reverse=True, but is not the network's embedding")
    rows, columns = source.embeddings.shape
    if place.features != columns:
        raise options.refuse(f"reverse=True needs {columns} features, {place.features} come in")
    if options.flag("tie_weights", True):
        return ReversedEmbedding(options.name, source.embeddings, tied=True)
    weights = place.read(
        options, "", embeddings=(rows, columns), reverse_embeddings=(columns, rows)
    )
    table = np.ascontiguousarray(weights["reverse_embeddings"].T)
    return ReversedEmbedding(options.name, table, tied=False)


def _check_ends(layers: list[Layer]) -> None:
    recurrent = [at for at, layer in enumerate(layers) if isinstance(layer, Recurrent)]
    if not recurrent:
        raise UnsupportedNetwork("the network has no recurrent layer")
    for at in recurrent[:-1]:
        layer = layers[at]
        if isinstance(layer, Recurrent) and not layer.return_sequences:
            raise UnsupportedNetwork(
                f"layer {layer.name!r} ({layer.class_name}): return_sequences = False before "
                "another recurrent layer"
            )
    _check_masked_softmax(layers)
    last = layers[-1]
    activation = getattr(last, "activation", "linear")
    if isinstance(last, Recurrent) or activation != "softmax":
        raise UnsupportedNetwork(
            f"layer {last.name!r} ({last.class_name}): activation = {activation!r} in the last "
            "layer, which must be softmax"
        )
    for layer in layers[:-1]:
        if isinstance(layer, Dense | Elementwise) and layer.activation == "softmax":
            raise UnsupportedNetwork(
                f"layer {layer.name!r} ({layer.class_name}): activation = 'softmax' "
                "before the last layer"
            )


def _check_masked_softmax(layers: list[Layer]) -> None:
    """Keras hands a Softmax layer behind masked sequences their mask, and fails or misuses it."""
    masked = isinstance(layers[0], Embedding) and layers[0].mask_zero
    for layer in layers:
        if isinstance(layer, Recurrent):
            masked = masked and layer.return_sequences
        if masked and isinstance(layer, Elementwise) and layer.class_name == "Softmax":
            raise UnsupportedNetwork(
                f"layer {layer.name!r} (Softmax): a mask reaches it; use Activation('softmax'), "
                "or return_sequences = False in the last recurrent layer"
            )


def _check_inputs(calls: list[tuple[Options, bool]]) -> None:
    """Refuse an input that Keras casts to a type which cannot hold every id, or that is no ids."""
    for options, _ in calls:
        if options.class_name == "InputLayer":
            options.require_off("sparse", "ragged")
            dtype = options.config.get("dtype")
            if dtype is not None and dtype not in _ID_TYPES:
                raise options.refuse(
                    f"dtype = {dtype!r:.60} is not supported, only {', '.join(_ID_TYPES)}"
                )


def _input_shape(
    config: dict[str, Any], model: Options, calls: list[tuple[Options, bool]]
) -> list[int | None]:
    """[batch, timesteps] or [batch, timesteps, features]; None where the archive leaves it open."""
    first = calls[0][0].config
    build = config.get("build_config")
    candidates = (
        first.get("batch_shape"),
        first.get("batch_input_shape"),
        model.config.get("build_input_shape"),
        build.get("input_shape") if isinstance(build, dict) else None,
    )
    shape = next((one for one in candidates if isinstance(one, list)), None)
    if shape is None:
        raise UnsupportedNetwork(
            "the archive does not say what shape the input has: build it first"
        )
    sizes = all(
        size is None or (isinstance(size, int) and not isinstance(size, bool) and size > 0)
        for size in shape
    )
    if not sizes or len(shape) not in (2, 3):
        raise UnsupportedNetwork(f"the input has shape {shape!r:.80}, not (batch, timesteps[, 1])")
    return shape


def _in_a_line(model: Options, layers: list[Options]) -> list[tuple[Options, bool]]:
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
    if at != last or following:
        raise UnsupportedNetwork("the layers do not follow each other in a line")
    return line


def _masks(layers: list[Options], entry: Call) -> set[str]:
    """Names of the operations ids ≠ 0, by which Keras spells out an Embedding's mask_zero."""
    operations = [options for options in layers if options.class_name == _MASK]
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
    kwargs: Any = {}
    match call:
        case {
            "args": [{"class_name": "__keras_tensor__", "config": {"keras_history": history}}],
            **others,
        }:
            kwargs = others.get("kwargs", {})
        case [[name, node, tensor, kwargs]]:  # as TensorFlow 2.12 to 2.15 wrote it
            history = [name, node, tensor]
        case _:
            raise options.refuse("it is called with something other than one tensor")
    match history:
        case [str(name), int(node), 0]:
            source = (name, node)
        case _:
            raise options.refuse("it is called with something other than one layer's output")
    if not isinstance(kwargs, dict):
        raise options.refuse("its call has damaged arguments")
    for argument, value in kwargs.items():
        if argument != _REVERSED and not _changes_nothing(argument, value, masks):
            raise options.refuse(f"it is called with {argument:.40} = {value!r:.60}")
    is_reversed = kwargs.get(_REVERSED, False)
    if is_reversed and options.class_name != "ReversibleEmbedding":
        raise options.refuse("it is called with reverse=True")
    return source, bool(is_reversed)


def _changes_nothing(argument: str, value: object, masks: set[str]) -> bool:
    """Whether an argument is left off, or is the mask that the embedding gives anyway."""
    if value is None or value is False:
        return True
    match value:
        case {"config": {"keras_history": [str(name), 0, 0]}}:
            return argument == "mask" and name in masks
    return False
