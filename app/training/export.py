"""A trained network -> a model folder: archive, vocabulary, card and learning curve.

Published whole or not at all: written beside the target under a hidden name, then renamed.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.folder.keras.write import write_network
from app.folder.write import replace_folder, sha256_of, write_json
from app.text.vocabulary import Vocabulary
from app.training.config import TrainConfig
from app.training.curve import learning_curve
from app.training.network.conversion import network_of
from app.training.network.parameters import Parameters, Shape

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
    blocked = [shown for word in config.blocked if (shown := shown_word(vocabulary, word))]
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
        "blocked": blocked,
    }


def shown_word(vocabulary: Vocabulary, word: str) -> str | None:
    """A word as the vocabulary writes it, None where it is not in there."""
    number = vocabulary.id_of(word)
    return None if number is None else vocabulary.words[number]
