"""The model's configuration -> its layers in order: Sequential, or a functional graph in a line."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from app.errors import ArchiveError, UnsupportedNetwork
from app.folder.keras import names
from app.folder.keras.graph import in_a_line
from app.folder.keras.layers import EMBEDDINGS, LAST_STEPS, READERS, embedding
from app.folder.keras.options import Options
from app.folder.keras.place import Place, Weights
from app.folder.keras.recurrent import check_recurrent, unwrapped
from app.layers import (
    Bidirectional,
    Dense,
    Elementwise,
    Embedding,
    LastStep,
    Layer,
    Recurrent,
    ReversedEmbedding,
    changes_nothing,
)
from app.network import Network

_MOST_LAYERS = 100
_MODELS = ("Sequential", "Functional", "Model")
_ID_TYPES = ("int32", "int64", "float32", "float64")
Groups = Callable[[Sequence[Options]], list[str]]
ADDED = "added_softmax"  # the layer that is put behind a network that ends with logits


def build_network(
    config: dict[str, Any],
    weights: Weights,
    *,
    keras_version: str = "3",
    groups: Groups = names.by_class,
    inside: Groups = names.by_class,
    vectors: bool = False,
) -> Network:
    """Build the network that a model's configuration describes.

    `groups` says where the weights of each layer lie, for `weights` to find them, and `inside`
    where those of a Sequential inside the model lie below its own group. With `vectors`,
    words may enter as vectors, (batch, timesteps, features): the first layer is then none that ids
    enter. Raises UnsupportedNetwork or ArchiveError, naming the layer.
    """
    if isinstance(config.get("config"), list):  # a Sequential of Keras before 2.3
        config = {**config, "config": {"name": "sequential", "layers": config["config"]}}
    keras_2 = keras_version.startswith(("1.", "2."))
    _check_class(config)
    model = Options.read(config, keras_2=keras_2)
    outer = entries(model)
    unfolded = {
        options.name: [*_unfolded(options, group, inside)]
        for options, group in zip(outer, groups(outer), strict=True)
    }
    every = [options for inner in unfolded.values() for options, _ in inner]
    named = {options.name: group for inner in unfolded.values() for options, group in inner}
    if len(unfolded) != len(outer) or len(named) != len(every):
        raise ArchiveError("config.json: two layers have the same name")
    _check_count(every)
    _check_types(every)
    calls = (
        [(options, False) for options in outer]
        if model.class_name == "Sequential"
        else in_a_line(model, outer)
    )
    shape = _input_shape(config, model, calls)
    calls = [
        (inner, is_reversed)
        for options, is_reversed in calls
        for inner, _ in unfolded[options.name]
        if inner.class_name != names.INPUT
    ]
    embedded = bool(calls) and calls[0][0].class_name in EMBEDDINGS
    if not (vectors and not embedded and len(shape) == 3):
        _check_ids_enter(shape, embedded=embedded)
    layers = _layers(calls, (*shape, 1)[2] or 1, named, weights)
    _check_order(layers)
    frozen = frozenset(one.name for one in every if one.config.get("trainable") is False)
    return Network(model.name, model.class_name, _ended(layers), shape[1], frozen)


def _check_class(config: dict[str, Any]) -> None:
    if config.get("class_name") not in _MODELS:
        raise UnsupportedNetwork(
            f"the model is a {config.get('class_name')!r:.60}, not Sequential or Functional: what "
            "a class of its own computes stands in its code alone, which is not run; build the "
            "same layers as one of these two, set their weights, and save that"
        )


def entries(model: Options) -> list[Options]:
    """The layers of a model, or of a Sequential inside it. Raises as `build_network` does."""
    listed = model.config.get("layers")
    if not isinstance(listed, list) or not listed:
        raise ArchiveError("config.json: the model has no layers")
    _check_count(listed)
    return [Options.read(entry, keras_2=model.keras_2) for entry in listed]


def _unfolded(options: Options, group: str, inside: Groups) -> Iterator[tuple[Options, str]]:
    """A layer and its group; of a Sequential inside the model, those that it is made of."""
    if options.class_name != "Sequential":
        yield unwrapped(options), group
        return
    inner = [one for one in entries(options) if one.class_name != names.INPUT]
    for one, below in zip(inner, inside(inner), strict=True):
        yield from _unfolded(one, f"{group}/{below}", inside)


def _check_ids_enter(shape: list[int | None], *, embedded: bool) -> None:
    if not embedded and len(shape) == 3 and shape[2] != 1:
        raise UnsupportedNetwork(
            f"the input has shape {shape}: words enter as vectors; where they are one-hot, "
            "`unrolled import` makes a model folder of it"
        )
    if shape[2:] != ([] if embedded else [1]):
        raise UnsupportedNetwork(
            f"the input has shape {shape}: ids enter an Embedding as (batch, timesteps), "
            "or a recurrent layer as (batch, timesteps, 1)"
        )


def _check_count(layers: Sequence[object]) -> None:
    if len(layers) > _MOST_LAYERS:
        raise UnsupportedNetwork(f"the model has {len(layers)} layers; at most {_MOST_LAYERS}")


def _layers(
    calls: list[tuple[Options, bool]],
    features: int,
    groups: dict[str, str],
    weights: Weights,
) -> list[Layer]:
    layers: list[Layer] = []
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


def _check_types(every: list[Options]) -> None:
    """Refuse what cannot be computed, whichever way it is called, with the layer and the reason."""
    known = {names.INPUT, names.MASK, *LAST_STEPS, *READERS, *EMBEDDINGS}
    of_words = next((one for one in every if one.class_name in names.OF_WORDS), None)
    if of_words is not None:
        raise of_words.refuse(
            "words become ids inside the network; `unrolled import model.keras --out FOLDER` makes "
            "a model folder of it"
        )
    for options in every:
        if options.class_name == "Lambda":
            raise options.refuse("what it computes is code of the file, which is not run")
        if options.class_name not in known:
            raise options.refuse("this type of layer is not supported")
        check_recurrent(options)
        if options.class_name == names.INPUT:
            _check_input(options)


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


def _check_order(layers: list[Layer]) -> None:
    """Refuse what needs sequences where there are none, and a softmax that is not the end."""
    if not any(isinstance(layer, Recurrent | Bidirectional) for layer in layers):
        raise UnsupportedNetwork("the network has no recurrent layer")
    ends: Layer | None = None  # what has made one vector of a sequence
    masked = isinstance(layers[0], Embedding) and layers[0].mask_zero
    for layer in layers:
        recurrent = isinstance(layer, Recurrent | Bidirectional)
        if ends is not None and (recurrent or isinstance(layer, LastStep)):
            raise _refuse(
                ends, f"it leaves no sequence (return_sequences = False) for {layer.name!r}"
            )
        if isinstance(layer, LastStep) or (
            isinstance(layer, Recurrent | Bidirectional) and not layer.return_sequences
        ):
            ends, masked = layer, False
        if isinstance(layer, ReversedEmbedding):  # hands no mask on
            masked = False
        if masked and isinstance(layer, Elementwise) and layer.class_name == "Softmax":
            # Keras hands it the mask of the sequences, and fails or misuses it.
            raise _refuse(
                layer,
                "a mask reaches it; use Activation('softmax'), or return_sequences = False in the "
                "last recurrent layer",
            )
    *before, _ = [layer for layer in layers if not changes_nothing(layer)]
    for layer in before:
        if isinstance(layer, Dense | Elementwise) and layer.activation == "softmax":
            raise _refuse(layer, "activation = 'softmax' before the last layer")


def _ended(layers: list[Layer]) -> tuple[Layer, ...]:
    """The layers, and where they end with logits, the softmax that makes probabilities of them."""
    last = [layer for layer in layers if not changes_nothing(layer)][-1]
    if isinstance(last, Recurrent | Bidirectional):
        raise _refuse(last, "it is the last layer, which must be a Dense over all words")
    if last.units == 1:
        raise _refuse(last, "it is the last layer, and has one unit, not one for each word")
    activation = getattr(last, "activation", "linear")
    if activation == "linear":
        return (*layers, Elementwise(ADDED, "softmax", last.units, "Softmax"))
    if activation != "softmax":
        raise _refuse(
            last, f"activation = {activation!r} in the last layer, which must be softmax or linear"
        )
    return tuple(layers)


def _refuse(layer: Layer, what: str) -> UnsupportedNetwork:
    return UnsupportedNetwork(f"layer {layer.name!r} ({layer.class_name}): {what}")


def _check_input(options: Options) -> None:
    """Refuse an input that Keras casts to a type which cannot hold every id, or that is no ids."""
    options.require_off("sparse", "ragged")
    dtype = options.config.get("dtype")
    if dtype is not None and dtype not in _ID_TYPES:
        raise options.refuse(f"dtype = {dtype!r:.60} is not supported, only {', '.join(_ID_TYPES)}")


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
