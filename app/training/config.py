"""What a training run is told: one frozen dataclass, read from a recipe or the command line."""

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.errors import CorpusError
from app.text import Tokenizer


@dataclass(frozen=True, slots=True)
class Source:
    """A text file, one sentence a line (plain or .gz); an epoch draws `weight` times its lines."""

    path: Path
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A training run. Defaults suit a small corpus of one sentence a line.

    `tokenized` says that the words of the corpus stand apart already and are split at white
    space, whatever tokenizer reads phrases later. `context` "running" carries the state from line
    to line, in windows of `max_length`, as for the Penn Treebank; "sentence" starts afresh.
    """

    sources: tuple[Source, ...] = ()
    initial: Path | None = None  # a model folder to go on from: unless it is to grow, all its own
    grow: bool = False  # from `initial`, to this run's sizes and with its text's own words
    teacher: Path | None = None  # a model folder of the same words, whose answers are learnt too
    taught: float = 0.5  # share of the loss that is against the teacher's distribution
    validation: tuple[Path, ...] = ()  # else `validation_split` of the lines, chosen by hash
    validation_split: float = 0.05

    vocabulary_size: int = 10_000  # words, without the marks
    max_length: int = 20
    tokenizer: Tokenizer = "whitespace"
    tokenized: bool = False
    lowercase: bool = True
    unknown: str | None = "<unk>"
    start: str | None = "</s>"
    number: str | None = None
    shown_as: dict[str, str] = field(default_factory=dict)  # "i" -> "I"
    excluded: tuple[str, ...] = ()  # words of the corpus that never enter the vocabulary
    blocked: tuple[str, ...] = ()  # words that stay in the vocabulary and are never suggested

    embedding: int = 128
    units: int = 256
    slow_units: int = (
        0  # of them: their memory fades at a pace of its own, from the start to the end
    )
    layers: int = 1
    projection: int = 0  # features of a Dense layer before the output; tied: the embedding's
    tied: bool = True

    dropout: float = 0.1
    embedding_dropout: float = 0.0
    word_dropout: float = 0.0
    projection_dropout: float = 0.0
    recurrent_dropout: float = 0.0  # of recurrent weights, not of states
    epochs: float = 10
    batch_size: int = 700  # words a step
    processes: int = 1  # that share each step, each on a core of its own
    sequences: int = 32  # side by side, where the context is running
    context: Literal["sentence", "running"] = "sentence"
    learning_rate: float = 2e-3
    warmup: float = 0.02  # share of the run
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    lazy: bool = False  # whether a word's embedding waits, its momentum too, until it is met again
    head: int = 1_000  # classes that take part in every sampled softmax
    sampled: int = 1_000  # of the others; 0 takes all
    smoothed: float = 0.0  # share of the loss that is against what the rest of the text says
    full_softmax: float = 0.1  # share of the run, at its end, with the softmax over all classes
    averaged: float = 0.999  # decay of the running mean of the weights, which is what is kept
    patience: int = 10  # validations without a better perplexity before the run stops
    validations: int = 20  # over the whole run, at least one an epoch's worth of steps apart
    seed: int = 0

    half_precision: bool = False  # store the weights as float16
    title: str = ""
    description: str = ""
    licence: str = ""
    corpus: Any = None

    @property
    def marks(self) -> tuple[str, ...]:
        """The words that are not words: start, unknown, number, as far as there are any."""
        return tuple(mark for mark in (self.start, self.unknown, self.number) if mark)

    @classmethod
    def from_recipe(cls, recipe: Path, data: Path) -> "TrainConfig":
        """Read a recipe (TOML); its file names are relative to `data`.

        Raises CorpusError where the recipe has a field that no run knows.
        """
        fields = tomllib.loads(recipe.read_text())
        known = {one.name for one in dataclasses.fields(cls)}
        if unknown := sorted(set(fields) - known):
            raise CorpusError(f"{recipe.name}: unknown field {unknown[0]!r}")
        fields["sources"] = tuple(
            Source(data / source["file"], source.get("weight", 1.0)) for source in fields["sources"]
        )
        fields["validation"] = tuple(data / name for name in fields.get("validation", ()))
        for name in ("initial", "teacher"):
            if name in fields:
                fields[name] = Path(fields[name])
        for name in ("excluded", "blocked"):
            fields[name] = tuple(fields.get(name, ()))
        return cls(**fields)
