"""The page's own files, read once and compressed once: CSS, modules, the icon."""

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from app.pictures.svg import style

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class File(NamedTuple):
    """A file as it is sent."""

    content: bytes
    compressed: bytes
    media_type: str
    etag: str


@cache
def static_files() -> dict[str, File]:
    """Every file by its name; the stylesheet has the pictures' rules too."""
    return {path.name: _read(path) for path in _FOLDER.iterdir() if path.suffix in _TYPES}


def _read(path: Path) -> File:
    content = path.read_bytes()
    if path.name == "page.css":
        content += style().encode()
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return File(content, gzip.compress(content, 9, mtime=0), _TYPES[path.suffix], etag)
