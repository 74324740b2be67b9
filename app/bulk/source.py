"""A file -> chunks of phrases, streaming: text a phrase a line, CSV or Parquet with a column.

The same file gives the same chunks every time, which is what resuming rests on. What is no phrase
(not UTF-8, too long, no value) is an error in its place. Knows nothing about models.
"""

import codecs
import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any

from app.api.native.requests import LONGEST_PHRASE
from app.errors import CorpusError, InvalidRequest, MissingDependency, RequestError
from app.folder.files import GZIP_BEGIN

Phrase = str | RequestError
_LINES = 2048  # of a chunk: products of 256 phrases come out even
_CHARACTERS = 1 << 20  # of a chunk, about: long phrases make it shorter
_LOOKS = 256  # lines between two looks at how far it is, each as dear as reading a line
_LONGEST_LINE = 4 * LONGEST_PHRASE + 2  # bytes
_LONGEST_RECORD_LINE = 1 << 24  # characters of a line of CSV, all its columns

_OTHER_LETTERS = {  # and the marks that begin them, of which one begins like another
    "UTF-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "UTF-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive phrases; `read` is the share of the input that has been read with them."""

    phrases: tuple[Phrase, ...]
    read: float


class Source:
    """One input file. `column` names the phrases of CSV and Parquet.

    Raises CorpusError where it cannot be read, MissingDependency for Parquet without pyarrow.
    """

    def __init__(self, path: Path, column: str | None = None) -> None:
        self.path = path
        self.column = column
        if path.exists() and not path.is_file():
            raise CorpusError(
                f"{path} is no file: it is read twice, the second time where a run ended before"
            )
        self.kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
        if self.kind in ("csv", "parquet") and column is None:
            raise CorpusError(f"{path.name} has columns: name the one of the phrases")
        if self.kind not in ("csv", "parquet") and column is not None:
            raise CorpusError(f"{path.name} is read as lines of text, which have no columns")

    def digest(self) -> str:
        """SHA-256 of the file."""
        with self._reading(), open(self.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def chunks(self, skip: int = 0) -> Iterator[Chunk]:
        """The phrases after the first `skip`, which must end a chunk."""
        with self._reading():
            phrases: list[Phrase] = []
            characters = 0
            for number, (phrase, read) in enumerate(self._phrases(), 1):
                if number <= skip:
                    continue
                phrases.append(phrase)
                characters += len(phrase) if isinstance(phrase, str) else 0
                if len(phrases) == _LINES or characters > _CHARACTERS:
                    yield Chunk(tuple(phrases), read)
                    phrases, characters = [], 0
            if phrases:
                yield Chunk(tuple(phrases), 1.0)

    def _phrases(self) -> Iterator[tuple[Phrase, float]]:
        if self.kind == "parquet":
            yield from self._parquet()
            return
        with open(self.path, "rb") as raw:
            size = max(self.path.stat().st_size, 1)
            plain: io.BufferedReader = raw
            if self.path.suffix.lower() == ".gz" or raw.peek(2).startswith(GZIP_BEGIN):
                plain = io.BufferedReader(gzip.GzipFile(fileobj=raw))
            self._check_encoding(plain.peek(4))
            rows = self._csv(plain) if self.kind == "csv" else _lines(plain)
            read = 0.0
            for number, phrase in enumerate(rows):
                if number % _LOOKS == 0:
                    read = min(raw.tell() / size, 1.0)
                yield phrase, read

    def _check_encoding(self, begin: bytes) -> None:
        """Every line of UTF-16 or UTF-32 would be a problem of its own."""
        for name, marks in _OTHER_LETTERS.items():
            if begin.startswith(marks):
                raise CorpusError(
                    f"{self.path.name} is {name}: iconv -f {name} -t UTF-8 makes of it what is read"
                )

    def _csv(self, file: IO[bytes]) -> Iterator[Phrase]:
        csv.field_size_limit(_LONGEST_RECORD_LINE)
        text = io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
        rows = csv.reader(self._record_lines(text))
        try:
            at = self._place(next(rows, []))
            for row in rows:
                if row:
                    yield _phrase(row[at] if at < len(row) else None)
        except csv.Error as error:
            raise CorpusError(f"{self.path.name}, line {rows.line_num}: {error}") from error

    def _record_lines(self, text: IO[str]) -> Iterator[str]:
        for number in count(1):
            line = text.readline(_LONGEST_RECORD_LINE)
            if len(line) == _LONGEST_RECORD_LINE:
                raise CorpusError(f"{self.path.name}, line {number} is no line of CSV: too long")
            if not line:
                return
            yield line

    def _place(self, names: list[str]) -> int:
        if names.count(self.column or "") == 1:
            return names.index(self.column or "")
        has = "two columns" if self.column in names else "no column"
        listed = ", ".join(map(repr, names))
        raise CorpusError(f"{self.path.name} has {has} {self.column!r}, of {listed:.200}")

    def _parquet(self) -> Iterator[tuple[Phrase, float]]:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError as error:
            raise MissingDependency(
                "Parquet needs pyarrow: pip install 'unrolled[parquet]'"
            ) from error
        try:
            with parquet.ParquetFile(self.path) as file:
                self._place(file.schema_arrow.names)
                rows, seen = max(file.metadata.num_rows, 1), 0
                for batch in file.iter_batches(_LINES, columns=[self.column]):
                    values = batch.column(0).cast(pyarrow.large_binary())
                    for value in values.to_pylist():
                        seen += 1
                        yield _decoded(value), seen / rows
        except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
            raise CorpusError(f"{self.path.name} has no such text: {error}") from error

    def _reading(self) -> "_Reading":
        return _Reading(self.path)


class _Reading:
    """Turns what goes wrong with the file into CorpusError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OSError | EOFError | zlib.error):
            reason = getattr(error, "strerror", None) or str(error)
            raise CorpusError(f"{self._path.name} cannot be read: {reason}") from error


def _lines(file: IO[bytes]) -> Iterator[Phrase]:
    first = True
    while line := file.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass  # the rest of it is neither kept nor answered
            yield _too_long()
        else:
            yield _decoded((line.removeprefix(b"\xef\xbb\xbf") if first else line).rstrip(b"\r\n"))
        first = False


def _decoded(value: bytes | None) -> Phrase:
    return _phrase(None if value is None else value.decode("utf-8", "surrogateescape"))


def _phrase(value: str | None) -> Phrase:
    if value is None:
        return InvalidRequest("there is no phrase")
    if len(value) > LONGEST_PHRASE:
        return _too_long()
    try:
        value.encode()
    except UnicodeEncodeError:  # what stands for a byte that could not be decoded
        return InvalidRequest("the phrase is not UTF-8")
    return value


def _too_long() -> RequestError:
    return InvalidRequest(f"the phrase has more than {LONGEST_PHRASE} characters")
