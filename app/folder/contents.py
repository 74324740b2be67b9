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
    """The bytes of `FILES`, the card's None where there is none; when the archive was written."""

    archive: bytes
    vocabulary: bytes
    card: bytes | None
    created: int

    def fingerprint(self) -> str:
        """Changes with any of the files."""
        digest = hashlib.sha256()
        for content in (self.archive, self.vocabulary, self.card or b""):
            digest.update(len(content).to_bytes(8, "little"))
            digest.update(content)
        return digest.hexdigest()

    def check_digests(self, card: Card) -> None:
        """Raises ModelError where a file is not the one that the card's digest was taken of."""
        for name, content in zip(FILES, (self.archive, self.vocabulary), strict=False):
            expected = card.sha256.get(name)
            if expected and hashlib.sha256(content).hexdigest() != expected.lower():
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
    return Contents(archive, vocabulary, card, created)


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
