"""The models folder -> loaded models; watches the folder, and swaps what changed.

A folder that cannot be served is logged and left out; one that breaks later leaves its last good
version in service.
"""

import contextlib
import ctypes
import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from app.errors import MissingDependency, ModelError, ModelNotFound
from app.folder.contents import FILES, Signature, has_digests, signature_of
from app.folder.files import is_folder
from app.folder.read import ID, check_name, load_model
from app.logs import in_unicode
from app.model import Model
from app.settings import PREFERRED_MODEL

log = logging.getLogger("unrolled")


class Repository:
    """Loaded models by id. Reading is lock-free: a change replaces the whole mapping."""

    def __init__(
        self,
        folder: Path | None,
        engine: str = "numpy",
        default: str | None = None,
        still_seconds: float = 0,
    ) -> None:
        self.folder = folder
        self.engine = engine
        self._problems: dict[str, str] = {}
        self._trouble: dict[str, str] = {}  # with the models folder as a whole
        self._wanted = default
        self._models: Mapping[str, Model] = {}
        self._signatures: dict[str, Signature] = {}
        self._refreshing = threading.Lock()
        self._still_seconds = still_seconds
        self._unsettled: dict[str, tuple[Signature, float]] = {}  # changed lately, since when
        self._missing: dict[str, float] = {}  # loaded, but their folders are gone, since when
        self._place: tuple[int, int] | None = None  # the models folder's, device and inode

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
    def problems(self) -> dict[str, str]:
        """Folders that cannot be served as they are, and why; "." is the models folder itself.

        The name of a folder may be any bytes: those that are no UTF-8 are escaped.
        """
        return {in_unicode(name): why for name, why in {**self._problems, **self._trouble}.items()}

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
        """Load every folder. Raises ModelError where none can be served, or not the default.

        A folder that is still being written may take a moment to be still.
        """
        with contextlib.suppress(OSError):  # which is among the problems
            self.refresh()
            if self._unsettled:
                time.sleep(self._still_seconds)
                self.refresh()
        self.check()

    def check(self) -> None:
        """Raises ModelError where none can be served, or not the default."""
        if not self._models:
            problems = self.problems.items()
            reasons = "; ".join(why if name == "." else f"{name}: {why}" for name, why in problems)
            reasons = reasons or "no folders"
            raise ModelError(f"no model could be loaded from {self.folder}: {reasons}")
        if self._wanted is not None and self._wanted not in self._models:
            reason = self.problems.get(self._wanted, "there is no such folder")
            raise ModelError(f"the default model {self._wanted!r} cannot be served: {reason}")

    def refresh(
        self, *, at_once: bool = False, count: Callable[[str], None] = lambda outcome: None
    ) -> bool:
        """Load what is new or changed, drop what is gone; True where anything changed.

        What changed less than `still_seconds` ago may be half of a change: it waits for a later
        call, unless its card has digests, or `at_once`. So does what is gone: whoever moves the old
        folder away and then the new one in leaves a moment without. `count` is called with the
        outcome for each folder that is read: loaded, refused, failed; or waiting.

        Raises OSError where the models folder itself cannot be looked at, or an empty one has come
        in its place, as where a volume is away: it may be on its way back, and what is served goes
        on.
        """
        with self._refreshing:
            try:
                changed = self._refresh(at_once, count)
            except Exception as error:
                self._trouble = {".": _why(error)}
                raise
            self._trouble = {}
            return changed

    def _refresh(self, at_once: bool, count: Callable[[str], None]) -> bool:
        folders = {folder.name: folder for folder in self._folders()}
        self._check_place(empty=not folders)
        signatures = {name: signature_of(folder) for name, folder in folders.items()}
        unsettled = {} if at_once else self._changed_lately(folders, signatures)
        missing = {} if at_once else self._missing_lately(folders)
        waiting = unsettled or missing or self._unsettled or self._missing
        if signatures == self._signatures and not waiting:
            return False
        served = signatures.keys() | missing
        models = {name: model for name, model in self._models.items() if name in served}
        problems = {n: why for n, why in self._problems.items() if n in signatures}
        again = set(unsettled)  # to be looked at the next time, changed or not
        for name, signature in signatures.items():
            if signature == self._signatures.get(name):
                continue
            if name in unsettled:
                count("waiting")
                problems[name] = "it is still being written"
                continue
            problems.pop(name, None)
            outcome = self._read(folders[name], models, problems)
            count(outcome)
            if outcome == "failed":
                again.add(name)
        signatures = {name: one for name, one in signatures.items() if name not in again}
        for name in sorted(self._models.keys() - models.keys()):
            log.info("model %s is served no more: its folder is gone", name)
        before = (self._models, self._problems, self._signatures)
        self._models, self._problems, self._signatures = models, problems, signatures
        self._unsettled, self._missing = unsettled, missing
        _give_back_memory()
        return before != (models, problems, signatures)

    def _check_place(self, *, empty: bool) -> None:
        """Raises OSError where the models folder is not the one that models were found in, and has
        none: whoever removes the last of them leaves the folder.
        """
        if self.folder is None:
            return
        status = self.folder.stat()
        place = status.st_dev, status.st_ino
        if empty and self._models and place != self._place:
            raise OSError(errno.ENODEV, "an empty folder is in its place")
        self._place = place

    def _missing_lately(self, folders: Mapping[str, Path]) -> dict[str, float]:
        """Loaded models whose folders have not been gone for long enough, and since when."""
        now = time.monotonic()
        missing = {n: self._missing.get(n, now) for n in self._models if n not in folders}
        return {n: since for n, since in missing.items() if now - since < self._still_seconds}

    def _changed_lately(
        self, folders: Mapping[str, Path], signatures: Mapping[str, Signature]
    ) -> dict[str, tuple[Signature, float]]:
        """Folders that have not been still for long enough, as they are and since when.

        Still is what has been seen unchanged for that time, or, when it is first seen, what the
        files' own times say.
        """
        now, clock = time.monotonic(), time.time()
        found: dict[str, tuple[Signature, float]] = {}
        for name, signature in signatures.items():
            if not self._still_seconds or signature == self._signatures.get(name):
                continue
            seen, since = self._unsettled.get(name, (None, now))
            if seen != signature:
                changed = max((one[0] for one in signature if one), default=0) / 1e9
                age = clock - changed
                since = now - age if age >= 0 else now  # of a clock that goes ahead: from now on
            if now - since < self._still_seconds and not has_digests(folders[name]):
                found[name] = signature, since
        return found

    def _read(self, folder: Path, models: dict[str, Model], problems: dict[str, str]) -> str:
        """Load one folder into `models`, or say why not in `problems`; returns the outcome."""
        try:
            check_name(folder)
            models[folder.name] = load_model(folder, self.engine)
        except ModelError as error:
            problems[folder.name] = str(error).replace(os.path.join(folder.parent, ""), "")
            log.error("model %s cannot be served: %s", folder.name, error)
            return "refused"
        except MissingDependency:
            raise
        except Exception as error:  # a lack of memory, or a fault of ours: others go on
            problems[folder.name] = f"it could not be read: {type(error).__name__}"
            log.exception("model %s could not be read", folder.name)
            return "failed"
        log.info("model %s loaded", folder.name)
        for warning in models[folder.name].warnings:
            log.warning("model %s: %s", folder.name, warning)
        return "loaded"

    def _folders(self) -> list[Path]:
        """Folders that are models by name or by content; hidden ones are none. Raises OSError."""
        if self.folder is None:
            return []
        return sorted(
            folder
            for folder in self.folder.iterdir()
            if not folder.name.startswith(".")
            and _may_be_a_folder(folder)
            and (ID.fullmatch(folder.name) or os.path.exists(folder / FILES[0]))
        )


def _may_be_a_folder(path: Path) -> bool:
    """What nobody can tell is said when it is read."""
    try:
        return is_folder(path)
    except OSError:
        return True


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "there is no such folder"
    return getattr(error, "strerror", None) or f"it could not be looked at: {type(error).__name__}"


def _give_back_memory() -> None:
    """Have the C library return what loading needed for a moment, a third of a model's size: glibc
    keeps it otherwise. Another C library has no such call, and does without.
    """
    if os.name == "posix" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)
