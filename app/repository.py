"""The models folder -> loaded models; watches the folder, and swaps what changed.

A folder that cannot be served is logged and left out; one that breaks later leaves its last good
version in service.
"""

import ctypes
import hashlib
import logging
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from app.archive import read_network
from app.card import Card, read_card, read_word_to_id
from app.engines import make_engine
from app.errors import ModelError, ModelNotFound, VocabularyError
from app.files import open_file
from app.model import Model
from app.network import Embedding, Network
from app.text import Vocabulary

log = logging.getLogger("unrolled")

_FILES = ("model.keras", "vocabulary.json", "model.json")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PREFERRED = "english"
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
    if not _ID.fullmatch(folder.name):
        raise ModelError(
            f"{folder.name!r:.80} cannot be a model's name: up to 64 letters, digits, "
            "'.', '_' and '-', a letter or digit first"
        )


def _load(folder: Path, engine: str) -> Model:
    card = read_card(folder / "model.json")
    _check_digests(folder, card)
    word_to_id = read_word_to_id(folder / "vocabulary.json")
    network = read_network(folder / "model.keras", apart=True)
    vocabulary = Vocabulary(word_to_id, classes=network.classes, lowercase=card.lowercase)
    _check_rows(network, vocabulary)
    options = card.text_options(network, vocabulary)
    return Model(
        id=folder.name,
        vocabulary=vocabulary,
        options=options,
        card=card,
        engine=make_engine(engine, network, vocabulary.id_of(options.start)),
        fingerprint=_fingerprint(folder),
        created=int((folder / "model.keras").stat().st_mtime),
    )


def _give_back_memory() -> None:
    """Have the C library return what loading needed for a moment, a third of a model's size: glibc
    keeps it otherwise. Another C library has no such call, and does without.
    """
    if os.name == "posix" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)


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
        if name not in _FILES[:2] or not (folder / name).is_file():
            continue
        with open_file(folder / name) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected.lower():
            raise ModelError(f"{name} is not the file that model.json's sha256 was taken of")


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in _FILES:
        path = folder / name
        size = path.stat().st_size if path.is_file() else 0
        digest.update(size.to_bytes(8, "little"))
        if size:
            with open_file(path) as file:
                hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


class Repository:
    """Loaded models by id. Reading is lock-free: a change replaces the whole mapping."""

    def __init__(
        self, folder: Path | None, engine: str = "numpy", default: str | None = None
    ) -> None:
        self.folder = folder
        self.engine = engine
        self.problems: dict[str, str] = {}  # folders that cannot be served, and why
        self._wanted = default
        self._models: Mapping[str, Model] = {}
        self._signatures: dict[str, Signature] = {}
        self._refreshing = threading.Lock()

    @classmethod
    def of(cls, *models: Model, default: str | None = None) -> "Repository":
        """A repository of models that are loaded already, without a folder."""
        repository = cls(None, default=default)
        repository._models = {model.id: model for model in models}
        return repository

    @property
    def models(self) -> Mapping[str, Model]:
        """All loaded models by id."""
        return self._models

    @property
    def default(self) -> Model:
        """The model of requests that name none. Raises ModelNotFound where there is none."""
        models = self._models
        for name in (self._wanted, _PREFERRED):
            if name is not None and name in models:
                return models[name]
        if self._wanted is not None or not models:
            raise ModelNotFound(f"the default model, {self._wanted or 'any'}, is not loaded")
        return models[min(models)]

    def get(self, name: str | None) -> Model:
        """A model by id, the default for None. Raises ModelNotFound."""
        if name is None:
            return self.default
        try:
            return self._models[name]
        except KeyError:
            known = ", ".join(sorted(self._models)) or "none"
            raise ModelNotFound(f"no model of that name; loaded: {known}") from None

    def load(self) -> None:
        """Load every folder. Raises ModelError where none can be served, or not the default."""
        try:
            self.refresh()
        except OSError as error:
            raise ModelError(f"{self.folder} cannot be read: {error.strerror}") from error
        if not self._models:
            reasons = "; ".join(f"{name}: {why}" for name, why in self.problems.items())
            raise ModelError(
                f"no model could be loaded from {self.folder}: {reasons or 'no folders'}"
            )
        if self._wanted is not None and self._wanted not in self._models:
            reason = self.problems.get(self._wanted, "there is no such folder")
            raise ModelError(f"the default model {self._wanted!r} cannot be served: {reason}")

    def refresh(self) -> bool:
        """Load what is new or changed, drop what is gone; True where anything changed."""
        with self._refreshing:
            folders = {folder.name: folder for folder in self._folders()}
            signatures = {name: _signature(folder) for name, folder in folders.items()}
            if signatures == self._signatures:
                return False
            models = {name: m for name, m in self._models.items() if name in signatures}
            self.problems = {n: why for n, why in self.problems.items() if n in signatures}
            for name, signature in signatures.items():
                if signature == self._signatures.get(name):
                    continue
                try:
                    check_name(folders[name])
                    models[name] = load_model(folders[name], self.engine)
                    self.problems.pop(name, None)
                    log.info("model %s loaded", name)
                except ModelError as error:
                    self.problems[name] = str(error)
                    log.error("model %s cannot be served: %s", name, error)
            self._models, self._signatures = models, signatures
            _give_back_memory()
            return True

    def _folders(self) -> list[Path]:
        """Folders that are models by name or by content; hidden ones are none."""
        if self.folder is None or not self.folder.is_dir():
            return []
        return sorted(
            folder
            for folder in self.folder.iterdir()
            if not folder.name.startswith(".")
            and os.path.isdir(folder)
            and (_ID.fullmatch(folder.name) or os.path.exists(folder / _FILES[0]))
        )


def _signature(folder: Path) -> Signature:
    """Changes when one of a model's files does, or who may read it."""
    signature: list[tuple[int, int, int] | None] = []
    for name in _FILES:
        try:
            found = (folder / name).stat()
            signature.append((found.st_ctime_ns, found.st_size, found.st_ino))
        except OSError:
            signature.append(None)
    return tuple(signature)
