"""What is read as a phrase, what is refused in its place, and that chunks come out the same."""

import gzip
import os
from pathlib import Path

import pytest

from app.bulk.source import Phrase, Source
from app.errors import CorpusError


def read(path: Path, column: str | None = None, skip: int = 0) -> list[str]:
    """The phrases; what is none as `!` and why."""
    return [shown(one) for chunk in Source(path, column).chunks(skip) for one in chunk.phrases]


def shown(phrase: Phrase) -> str:
    return phrase if isinstance(phrase, str) else f"! {phrase}"


def test_every_line_is_a_phrase_or_a_problem_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "phrases.txt"
    path.write_bytes(
        b"\xef\xbb\xbfthis is\r\n\nb\xe9b\xe9\n" + b"a" * 70_000 + b"\n" + b"a" * 900_000 + b"\nan"
    )
    too_long = "! the phrase has more than 65536 characters"
    assert read(path) == ["this is", "", "! the phrase is not UTF-8", too_long, too_long, "an"]


def test_csv_has_its_phrases_in_the_column_named(tmp_path: Path) -> None:
    path = tmp_path / "phrases.csv.gz"
    rows = b'id,text\n1,"a ""b"", c"\n2,"two\nlines"\n3\n\n4,b\xe9\n5,end'
    path.write_bytes(gzip.compress(rows))
    problems = ["! there is no phrase", "! the phrase is not UTF-8"]
    assert read(path, "text") == ['a "b", c', "two\nlines", *problems, "end"]
    with pytest.raises(CorpusError, match="no column 'phrase'"):
        read(path, "phrase")
    with pytest.raises(CorpusError, match="name the one"):
        read(path)


def test_parquet_has_its_phrases_in_the_column_named(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "phrases.parquet"
    values = pyarrow.array(["this is", None, "an"]).dictionary_encode()
    parquet.write_table(pyarrow.table({"id": [1, 2, 3], "text": values}), path)
    assert read(path, "text") == ["this is", "! there is no phrase", "an"]
    with pytest.raises(CorpusError, match="no such text"):
        read(path, "id")


def test_chunks_are_the_same_from_wherever_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "phrases.txt"
    path.write_text("".join(f"{'long ' * 9_000 if n % 50 == 0 else ''}{n}\n" for n in range(5_000)))
    chunks = [chunk.phrases for chunk in Source(path).chunks()]
    assert len(chunks) > 3
    assert max(map(len, chunks)) <= 2048
    assert chunks[-1][-1] == "4999"
    after = len(chunks[0]) + len(chunks[1])
    assert [chunk.phrases for chunk in Source(path).chunks(after)] == chunks[2:]


def test_a_damaged_file_is_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "phrases.txt.gz"
    path.write_bytes(gzip.compress(b"this is\n" * 99_999)[:-100])
    with pytest.raises(CorpusError, match=r"phrases.txt.gz cannot be read: "):
        read(path)
    with pytest.raises(CorpusError, match="No such file"):
        Source(tmp_path / "none.txt").digest()


def test_what_is_packed_is_unpacked_whatever_it_is_called(tmp_path: Path) -> None:
    packed = gzip.compress(b"text,id\nthis is,1\n")
    (tmp_path / "PHRASES.CSV.GZ").write_bytes(packed)
    (tmp_path / "phrases.csv").write_bytes(packed)
    assert read(tmp_path / "PHRASES.CSV.GZ", "text") == ["this is"]
    assert read(tmp_path / "phrases.csv", "text") == ["this is"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("name", ["phrases.txt", "phrases.csv", "phrases.txt.gz"])
def test_utf_16_and_utf_32_are_named(tmp_path: Path, name: str, encoding: str) -> None:
    content = "\ufefftext\nthis is\n".encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(CorpusError, match=f"{name} is {encoding[:6].upper()}: iconv"):
        read(tmp_path / name, "text" if name.endswith("csv") else None)


def test_the_columns_that_there_are_are_named(tmp_path: Path) -> None:
    path = tmp_path / "phrases.csv"
    path.write_text("text;id\nthis is;1\n")
    with pytest.raises(CorpusError, match="no column 'text', of 'text;id'"):
        read(path, "text")
    path.write_text("text,text\nthis is,an\n")
    with pytest.raises(CorpusError, match="two columns 'text', of 'text', 'text'"):
        read(path, "text")


def test_what_can_be_read_but_once_is_refused(tmp_path: Path) -> None:
    """A run would hash all of a pipe, and then find nothing in it."""
    os.mkfifo(tmp_path / "phrases.txt")
    for path in (tmp_path / "phrases.txt", tmp_path, Path("/dev/null")):
        with pytest.raises(CorpusError, match="is no file: it is read twice"):
            Source(path)
