"""A model folder -> a Model: card, vocabulary and archive, held against each other."""

import hashlib
import os
import re
from pathlib import Path

from app.engines import make_engine
from app.errors import ModelError, VocabularyError
from app.folder.card import Card, read_card, read_word_to_id
from app.folder.files import open_file
from app.folder.keras import read_network
from app.model import Model
from app.network import Embedding, Network
from app.text.vocabulary import Vocabulary

FILES = ("model.keras", "vocabulary.json", "model.json")
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
Signature = tuple[tuple[int, int, int] | None, ...]


def load_model(folder: Path, engine: str = "numpy") -> Model:
    """Load one model folder.

    Raises ModelError (its subclasses say which file is at fault), or MissingDependency where the
    engine is not installed.
    """
    if not os.path.isdir(folder):
        raise ModelError(f"{folder} is not a folder")
    try:
        return _load(folder, engine)
    except OSError as error:  # it may change, or go, while it is read
        raise ModelError(f"{folder} cannot be read: {error.strerror}") from error


def check_name(folder: Path) -> None:
    """Raises ModelError where the name of a folder cannot be a model's id, which URLs carry."""
    if not ID.fullmatch(folder.name):
        raise ModelError(
            f"{folder.name!r:.80} cannot be a model's name: up to 64 letters, digits, "
            "'.', '_' and '-', a letter or digit first"
        )


def _load(folder: Path, engine: str) -> Model:
    card = read_card(folder / "model.json")
    _check_digests(folder, card)
    word_to_id = read_word_to_id(folder / "vocabulary.json")
    network = read_network(folder / "model.keras", apart=True)
    vocabulary = Vocabulary(
        word_to_id,
        classes=network.classes,
        lowercase=card.lowercase,
        shown_as=card.shown_as,
    )
    _check_rows(network, vocabulary)
    options = card.text_options(network, vocabulary)
    return Model(
        id=folder.name,
        vocabulary=vocabulary,
        options=options,
        card=card.model_dump(mode="json"),
        blocked=frozenset(card.blocked),
        engine=make_engine(engine, network, vocabulary.id_of(options.start)),
        fingerprint=_fingerprint(folder),
        created=int((folder / "model.keras").stat().st_mtime),
    )


def _check_rows(network: Network, vocabulary: Vocabulary) -> None:
    first = network.layers[0]
    if isinstance(first, Embedding):
        rows = first.embeddings.shape[0]
        highest = max(vocabulary.word_to_id.values())
        if highest >= rows:
            raise VocabularyError(
                f"vocabulary.json: id {highest} is outside the embedding, which has {rows} rows"
            )


def _check_digests(folder: Path, card: Card) -> None:
    for name, expected in card.sha256.items():
        if name not in FILES[:2] or not (folder / name).is_file():
            continue
        with open_file(folder / name) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected.lower():
            raise ModelError(f"{name} is not the file that model.json's sha256 was taken of")


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in FILES:
        path = folder / name
        size = path.stat().st_size if path.is_file() else 0
        digest.update(size.to_bytes(8, "little"))
        if size:
            with open_file(path) as file:
                hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def signature_of(folder: Path) -> Signature:
    """Changes when one of a model's files does, or who may read it."""
    signature: list[tuple[int, int, int] | None] = []
    for name in FILES:
        try:
            found = (folder / name).stat()
            signature.append((found.st_ctime_ns, found.st_size, found.st_ino))
        except OSError:
            signature.append(None)
    return tuple(signature)
