"""A folder that is no model folder yet, but holds what makes one: the command that makes it."""

import os
import shlex
from pathlib import Path

from app.folder.files import open_file
from app.folder.keras.container import CONFIG, WEIGHTS

_MODELS = (".keras", ".h5", ".hdf5")
_TOKENIZERS = (".pickle", ".pkl", ".joblib", ".json", ".npy", ".txt")
_NAMES = ("tokenizer", "token", "word_index", "vocabulary", "vocab", "word")
_BEGIN = 200  # bytes, in which a Tokenizer says what it is
_OURS = ("model.json", CONFIG, "metadata.json")


def import_command(folder: Path) -> str | None:
    """`unrolled import …` for the model file and the tokenizer in a folder, None without either."""
    try:
        files = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError:
        return None
    models = [name for name in files if name.lower().endswith(_MODELS)]
    tokenizers = [name for name in files if _may_be_a_tokenizer(name)]
    if not models or _is_complete(folder, files):
        return None
    parts = ["unrolled", "import"]
    if models == [WEIGHTS] and CONFIG in files:  # an archive, unpacked or saved as a folder
        parts += [str(folder / CONFIG), "--weights", str(folder / WEIGHTS)]
    else:
        parts += [str(folder / ("model.keras" if "model.keras" in models else models[0]))]
    if tokenizers:
        parts += ["--tokenizer", str(folder / min(tokenizers, key=_rank))]
    return shlex.join([*parts, "--out", str(folder.with_name(f"{folder.name}-imported"))])


def _is_complete(folder: Path, files: list[str]) -> bool:
    """A model folder, sound or not: both files, the vocabulary not being a Tokenizer's."""
    if "model.keras" not in files or "vocabulary.json" not in files:
        return False
    try:
        with open_file(folder / "vocabulary.json") as file:
            begin = file.read(_BEGIN)
    except OSError:
        return True
    return not (begin.lstrip()[:1] in (b'"', b"[") or b"class_name" in begin or b"ndex" in begin)


def _may_be_a_tokenizer(name: str) -> bool:
    lower = name.lower()
    return lower.endswith(_TOKENIZERS) and name not in _OURS and any(n in lower for n in _NAMES)


def _rank(name: str) -> tuple[int, str]:
    """The tokenizer itself before a vocabulary, which says less."""
    return next(at for at, part in enumerate(_NAMES) if part in name.lower()), name
