"""A model file and a tokenizer -> a model folder, and what was taken over from them.

What the files do not say is taken as Keras's applications mostly have it, and said to be so: a
card is a text that its owner can correct.
"""

import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.errors import ModelError, TokenizerError, VocabularyError
from app.folder.keras.write import write_network
from app.folder.read import check_name, load_model
from app.folder.write import replace_folder, sha256_of, write_json
from app.importing.fitting import fitted
from app.importing.older import as_keras_3
from app.importing.one_hot import NAME as ONE_HOT
from app.importing.one_hot import looked_up
from app.importing.sources import read_source
from app.importing.tokenizers import Kept, read_tokenizer
from app.layers import Elementwise, Embedding, LastStep, Layer
from app.network import Network
from app.text.keras_words import KERAS_FILTERS
from app.text.vocabulary import has_control_characters

_SIGNED = ("model.keras", "vocabulary.json")
_ALPHABET = 20  # characters: no language has so many words of one letter
_CHARACTERS = 256  # classes: with so few, one-hot vectors mostly are of characters
_ANY_LENGTH = (
    "; the network takes any length: if phrases were padded in training, say how, such as "
    "--padding pre --max-length 20"
)
_UNKNOWN_NAMES = ("oov", "unk", "unknown", "out of vocabulary")


@dataclass(frozen=True)
class Wanted:
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


@dataclass(frozen=True)
class Imported:
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
        raise TokenizerError(_no_words(network))
    words, notes = _words_for(network, known)
    assumed = _assumed(network, known, words)
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
    return Imported(out, (*taken, *read.said, *known.said, *notes), tuple(said))


def _check_out(sources: Iterable[Path | None], out: Path, *, overwrite: bool) -> None:
    check_name(out)
    if any(one is not None and out in one.resolve().parents for one in sources):
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


def _no_words(network: Network) -> str:
    said = (
        "the network has no vocabulary inside; name the --tokenizer, or the --text that a "
        "Tokenizer was fitted on"
    )
    first = network.layers[0]
    if isinstance(first, Embedding) and first.name == ONE_HOT and network.classes <= _CHARACTERS:
        said += (
            f". Vectors of {network.classes} numbers enter: if these are the characters of a text, "
            "it goes on character by character, and is not served"
        )
    return said


def _words_for(network: Network, known: Kept) -> tuple[dict[str, int], list[str]]:
    """Words with the ids that the network has them by, and what was found out about these."""
    _check_characters(known.words)
    words = {word: at for word, at in known.words.items() if not has_control_characters(word)}
    lost = len(known.words) - len(words)
    if lost:
        words, notes = _words_for(network, replace(known, words=words))
        return words, [f"{lost} words have control characters, and are unknown words", *notes]
    if not words:
        raise VocabularyError("the tokenizer has no words")
    if known.is_list and min(words.values()) == 0 and not _begins_with_zero(network, len(words)):
        return (
            {word: number + 1 for word, number in words.items()},
            ["the list's first word has id 1: 0 is the padding"],
        )
    first = next((word for word, number in words.items() if number == 0), None)
    needed = max(words.values()) + 1
    few = f"the network has {network.classes} classes, and the vocabulary words for {needed}"
    notes = [few] if needed < network.classes else []
    if first is None:
        return words, notes
    if network.mask_zero:
        raise VocabularyError(f"{first!r:.60} has id 0, which the network masks as padding")
    return words, [*notes, f"id 0 is a word, {first!r:.60}: zero_is_a_word"]


def _check_characters(words: Collection[str]) -> None:
    """Raises TokenizerError where what is said to be words are the characters of a text."""
    single = [word for word in words if len(word) == 1]
    others = [word for word in words if len(word) > 1 and not _is_mark(word)]
    if not others and (len(single) >= _ALPHABET or any(map(str.isspace, single))):
        raise TokenizerError(
            "its words are single characters: a network that goes on character by character is "
            "not served"
        )


def _begins_with_zero(network: Network, words: int) -> bool:
    """A list without padding: its places are ids where the network has just so many classes."""
    return not network.mask_zero and words == network.classes


def _assumed(network: Network, known: Kept, words: dict[str, int]) -> dict[str, Any]:
    """The fields of a card that no file says."""
    open_ended = network.max_length is None
    assumed: dict[str, Any] = {"padding": "none" if open_ended else "pre"}
    if "tokenizer" not in known.card or "lowercase" not in known.card:
        plain = [word for word in words if not _is_mark(word)]
        as_keras = not any(set(KERAS_FILTERS + " ") & set(word) for word in plain)
        assumed["tokenizer"] = "keras" if as_keras else "whitespace"
        assumed["lowercase"] = all(word == word.lower() for word in plain)
    unknown = known.card.get("unknown", _unknown(words))
    assumed["unknown"] = unknown
    assumed["drop_unknown"] = unknown is None
    return assumed


def _is_mark(word: str) -> bool:
    return (word[:1], word[-1:]) in (("<", ">"), ("[", "]"))


def _unknown(words: dict[str, int]) -> str | None:
    """The word that stands for unknown ones, by its name."""
    marked = [word for word in words if _is_mark(word) or words[word] <= 1]
    return next((word for word in marked if word.strip("<>[]_").lower() in _UNKNOWN_NAMES), None)


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
    layers = tuple(layer for layer in network.layers if not _is_needless(layer))
    last = layers[-1]
    if isinstance(last, Elementwise):
        return (*layers[:-1], replace(last, class_name="Activation"))
    return layers


def _is_needless(layer: Layer) -> bool:
    return isinstance(layer, LastStep) or (
        isinstance(layer, Elementwise) and layer.activation == "linear"
    )


def _plain_name(name: str) -> str:
    """A network's name: letters, digits and underscores."""
    return "".join(one if one.isalnum() else "_" for one in name)
