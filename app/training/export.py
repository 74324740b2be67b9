"""A trained network -> a model folder: archive, vocabulary, card and learning curve.

Published whole or not at all: written beside the target under a hidden name, then renamed.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.folder.keras.write import write_network
from app.folder.read import load_model
from app.folder.write import change_card, replace_folder, sha256_of, write_json
from app.text.vocabulary import Vocabulary
from app.training.config import TrainConfig
from app.training.curve import learning_curve
from app.training.network.conversion import network_of
from app.training.network.parameters import Parameters, Shape
from app.training.text.corpus import count_words
from app.training.text.writing import Writing

_SIGNED = ("model.keras", "vocabulary.json")


def publish(
    out: Path,
    config: TrainConfig,
    shape: Shape,
    parameters: Parameters,
    vocabulary: Vocabulary,
    *,
    training: Mapping[str, object],
    metrics: Mapping[str, object],
    curve: Sequence[Mapping[str, float]],
) -> None:
    """Write the model folder `out`, replacing the one that is there, in one move."""
    folder = out.with_name(f".{out.name}.new")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    network = network_of(out.name, shape, parameters, config.max_length)
    write_network(folder / "model.keras", network, half=config.half_precision)
    write_json(folder / "vocabulary.json", vocabulary.word_to_id, indent=0)
    (folder / "learning-curve.svg").write_text(learning_curve(curve))
    write_json(folder / "model.json", _card(config, vocabulary, training, metrics, folder))
    replace_folder(folder, out)


def _card(
    config: TrainConfig,
    vocabulary: Vocabulary,
    training: Mapping[str, object],
    metrics: Mapping[str, object],
    folder: Path,
) -> dict[str, Any]:
    writing = Writing.read(config.word_forms, config.word_lists)
    known = [word for word in vocabulary.word_to_id if word not in config.marks]
    counted = writing.slips(count_words(config)) if config.word_lists else []
    return {
        "title": config.title or folder.name.strip(".").removesuffix(".new"),
        "description": config.description,
        "max_length": config.max_length,
        "padding": "pre",
        "truncating": "pre",
        "lowercase": config.lowercase,
        "tokenizer": config.tokenizer,
        "unknown": config.unknown,
        "start": config.start,
        "number": config.number,
        "corpus": config.corpus or [source.path.name for source in config.sources],
        "licence": config.licence or None,
        "training": training,
        "metrics": metrics,
        "sha256": {name: sha256_of(folder / name) for name in _SIGNED},
        **_of_words(config, vocabulary, {"slips": counted, "shown_as": writing.shown_as(known)}),
    }


def write_words(folder: Path, config: TrainConfig) -> None:
    """Write what a configuration says of words into the card of a model that is there. What was
    counted in its text stays; so do its weights and its vocabulary.

    Raises ModelError where there is no model.
    """
    model = load_model(folder)
    known = {name: model.card[name] for name in ("blocked", "slips", "shown_as")}
    change_card(folder, _of_words(config, model.vocabulary, known))


def _of_words(
    config: TrainConfig, vocabulary: Vocabulary, known: Mapping[str, Any]
) -> dict[str, Any]:
    """The card's fields about words: what is `known` of them, and what the configuration says."""

    def kept(words: Iterable[str]) -> list[str]:
        return [word for word in dict.fromkeys(words) if vocabulary.id_of(word) is not None]

    slips = kept((*known.get("slips", ()), *config.respelled, *config.slips))
    usual = {
        after: kept(words)
        for after, words in config.usual.items()
        if all(vocabulary.id_of(word) is not None for word in after.split())
    }
    return {
        "blocked": [*dict.fromkeys((*known.get("blocked", ()), *config.blocked, *slips))],
        "blocked_after": [asdict(pair) for pair in config.blocked_after],
        "slips": slips,
        "usual": {after: words for after, words in usual.items() if words},
        "shown_as": known["shown_as"] | _known_of(config.shown_as, vocabulary),
    }


def _known_of(shown_as: Mapping[str, str], vocabulary: Vocabulary) -> dict[str, str]:
    """The entries all of whose words the vocabulary has."""
    return {
        words: shown
        for words, shown in shown_as.items()
        if all(vocabulary.id_of(word) is not None for word in words.split())
    }
