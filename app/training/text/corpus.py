"""Text files -> a vocabulary and ids on disk, streaming: only the word counts stay in memory.

One sentence a line, plain or .gz, UTF-8. Ids are written to a file and mapped, so that a corpus
larger than memory can be trained on.
"""

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from app.arrays import Ids
from app.errors import CorpusError
from app.text.tokens import TextOptions, tokenize
from app.text.vocabulary import PADDING_ID, Vocabulary
from app.training.config import TrainConfig

_LONGEST_LINE = 1 << 24  # bytes; a longer one is not text of a sentence a line


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a text file, stripped, empty ones left out.

    Raises CorpusError where the file is missing, binary, or not UTF-8 (with the line).
    """
    opener: Callable[..., Iterable[bytes]] = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:  # type: ignore[attr-defined]
            for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
                text = _decode(path, number, line)
                if text:
                    yield text
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CorpusError(f"{path.name} cannot be read: {reason}") from error


def _decode(path: Path, number: int, line: bytes) -> str:
    if b"\0" in line:
        raise CorpusError(f"{path.name} is not text: line {number} has a zero byte")
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path.name} is not UTF-8: line {number}, byte {error.start + 1}"
        ) from error


def tokens_of(line: str, config: TrainConfig) -> list[str]:
    """The tokens of one line, by the very code that will read phrases."""
    found = (token.text for token in tokenize(line, corpus_options(config)))
    return [config.respelled.get(word, word) for word in found]


def corpus_options(config: TrainConfig) -> TextOptions:
    """How the lines of the corpus are read."""
    return TextOptions(
        max_length=config.max_length,
        tokenizer="whitespace" if config.tokenized else config.tokenizer,
        lowercase=config.lowercase,
        unknown=config.unknown,
        start=config.start,
        number=config.number,
    )


def in_validation(line: str, share: float) -> bool:
    """Whether a line is held out: by its hash, so that a repeated line stands on one side."""
    return zlib.crc32(line.encode()) % 10_000 < share * 10_000


def count_words(config: TrainConfig) -> Counter[str]:
    """Count the words of all training lines, in order of first appearance; those of a source as
    often as its weight has it, in hundredths where a weight is not 1.

    Raises CorpusError where there is nothing to count.
    """
    counts: Counter[str] = Counter()
    weighed = any(source.weight != 1 for source in config.sources)
    for source in config.sources:
        own: Counter[str] = Counter()
        for line in read_lines(source.path):
            if not _held_out(line, config):
                own.update(tokens_of(line, config))
        for word, times in own.items():
            counts[word] += round(100 * source.weight * times) if weighed else times
    if not counts:
        raise CorpusError("the corpus is empty: no line has a word")
    return counts


def _held_out(line: str, config: TrainConfig) -> bool:
    return not config.validation and in_validation(line, config.validation_split)


def build_vocabulary(counts: Counter[str], config: TrainConfig) -> Vocabulary:
    """Number words by frequency, ties in order of first appearance; the marks come with them.

    Frequency order is what the sampled softmax relies on. The start mark stands once a line and is
    counted first; the unknown word takes the place its share of the text gives it.
    """
    words = Counter({word: n for word, n in counts.items() if word not in config.marks})
    for word in config.excluded:
        words.pop(word, None)
    kept = [word for word, _ in words.most_common(config.vocabulary_size)]
    numbered = enumerate([*config.marks, *kept], PADDING_ID + 1)
    return Vocabulary({word: number for number, word in numbered}, lowercase=config.lowercase)


@dataclass(frozen=True, eq=False)
class Encoded:
    """Ids of all lines behind each other, mapped from disk; line i is ids[ends[i-1]:ends[i]]."""

    ids: Ids
    ends: np.ndarray[tuple[int], np.dtype[np.int64]]

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def lengths(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Tokens of each line."""
        return np.diff(self.ends, prepend=0)

    def some(self, lines: int) -> "Encoded":
        """At most so many of its lines, evenly from the whole text."""
        chosen = np.arange(len(self))[:: -(-len(self) // lines) or 1]
        lengths = self.lengths[chosen]
        pieces = [
            self.ids[end - n : end] for end, n in zip(self.ends[chosen], lengths, strict=True)
        ]
        return Encoded(np.concatenate([self.ids[:0], *pieces]), np.cumsum(lengths))


def encode_file(
    lines: Iterable[str], vocabulary: Vocabulary, config: TrainConfig, target: Path
) -> Encoded:
    """Encode lines into `target` (int32) and map it.

    A line longer than `max_length` becomes several, so that nothing is lost, unless the text is a
    running one, which is cut into windows later. Without an unknown word, a line is cut at its
    unknown words.
    """
    unknown = vocabulary.id_of(config.unknown)
    ends = []
    total = 0
    with target.open("wb") as file:
        for line in lines:
            found = [vocabulary.id_of(token) for token in tokens_of(line, config)]
            for piece in _pieces(found, unknown, config):
                file.write(np.array(piece, np.int32).tobytes())
                total += len(piece)
                ends.append(total)
    if not total:
        return Encoded(np.zeros(0, np.int32), np.zeros(0, np.int64))
    return Encoded(np.memmap(target, np.int32, "r"), np.array(ends, np.int64))


def _pieces(
    found: list[int | None], unknown: int | None, config: TrainConfig
) -> Iterator[list[int]]:
    run: list[int] = []
    runs = [run]
    for number in found:
        if number is None and unknown is None:
            runs.append(run := [])
        else:
            run.append(unknown if number is None else number)  # type: ignore[arg-type]
    # With a start mark the input is the mark and the line, without one the line but its last word.
    longest = config.max_length - 1 if config.start else config.max_length + 1
    shortest = 1 if config.start else 2
    for run in runs:
        if config.context == "running":
            longest = max(1, len(run))
        for begin in range(0, len(run), longest):
            piece = run[begin : begin + longest]
            if len(piece) >= shortest:
                yield piece


def training_lines(path: Path, config: TrainConfig) -> Iterator[str]:
    """The lines of a source that are not held out."""
    return (line for line in read_lines(path) if not _held_out(line, config))


def validation_lines(config: TrainConfig) -> Iterator[str]:
    """The lines of the validation files, or the held-out lines of the sources."""
    if config.validation:
        for path in config.validation:
            yield from islice(read_lines(path), config.validation_lines or None)
        return
    for source in config.sources:
        yield from (line for line in read_lines(source.path) if _held_out(line, config))
