"""The models folder -> loaded models; watches the folder, and swaps what changed.

A folder that cannot be served is logged and left out; one that breaks later leaves its last good
version in service.
"""

import ctypes
import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from app.errors import ModelError, ModelNotFound
from app.folder.read import FILES, ID, Signature, check_name, load_model, signature_of
from app.model import Model
from app.settings import PREFERRED_MODEL

log = logging.getLogger("unrolled")


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
        for name in (self._wanted, PREFERRED_MODEL):
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
            signatures = {name: signature_of(folder) for name, folder in folders.items()}
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
            and (ID.fullmatch(folder.name) or os.path.exists(folder / FILES[0]))
        )


def _give_back_memory() -> None:
    """Have the C library return what loading needed for a moment, a third of a model's size: glibc
    keeps it otherwise. Another C library has no such call, and does without.
    """
    if os.name == "posix" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)
