"""Chunks of finished lines -> one file, which a kill at any moment leaves to be gone on with.

Beside `predictions.jsonl` there are `predictions.jsonl.part`, what is there so far, and
`predictions.jsonl.run.json`, which says whose it is and how much of it is sound. Every chunk of a
`.gz` is a gzip member of its own, so that the file can be cut back to the last sound one. Knows
nothing about phrases.
"""

import contextlib
import gzip
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import orjson

from app.errors import OtherRun

Identity = dict[str, str | int | None]
_LEVEL = 1  # of compression: a higher one costs more than the predictions of a small model


class Output:
    """An output file being written by one run. Opening it goes on where an earlier one ended.

    `lines` and `problems` count what is in it. Raises OtherRun where what is there is of another
    input, model or question, is damaged, or is being written by another process.
    """

    def __init__(self, path: Path, identity: Identity) -> None:
        if path.exists() and not path.is_file():
            raise OtherRun(f"{path} is no file; name one that is to be made")
        self.path = path
        self.lines = self.problems = self._bytes = 0
        self.finished = False
        self._identity = identity
        self._note = path.with_name(path.name + ".run.json")
        self._part = path.with_name(path.name + ".part")
        self._file: io.FileIO | None = None
        self._read_note()
        if not self.finished:
            with contextlib.ExitStack() as closing:
                file = closing.enter_context(_locked(self._part))
                self._read_note()  # it may have gone on until the lock was ours
                if self.finished:
                    self._part.unlink()  # made anew just now, and empty
                    return
                with _named(self._part):
                    self._write_note()  # whose it is, before there is anything of it
                    file.truncate(self._bytes)
                file.seek(self._bytes)
                self._file = file
                closing.pop_all()

    def _read_note(self) -> None:
        try:
            note = orjson.loads(self._note.read_bytes())
            same = {key: note[key] for key in self._identity} == self._identity
            self.lines, self.problems = int(note["lines"]), int(note["problems"])
            self._bytes, self.finished = int(note["bytes"]), bool(note["finished"])
        except FileNotFoundError:
            self._check_unclaimed(self.path, self._part)
            return
        except (ValueError, KeyError, TypeError) as error:
            raise OtherRun(f"{self._note} is damaged: remove it and its output") from error
        if not same and not self.finished and not self.lines:  # nothing of it was finished
            self._check_unclaimed(self.path)
            self._bytes = 0
            return
        if not same:
            raise OtherRun(f"{self.path} is of another input, model or question: remove it first")
        if self.finished and self._part.exists() and not self.path.exists():
            os.replace(self._part, self.path)  # it was killed between the last two steps
        there = self.path if self.finished else self._part
        size = there.stat().st_size if there.exists() else 0
        if size < self._bytes or (self.finished and size > self._bytes):
            raise OtherRun(f"{there} is not as its run left it: remove it and {self._note.name}")

    def _check_unclaimed(self, *paths: Path) -> None:
        for path in paths:
            if path.exists() and (path == self.path or path.stat().st_size):
                raise OtherRun(f"{path} is there, and not of this run: remove it")

    def append(self, data: bytes, lines: int, problems: int) -> None:
        """Add a chunk: once this returns, no kill loses it."""
        if self._file is None:
            raise OtherRun(f"{self.path} is finished")
        if self.path.suffix.lower() == ".gz":
            data = gzip.compress(data, _LEVEL, mtime=0)
        view = memoryview(data)
        with _named(self._part):
            while view:
                view = view[self._file.write(view) :]
            os.fsync(self._file.fileno())
            self._bytes += len(data)
            self.lines += lines
            self.problems += problems
            self._write_note()

    def finish(self) -> None:
        """Give the file its name."""
        self.finished = True
        with _named(self._part):
            self._write_note()
        os.replace(self._part, self.path)

    def _write_note(self) -> None:
        progress = {"lines": self.lines, "problems": self.problems, "bytes": self._bytes}
        note = {**self._identity, **progress, "finished": self.finished}
        new = self._note.with_name(self._note.name + ".new")
        new.write_bytes(orjson.dumps(note))
        os.replace(new, self._note)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """A full disk does not say by itself what was being written."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, error.filename or str(path)) from error


def _locked(path: Path) -> io.FileIO:
    """The file, made where it is missing, and kept from other runs where the system can."""
    file = io.FileIO(path, "ab+")  # made, and not cut short before it is ours
    with contextlib.suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise OtherRun(f"another process is writing {path}") from error
    return file
