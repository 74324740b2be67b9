"""What a training run is told: one frozen dataclass, read from a recipe or the command line."""

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from app.errors import CorpusError
from app.text.tokens import Tokenizer

Size = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Dropped = Annotated[float, Field(ge=0, lt=1)]
_CLOSED = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Source:
    """A text file, one sentence a line (plain or .gz); an epoch draws `weight` times its lines."""

    path: Annotated[Path, Field(validation_alias="file")]
    weight: Amount = 1.0

    __pydantic_config__ = _CLOSED


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
    taught: Share = 0.5  # share of the loss that is against the teacher's distribution
    validation: tuple[Path, ...] = ()  # else `validation_split` of the lines, chosen by hash
    validation_split: Dropped = 0.05

    vocabulary_size: Size = 10_000  # words, without the marks
    max_length: Annotated[int, Field(ge=2, le=4096)] = 20
    tokenizer: Tokenizer = "whitespace"
    tokenized: bool = False
    lowercase: bool = True
    unknown: str | None = "<unk>"
    start: str | None = "</s>"
    number: str | None = None
    shown_as: dict[str, str] = field(default_factory=dict)  # "i" -> "I"
    excluded: tuple[str, ...] = ()  # words of the corpus that never enter the vocabulary
    blocked: tuple[str, ...] = ()  # words that stay in the vocabulary and are never suggested

    embedding: Size = 128
    units: Size = 256
    slow_units: Count = 0  # of them: their memory fades at a pace of its own, never learnt
    layers: Size = 1
    projection: Count = 0  # features of a Dense layer before the output; tied: the embedding's
    tied: bool = True

    dropout: Dropped = 0.1
    embedding_dropout: Dropped = 0.0
    word_dropout: Dropped = 0.0
    projection_dropout: Dropped = 0.0
    recurrent_dropout: Dropped = 0.0  # of recurrent weights, not of states
    epochs: Annotated[float, Field(gt=0)] = 10
    batch_size: Size = 700  # words a step
    threads: Size = 1  # that share each step, each on a core of its own
    sequences: Size = 32  # side by side, where the context is running
    context: Literal["sentence", "running"] = "sentence"
    learning_rate: Amount = 2e-3
    warmup: Share = 0.02  # share of the run
    weight_decay: Amount = 0.01
    clip_norm: Amount = 1.0
    lazy: bool = False  # whether a word's embedding waits, its momentum too, until it is met again
    head: Count = 1_000  # classes that take part in every sampled softmax
    sampled: Count = 1_000  # of the others; 0 takes all
    smoothed: Share = 0.0  # share of the loss that is against what the rest of the text says
    # How often an epoch repeats each group of words that the text always ends the same way, and the
    # network it begins with does not.
    collocations: Amount = 0.0
    full_softmax: Share = 0.1  # share of the run, at its end, with the softmax over all classes
    averaged: Dropped = 0.999  # decay of the running mean of the weights, which is what is kept
    patience: Size = 10  # validations without a better perplexity before the run stops
    validations: Size = 20  # over the whole run, at least one an epoch's worth of steps apart
    seed: Count = 0

    interpolated: bool = False  # whether to end between where a run from a model began and came to
    calibrated: bool = False  # whether the logits get the factor that suits the held-out text
    half_precision: bool = False  # store the weights as float16
    title: str = ""
    description: str = ""
    licence: str = ""
    corpus: Any = None

    __pydantic_config__ = _CLOSED

    @property
    def marks(self) -> tuple[str, ...]:
        """The words that are not words: start, unknown, number, as far as there are any."""
        return tuple(mark for mark in (self.start, self.unknown, self.number) if mark)

    @classmethod
    def from_recipe(cls, recipe: Path, data: Path) -> "TrainConfig":
        """Read a recipe (TOML); its file names are relative to `data`.

        Raises CorpusError where it is not TOML, or has a field or a value that no run takes.
        """
        try:
            config = TypeAdapter(cls).validate_python(tomllib.loads(recipe.read_text()))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CorpusError(f"{recipe.name} is not TOML: {error}") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise CorpusError(f"{recipe.name}: {where}: {first['msg']}") from error
        if not config.sources:
            raise CorpusError(f"{recipe.name}: sources: there is no text to train on")
        return replace(
            config,
            sources=tuple(replace(one, path=data / one.path) for one in config.sources),
            validation=tuple(data / path for path in config.validation),
        )
