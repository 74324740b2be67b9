"""A model file and a tokenizer -> a model folder, and what was taken over from them.

What the files do not say is taken as Keras's applications mostly have it, and said to be so: a
card is a text that its owner can correct.
"""

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from app.errors import ModelError, TokenizerError
from app.folder.files import resolved
from app.folder.keras.write import write_network
from app.folder.read import check_name, load_model
from app.folder.write import replace_folder, sha256_of, write_json
from app.importing.fitting import fitted
from app.importing.kept import Kept
from app.importing.older import as_keras_3
from app.importing.one_hot import looked_up
from app.importing.sources import read_source
from app.importing.tokenizers import read_tokenizer
from app.importing.words import assumed_fields, fitting, no_words
from app.layers import Elementwise, Layer, changes_nothing
from app.network import Network

_SIGNED = ("model.keras", "vocabulary.json")
_ANY_LENGTH = (
    "; the network takes any length: if phrases were padded in training, say how, such as "
    "--padding pre --max-length 20"
)


class Wanted(NamedTuple):
    """What the caller knows better than the files: fields of the card, None where they do not.

    `weights` is the file that has them, where the model is what `to_json()` gave; `text` is what a
    Tokenizer with the `oov` token was fitted on, where it was not kept.
    """

    padding: str | None = None
    max_length: int | None = None
    title: str | None = None
    weights: Path | None = None
    text: Path | None = None
    oov: str | None = None


class Imported(NamedTuple):
    """What came of it: sentences for a person."""

    folder: Path
    taken: tuple[str, ...]  # read in the files
    assumed: tuple[str, ...]  # and what no file says


def import_model(
    source: Path, tokenizer: Path | None, out: Path, wanted: Wanted, *, overwrite: bool = False
) -> Imported:
    """Write the folder `out`, whole or not at all.

    Raises ModelError, its subclasses saying which file is at fault.
    """
    _check_out((source, tokenizer, wanted.weights, wanted.text), out, overwrite=overwrite)
    read = read_source(source, wanted.weights)
    network = looked_up(as_keras_3(read.network))
    known = _known(network, tokenizer, wanted) or read.inside
    if known is None:
        raise TokenizerError(no_words(network))
    fit = fitting(network, known)
    network, words, assumed = fit.network, fit.words, assumed_fields(fit, known)
    card = {**assumed, **known.card, **_given(wanted)}
    if card["unknown"] is not None:
        card.pop("drop_unknown", None)
    if min(words.values()) == 0:
        card["zero_is_a_word"] = True
    _write(out, network, words, {"title": out.name, **card})
    origin = (tokenizer or wanted.text or source).name
    taken = [f"{source.name}: {_described(network)}", f"{origin}: {len(words)} words"]
    taken += [f"{name}: {_shown(card[name])}" for name in known.card if name in card]
    said = [
        f"{name}: {_shown(value)}{_ANY_LENGTH if value == 'none' else ''}"
        for name, value in assumed.items()
        if name not in known.card and name not in _given(wanted) and name in card
    ]
    return Imported(out, (*taken, *read.said, *known.said, *fit.said), tuple(said))


def _check_out(sources: Iterable[Path | None], out: Path, *, overwrite: bool) -> None:
    check_name(out)
    if any(one is not None and out in resolved(one).parents for one in sources):
        raise ModelError(f"{out} holds what is imported; name another folder")
    empty = out.is_dir() and not any(out.iterdir())
    if not out.exists() or empty:
        return
    if not overwrite:
        raise ModelError(f"{out} is there already; --overwrite replaces it")
    if not (out / "model.keras").is_file():
        raise ModelError(f"{out} is there, and is not a model")


def _known(network: Network, tokenizer: Path | None, wanted: Wanted) -> Kept | None:
    """The vocabulary that the caller names, None where they name none."""
    if wanted.text is None:
        if wanted.oov is not None:
            raise TokenizerError("--oov is for a --text; a tokenizer's file says its own")
        return None if tokenizer is None else read_tokenizer(tokenizer)
    if tokenizer is not None:
        raise TokenizerError("a --text is named where there is no --tokenizer; leave one of them")
    return fitted(wanted.text, wanted.oov, network.classes)


def _given(wanted: Wanted) -> dict[str, Any]:
    fields = {"padding": wanted.padding, "max_length": wanted.max_length, "title": wanted.title}
    return {name: value for name, value in fields.items() if value is not None}


def _described(network: Network) -> str:
    layers = ", ".join(layer.class_name for layer in network.layers)
    length = "any length" if network.max_length is None else f"{network.max_length} timesteps"
    return f"{layers}; {network.classes} classes, {length}"


def _shown(value: object) -> str:
    return "none" if value is None else repr(value)


def _write(out: Path, network: Network, words: dict[str, int], card: dict[str, Any]) -> None:
    folder = out.with_name(f".{out.name}.new")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        plain = replace(network, name=_plain_name(out.name), layers=_computing(network))
        write_network(folder / "model.keras", plain)
        write_json(folder / "vocabulary.json", words, indent=0)
        digests = {name: sha256_of(folder / name) for name in _SIGNED}
        write_json(folder / "model.json", {**card, "sha256": digests})
        load_model(folder)
        replace_folder(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _computing(network: Network) -> tuple[Layer, ...]:
    """The layers that a prediction needs: none that act in training alone, none that take the last
    timestep out, which is the one that answers anyway; a softmax that no mask reaches.
    """
    layers = tuple(layer for layer in network.layers if not changes_nothing(layer))
    last = layers[-1]
    if isinstance(last, Elementwise):
        return (*layers[:-1], replace(last, class_name="Activation"))
    return layers


def _plain_name(name: str) -> str:
    """A network's name: letters, digits and underscores."""
    return "".join(one if one.isalnum() else "_" for one in name)
