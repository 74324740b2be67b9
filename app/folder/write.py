"""Writing a model folder: whole or not at all, and flushed to the disk."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_json(content: object, indent: int = 2) -> bytes:
    """The content of a JSON file; what is no UTF-8, as in a file's name, is a question mark."""
    return f"{json.dumps(content, ensure_ascii=False, indent=indent)}\n".encode("utf-8", "replace")


def write_json(path: Path, content: object, indent: int = 2) -> None:
    """Write JSON, flushed to the disk."""
    with path.open("wb") as file:
        file.write(as_json(content, indent))
        file.flush()
        os.fsync(file.fileno())


def replace_folder(folder: Path, out: Path) -> None:
    """Rename `folder` to `out`; what was there is gone a moment later."""
    old = out.with_name(f".{out.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    folder.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def add_metrics(folder: Path, metrics: Mapping[str, object]) -> None:
    """Put measured figures into a model's card, in one move."""
    change_card(folder, {"metrics": {**_card_of(folder).get("metrics", {}), **metrics}})


def change_card(folder: Path, fields: Mapping[str, object]) -> None:
    """Write these fields into a model's card, in one move; the others stay."""
    temporary = folder / ".model.json"
    write_json(temporary, {**_card_of(folder), **fields})
    temporary.replace(folder / "model.json")


def _card_of(folder: Path) -> dict[str, Any]:
    path = folder / "model.json"
    card: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    return card
