"""What a training run is told: one frozen dataclass, read from a recipe or the command line."""

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from app.errors import CorpusError, SettingsError
from app.text.tokens import Tokenizer

Size = Annotated[int, Field(ge=1)]
Features = Annotated[int, Field(ge=1, le=1 << 16)]
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Dropped = Annotated[float, Field(ge=0, lt=1)]
_CLOSED = ConfigDict(extra="forbid")


def _said(description: str) -> Any:
    """What an option is, for `--help`; its type says its range."""
    return Field(description=description)


@dataclass(frozen=True, slots=True)
class Source:
    """A text file, one sentence a line (plain or .gz); an epoch draws `weight` times its lines.

    `taught` is the share of its lines' loss that is against the run's teacher, else the run's own:
    of what a teacher knows it says more than the text, of what is new to it less.
    """

    path: Annotated[Path, Field(validation_alias="file")]
    weight: Amount = 1.0
    taught: Share | None = None

    __pydantic_config__ = _CLOSED


@dataclass(frozen=True, slots=True)
class Blocked:
    """Words that are not suggested in a sentence that has one of others before them."""

    after: tuple[str, ...]
    words: tuple[str, ...]

    __pydantic_config__ = _CLOSED


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A training run. Defaults suit a small corpus of one sentence a line.

    `tokenized` says that the words of the corpus stand apart already and are split at white
    space, whatever tokenizer reads phrases later. `context` "running" carries the state from line
    to line, in windows of `max_length`, as for the Penn Treebank; "sentence" starts afresh.
    What has a description is an option of the command line too.
    """

    sources: tuple[Source, ...] = ()
    initial: Path | None = None  # a model folder to go on from: unless it is to grow, all its own
    grow: bool = False  # from `initial`, to this run's sizes and with its text's own words
    reworded: bool = False  # growing: of the words, only the text's most frequent stay, or come
    # From `initial`, tied: to two tables of this run's sizes, and without slow units for 0 of them.
    narrowed: bool = False
    teacher: Path | None = None  # a model folder of the same words, whose answers are learnt too
    taught: Annotated[Share, _said("Share of the loss that is against a teacher.")] = 0.5
    validation: tuple[Path, ...] = ()  # else `validation_split` of the lines, chosen by hash
    validation_lines: Count = 0  # of each of these files, the first ones; 0 takes all
    validation_split: Annotated[Dropped, _said("Share of lines held out.")] = 0.05

    vocabulary_size: Annotated[Size, _said("Words, most frequent; the marks apart.")] = 10_000
    max_length: Annotated[int, Field(ge=2, le=4096), _said("Timesteps.")] = 20
    tokenizer: Annotated[Tokenizer, _said("How text is read, here and in service.")] = "words"
    tokenized: bool = False
    lowercase: Annotated[bool, _said("Whether case is ignored.")] = True
    unknown: Annotated[str | None, _said('The unknown word; "" for none.')] = "<unk>"
    start: Annotated[str | None, _said('Start and end of a sentence; "" for none.')] = "</s>"
    number: Annotated[str | None, _said('What stands for digits; "" for none.')] = None
    respelled: dict[str, str] = field(default_factory=dict)  # "dont" -> "don't", before all else
    excluded: tuple[str, ...] = ()  # words of the corpus that never enter the vocabulary
    blocked: tuple[str, ...] = ()  # words that stay in the vocabulary and are never suggested
    blocked_after: tuple[Blocked, ...] = ()
    slips: tuple[str, ...] = ()  # words of the vocabulary that are misspelled: blocked, and mended
    usual: dict[str, tuple[str, ...]] = field(default_factory=dict)  # what mostly follows words
    shown_as: dict[str, str] = field(default_factory=dict)  # "i" -> "I"
    word_forms: Path | None = None  # word forms and counts: more of `shown_as` (text/writing.py)
    word_lists: tuple[Path, ...] = ()  # words in their case: names, and slips, which are blocked

    embedding: Annotated[Features, _said("Embedding size.")] = 128
    units: Annotated[Features, _said("Units of each SimpleRNN.")] = 256
    slow_units: Annotated[Count, _said("Of them: their memory fades at a fixed pace.")] = 0
    layers: Annotated[int, Field(ge=1, le=8), _said("SimpleRNN layers.")] = 1
    # Features of a Dense layer before the output; tied: the embedding's.
    projection: Annotated[int, Field(ge=0, le=1 << 16)] = 0
    tied: Annotated[bool, _said("Whether the output shares the embedding.")] = True

    dropout: Annotated[Dropped, _said("Of hidden states.")] = 0.1
    embedding_dropout: Annotated[Dropped, _said("Of embeddings.")] = 0.0
    word_dropout: Annotated[Dropped, _said("Of whole words.")] = 0.0
    projection_dropout: Annotated[Dropped, _said("Of what the output sees.")] = 0.0
    recurrent_dropout: Annotated[Dropped, _said("Of recurrent weights, not of states.")] = 0.0
    epochs: Annotated[float, Field(gt=0, allow_inf_nan=False), _said("Passes over the text.")] = 10
    batch_size: Annotated[Size, _said("Words a step.")] = 700
    threads: Annotated[Size, _said("That share each step, each on a core.")] = 1
    sequences: Size = 32  # side by side, where the context is running
    context: Literal["sentence", "running"] = "sentence"
    learning_rate: Annotated[Amount, _said("Largest step size.")] = 2e-3
    warmup: Annotated[Share, _said("Share of the run until then.")] = 0.02
    weight_decay: Annotated[Amount, _said("What weights lose, in learning rates.")] = 0.01
    clip_norm: Annotated[Amount, _said("Largest norm of a gradient; 0 for any.")] = 1.0
    lazy: bool = False  # whether a word's embedding waits, its momentum too, until it is met again
    sampled: Annotated[Count, _said("Classes beside the 1,000 first; 0 for all.")] = 1_000
    smoothed: Annotated[Share, _said("Share of the loss for what the rest of the text says.")] = 0.0
    collocations: Annotated[
        float,
        Field(ge=0, le=1e6),
        _said("Times an epoch repeats what the text always says, the net not."),
    ] = 0.0
    full_softmax: Share = 0.1  # share of the run, at its end, with the softmax over all classes
    averaged: Dropped = 0.999  # decay of the running mean of the weights, which is what is kept
    patience: Annotated[Size, _said("Validations without progress before the end.")] = 10
    validations: Annotated[Size, _said("Over the whole run.")] = 20
    seed: Annotated[Count, _said("Seed of all randomness.")] = 0

    interpolated: Annotated[bool, _said("Whether to end between a run's start and end.")] = False
    calibrated: Annotated[
        bool, _said("Whether to end as sure of itself as the held-out text has it.")
    ] = False
    half_precision: Annotated[bool, _said("Whether weights are stored as float16.")] = False
    title: str = ""
    description: str = ""
    licence: str = ""
    corpus: Any = None

    __pydantic_config__ = _CLOSED

    @property
    def marks(self) -> tuple[str, ...]:
        """The words that are not words: start, unknown, number, as far as there are any."""
        return tuple(mark for mark in (self.start, self.unknown, self.number) if mark)

    @property
    def options(self) -> dict[str, Any]:
        """Every number and switch of the run, as its card records them; no texts and no words."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        kinds = int | float | str | None
        left_out = "title", "description", "licence", "corpus", "initial", "teacher"
        return {
            name: value
            for name, value in found.items()
            if isinstance(value, kinds) and name not in left_out
        }

    def changed(self, changes: dict[str, Any]) -> "TrainConfig":
        """The same with some fields otherwise; "" for a word means none.

        Raises SettingsError, naming the option, for a value that no run takes.
        """
        words = "unknown", "start", "number"
        changes = {k: None if k in words and v == "" else v for k, v in changes.items()}
        try:
            valid = TypeAdapter(TrainConfig).validate_python(changes)
        except ValidationError as error:
            where, why = _first(error)
            raise SettingsError(f"--{where.replace('_', '-')}: {why}") from error
        return replace(self, **{name: getattr(valid, name) for name in changes})

    @classmethod
    def from_recipe(cls, recipe: Path, data: Path) -> "TrainConfig":
        """Read a recipe (TOML), its stages left out; its file names are relative to `data`.

        Raises CorpusError where it is not TOML, or has a field or a value that no run takes.
        """
        content = read_recipe(recipe)
        content.pop("stage", None)
        return cls.of(content, recipe.name, data)

    @classmethod
    def of(cls, content: dict[str, Any], name: str, data: Path) -> "TrainConfig":
        """The fields of a recipe called `name`; its file names are relative to `data`."""
        try:
            config = TypeAdapter(cls).validate_python(content)
        except ValidationError as error:
            where, why = _first(error)
            raise CorpusError(f"{name}: {where}: {why}") from error
        if not config.sources:
            raise CorpusError(f"{name}: sources: there is no text to train on")
        return replace(
            config,
            sources=tuple(replace(one, path=data / one.path) for one in config.sources),
            validation=tuple(data / path for path in config.validation),
            word_forms=config.word_forms and data / config.word_forms,
            word_lists=tuple(data / path for path in config.word_lists),
        )


def read_recipe(recipe: Path) -> dict[str, Any]:
    """A recipe's content. Raises CorpusError where it is not TOML."""
    try:
        return tomllib.loads(recipe.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorpusError(f"{recipe.name} is not TOML: {error}") from error


def _first(error: ValidationError) -> tuple[str, str]:
    """Where the first thing is that is wrong, and what."""
    first = error.errors(include_url=False, include_input=False)[0]
    return ".".join(map(str, first["loc"])), first["msg"]
