"""A network that begins with texts: the vocabulary inside it, and the network without it.

TextVectorization and StringLookup turn words into ids as the first layer of a model. Serving does
that itself, so the layer is taken out, and its options become fields of the card.
"""

import copy
from collections.abc import Mapping
from typing import Any

from app.errors import TokenizerError
from app.folder.keras import names
from app.importing.kept import Kept, of_a_list, shown
from app.text.keras_words import VECTORIZATION_FILTERS

_STANDARDIZED = {  # -> lowercase, filters
    "lower_and_strip_punctuation": (True, VECTORIZATION_FILTERS),
    "lower": (True, ""),
    "strip_punctuation": (False, VECTORIZATION_FILTERS),
    None: (False, ""),
}


def take_out(
    config: dict[str, Any], assets: Mapping[str, bytes]
) -> tuple[dict[str, Any], Kept] | None:
    """The configuration without its layer of words, and what that knew; None where there is none.

    Raises TokenizerError where the layer does what is not served.
    """
    model = config.get("config")
    layers = model.get("layers") if isinstance(model, dict) else None
    if not isinstance(layers, list):
        return None  # said where the network is built
    found = [one for one in layers if _class_of(one) in names.OF_WORDS]
    if not found:
        return None
    if len(found) > 1:
        raise TokenizerError("the network has several layers of words; one is supported")
    if not all(isinstance(one, dict) and isinstance(one.get("config"), dict) for one in layers):
        raise TokenizerError("the network has a layer without a configuration")
    options = found[0]["config"]
    if not isinstance(options.get("name"), str):
        raise TokenizerError(f"the network's {_class_of(found[0])} is damaged")
    words = _vocabulary(options, assets)
    if found[0]["class_name"] == "TextVectorization":
        known = _of_vectorization(options, words)
    else:
        known = _of_lookup(options, words)
    return _without(config, found[0]), known


def of_a_layer(options: dict[str, Any], weights: list[Any]) -> Kept:
    """A layer's `get_config()` and `get_weights()`, which are its words.

    Raises TokenizerError where the layer does what is not served.
    """
    listed = options.get("vocabulary") or next(iter(weights), None)
    if not isinstance(listed, list) or not listed:
        raise TokenizerError(
            "it is the TextVectorization without its words, which Keras 3 leaves out of "
            "get_weights(): keep get_vocabulary(), or the layer in a .keras"
        )
    try:
        words = [word.decode() if isinstance(word, bytes) else word for word in listed]
    except UnicodeDecodeError:
        raise TokenizerError("the words of the TextVectorization are not UTF-8") from None
    return _of_vectorization(options, _with_marks(words, options))


def _class_of(layer: object) -> object:
    return layer.get("class_name") if isinstance(layer, dict) else None


def _vocabulary(options: dict[str, Any], assets: Mapping[str, bytes]) -> list[Any]:
    """The words beside the network, in order of ids; else those that stand in the options."""
    name = options["name"]
    here = [text for path, text in assets.items() if path.split("/")[-2] == name]
    # In the archive, layers are named by their class; there is one of each.
    for text in here or list(assets.values()):
        try:
            return text.decode().removesuffix("\n").split("\n")
        except UnicodeDecodeError:
            raise TokenizerError("the vocabulary inside the network is not UTF-8") from None
    listed = options.get("vocabulary")
    if not isinstance(listed, list) or not listed:
        raise TokenizerError(
            f"the vocabulary of layer {shown(name)} is not in the file: an .h5 does not keep it, "
            "save the model as .keras after adapt()"
        )
    return _with_marks(listed, options)


def _with_marks(listed: list[Any], options: dict[str, Any]) -> list[Any]:
    """Words as they were given have neither padding nor unknown word in front."""
    marks: list[Any] = ["", "[UNK]"] if "standardize" in options else []
    if "standardize" not in options:
        mask, unknown = _mark(options, "mask_token", None), _mark(options, "oov_token", "[UNK]")
        marks = [mask] if mask is not None else []
        marks += [unknown] if options.get("num_oov_indices", 1) == 1 else []
    return listed if listed[: len(marks)] == marks else [*marks, *listed]


def _mark(options: dict[str, Any], option: str, default: str | None) -> str | None:
    mark = options.get(option, default)
    if not isinstance(mark, str | None):
        raise TokenizerError(f"StringLookup: {option} = {shown(mark)} is no text")
    return mark


def _of_vectorization(options: dict[str, Any], words: list[Any]) -> Kept:
    for option, served in (("split", "whitespace"), ("output_mode", "int"), ("ngrams", None)):
        if options.get(option, served) != served:
            value = options[option]
            raise TokenizerError(f"TextVectorization: {option} = {shown(value)} is not served")
    standardize = options.get("standardize", "lower_and_strip_punctuation")
    if not isinstance(standardize, str | None) or standardize not in _STANDARDIZED:
        raise TokenizerError(f"TextVectorization: standardize = {shown(standardize)} is not served")
    lowercase, filters = _STANDARDIZED[standardize]
    length = options.get("output_sequence_length")
    if length is not None and type(length) is not int:
        raise TokenizerError(
            f"TextVectorization: output_sequence_length = {shown(length)} is not served"
        )
    card = {
        "tokenizer": "text_vectorization",
        "lowercase": lowercase,
        "filters": filters,
        "unknown": "[UNK]",
        "truncating": "post",
        "padding": "post" if length else "none",
        "max_length": length,
    }
    return Kept(of_a_list(words).words, card)


def _of_lookup(options: dict[str, Any], words: list[Any]) -> Kept:
    if options.get("num_oov_indices", 1) != 1 or options.get("invert"):
        raise TokenizerError("StringLookup: only one unknown word, from words to ids, is served")
    known = of_a_list(words).words
    # What stands before it is not in the network; tf.strings.split, mostly.
    card = {
        "tokenizer": "text_vectorization",
        "filters": "",
        "lowercase": False,
        "unknown": _mark(options, "oov_token", "[UNK]"),
    }
    return Kept(known, card)


def _without(config: dict[str, Any], layer: dict[str, Any]) -> dict[str, Any]:
    """The network from ids on: the input takes the layer's place."""
    config = copy.deepcopy(config)
    model, name = config["config"], layer["config"]["name"]
    entries = [one for one in model["layers"] if _name_of(one) != name]
    shape = [None, layer["config"].get("output_sequence_length")]
    begin = next((one for one in entries if one.get("class_name") == names.INPUT), None)
    if begin is None:
        begin = {"class_name": names.INPUT, "config": {"name": "ids"}}
        entries.insert(0, begin)
    begin["config"] = {"name": _name_of(begin), "batch_shape": shape, "dtype": "int64"}
    for entry in entries:
        entry["inbound_nodes"] = _renamed(entry.get("inbound_nodes", []), name, _name_of(begin))
    model["layers"] = entries
    model.pop("build_input_shape", None)
    return config


def _name_of(entry: dict[str, Any]) -> Any:
    return entry["config"].get("name")


def _renamed(value: Any, old: str, new: Any) -> Any:
    """The same calls, of the input in place of the layer: [name, node, tensor, …]."""
    match value:
        case [str(name), int(), int(), *_] if name == old:
            return [new, *value[1:]]
        case list():
            return [_renamed(one, old, new) for one in value]
        case dict():
            return {key: _renamed(one, old, new) for key, one in value.items()}
    return value
