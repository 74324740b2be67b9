"""A model folder's three files as bytes, each read once and all of one moment.

What is parsed, fingerprinted and held against the card's digests are these bytes: whatever happens
to the folder, a model never has one version's vocabulary under another one's fingerprint.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

from app.errors import ModelError
from app.folder.card import Card, card_bytes, parse_card, vocabulary_bytes
from app.folder.keras.container import read_bytes

FILES = ("model.keras", "vocabulary.json", "model.json")
Signature = tuple[tuple[int, int, int] | None, ...]


class Contents(NamedTuple):
    """The bytes of `FILES`, the card's None where there is none, with their SHA-256; and when the
    archive was written.
    """

    archive: bytes
    vocabulary: bytes
    card: bytes | None
    digests: tuple[str, ...]
    created: int

    def fingerprint(self) -> str:
        """Changes with any of the files."""
        return hashlib.sha256("".join(self.digests).encode()).hexdigest()

    def check_digests(self, card: Card) -> None:
        """Raises ModelError where a file is not the one that the card's digest was taken of."""
        for name, digest in zip(FILES[:2], self.digests, strict=False):
            expected = card.sha256.get(name)
            if expected and digest != expected.lower():
                raise ModelError(f"{name} is not the file that model.json's sha256 was taken of")


def read_contents(folder: Path) -> Contents:
    """Read a folder. Raises ModelError, also where it changes meanwhile."""
    before = signature_of(folder)
    card = card_bytes(folder / "model.json")
    vocabulary = vocabulary_bytes(folder / "vocabulary.json")
    archive = read_bytes(folder / "model.keras")
    created = int((folder / "model.keras").stat().st_mtime)
    if signature_of(folder) != before:
        raise ModelError("the folder changed while it was read")
    files = archive, vocabulary, card or b""
    digests = tuple(hashlib.sha256(content).hexdigest() for content in files)
    return Contents(archive, vocabulary, card, digests, created)


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


def has_digests(folder: Path) -> bool:
    """Whether the card has digests of both other files: then a mixture of versions is noticed."""
    try:
        card = parse_card(card_bytes(folder / "model.json"))
    except ModelError:
        return False
    return set(FILES[:2]) <= set(card.sha256)
