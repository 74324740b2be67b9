"""A whole training run: corpus -> vocabulary -> fit -> model folder."""

import platform
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.errors import CorpusError, OtherRun
from app.folder.write import sha256_of
from app.text.vocabulary import Vocabulary
from app.training.config import TrainConfig
from app.training.continuation import continued, shape_of_trained, teacher_of
from app.training.export import publish
from app.training.fit import Fit, Report, shape_of
from app.training.network.bptt import Batch, Teacher, Unrolled
from app.training.network.narrowing import narrowed, without_slow_units
from app.training.network.parameters import Parameters, between, sharpened
from app.training.text.batches import (
    Batches,
    Drawing,
    Repeated,
    RunningBatches,
    SentenceBatches,
    padded_batch,
)
from app.training.text.collocations import Collocations
from app.training.text.corpus import (
    Encoded,
    build_vocabulary,
    count_words,
    encode_file,
    training_lines,
    validation_lines,
)
from app.training.text.smoothing import Smoothing
from app.training.validation import best_factor, best_share, perplexity

CHECKPOINT = "checkpoint.npz"
_VALIDATION_BATCH = 64  # lines at a time
_SAMPLE = 500  # lines of each text, by which a narrowed network is cut
_DRAWS = 8  # words for every place: fewer are noise, and more cost time


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a run ends with; `perplexity` is the kept weights' on the validation text."""

    folder: Path
    perplexity: float
    epochs: float
    steps: int
    seconds: float
    words: int  # of the training text


def workspace_of(out: Path) -> Path:
    """Where a run keeps its encoded text and checkpoints: hidden, beside the model folder."""
    return out.with_name(f".{out.name}.run")


def train(
    config: TrainConfig,
    out: Path,
    report: Report,
    *,
    resume: bool = False,
    command: str = "unrolled train",
) -> TrainResult:
    """Train a model and publish it as the folder `out`, at once and complete.

    A killed run leaves `out` as it was; `resume` goes on from its last checkpoint, with as many
    threads to the same result. The card says which `command` that was. Raises CorpusError for a
    text that cannot be trained on, or shares of more than the loss, ModelError for a model that
    cannot be gone on from, OtherRun where there is no
    checkpoint to go on from, or another configuration's.
    """
    if config.teacher is None:  # so says the card, and so does the checkpoint
        untaught = tuple(replace(source, taught=None) for source in config.sources)
        config = replace(config, taught=0.0, sources=untaught)
    most = max(_taught(config))
    if most + config.smoothed > 1:
        raise CorpusError(
            f"more than the loss: {most:g} is taught and {config.smoothed:g} smoothed"
        )
    known = None if config.initial is None else continued(config.initial, config)
    if known is None:
        if config.slow_units > config.units:
            raise CorpusError(f"{config.slow_units} slow units are more than {config.units} units")
        vocabulary = build_vocabulary(count_words(config), config)
    else:
        config, vocabulary = known.config, known.vocabulary
    teacher, teaching = None, None
    if config.teacher is not None:
        teacher, teaching = teacher_of(config.teacher, config, vocabulary)
    workspace = workspace_of(out)
    if resume and not (workspace / CHECKPOINT).is_file():
        raise OtherRun(f"{out} has no run to go on with; without --resume one begins")
    if not resume:
        shutil.rmtree(workspace, ignore_errors=True)
    workspace.mkdir(parents=True, exist_ok=True)
    try:
        fit, words = prepare(
            config, vocabulary, workspace, known.parameters if known else None, teacher
        )
    except CorpusError:
        if not resume:
            shutil.rmtree(workspace, ignore_errors=True)
        raise
    if resume:
        fit.resume()
    started = time.time()
    best, reached, finishing = _finished(fit, fit(report))
    run = fit.run
    publish(
        out,
        config,
        fit.shape,
        best,
        vocabulary,
        training={
            "command": command,
            **_facts(fit, words, started),
            **finishing,
            **({"started_from": known.facts} if known else {}),
            **({"taught_by": teaching} if teaching else {}),
        },
        metrics={"validation_perplexity": round(reached, 3)},
        curve=run.curve,
    )
    shutil.rmtree(workspace, ignore_errors=True)
    epochs = min(config.epochs, float(run.epoch))
    return TrainResult(out, reached, epochs, run.step, run.seconds, words)


def _finished(fit: Fit, best: Parameters) -> tuple[Parameters, float, dict[str, float]]:
    """What the held-out text makes of the best weights, their perplexity then, and the card's
    facts about it: the share that the weights the run began with have, and the logits' factor.
    """
    reached = fit.run.best_perplexity
    carry, facts = fit.batches.carries_state, {}
    if fit.initial is not None:
        share, reached = best_share(fit.shape, fit.initial, best, fit.validation, carry=carry)
        best = between(fit.initial, best, share)
        facts["of_the_start"] = share
    if fit.config.calibrated:
        factor = best_factor(Unrolled(fit.shape, best), fit.validation, carry=carry)
        best = sharpened(best, fit.shape, factor)
        reached = perplexity(Unrolled(fit.shape, best), fit.validation, carry=carry)
        facts["calibrated_by"] = round(factor, 4)
    return best, reached, facts


def prepare(
    config: TrainConfig,
    vocabulary: Vocabulary,
    workspace: Path,
    initial: Parameters | None = None,
    teacher: Teacher | None = None,
) -> tuple[Fit, int]:
    """Encode the text and set up the run; also the number of training words.

    Raises CorpusError where the text is smaller than one window, or where collocations are asked
    for and no sentence has a start.
    """
    texts = []
    for number, source in enumerate(config.sources):
        lines = training_lines(source.path, config)
        encoded = encode_file(lines, vocabulary, config, workspace / f"train-{number}.ids")
        texts.append((encoded, source.weight))
    held_out = encode_file(validation_lines(config), vocabulary, config, workspace / "valid.ids")
    if not len(held_out):  # validated on the training text, which it is surest of
        config = replace(config, calibrated=False, interpolated=False)
    words = sum(len(text.ids) for text, _ in texts)
    _check_size(words, max(int(text.lengths.max(initial=0)) for text, _ in texts), config)
    start = vocabulary.id_of(config.start)
    if config.narrowed and initial is not None:
        initial = _narrowed(config, [text for text, _ in texts], start, initial)
    drawing, repeated = None, None
    if config.smoothed or config.collocations:
        smoothing = Smoothing([text for text, _ in texts], start)
        if config.smoothed:
            drawing = Drawing(smoothing, _DRAWS, config.smoothed)
        if config.collocations:
            repeated = _repeated(config, vocabulary, smoothing, initial)
    batches: Batches
    if config.context == "running":
        window = config.max_length
        batches = RunningBatches(
            joined(texts), config.sequences, window, start, config.seed, drawing
        )
        columns = RunningBatches(held_out if len(held_out) else texts[0][0], 10, window, start, 0)
        validation: Sequence[Batch] = list(columns.epoch(0))
    else:
        taught = [] if teacher is None else _taught(config)
        batches = SentenceBatches(
            texts, config.batch_size, start, config.seed, drawing, repeated, taught
        )
        validation = sentence_batches(held_out if len(held_out) else texts[0][0], start)
    classes = len(vocabulary) + 1
    checkpoint = workspace / CHECKPOINT
    return Fit(config, classes, batches, validation, checkpoint, initial, teacher), words


def _taught(config: TrainConfig) -> list[float]:
    """The teacher's share of the loss, of every source and of what is repeated."""
    shares = [config.taught if one.taught is None else one.taught for one in config.sources]
    return [*shares, config.taught]


def _narrowed(
    config: TrainConfig, texts: Sequence[Encoded], start: int | None, initial: Parameters
) -> Parameters:
    """The weights to begin with, cut to the run's sizes by what some lines of each text make."""
    if config.context == "running":
        raise CorpusError("what is narrowed reads sentences, not a running text")
    some = [batch for text in texts for batch in sentence_batches(text.some(_SAMPLE), start)]
    shape = shape_of_trained(initial)
    if config.slow_units < shape.slow:
        initial, shape = without_slow_units(initial, shape, some)
    return narrowed(initial, shape, some, config.embedding, config.projection)


def _repeated(
    config: TrainConfig, vocabulary: Vocabulary, text: Smoothing, initial: Parameters | None
) -> Repeated | None:
    """The text's collocations, as far as the network to begin with does not say them."""
    if config.start is None or config.context == "running":
        raise CorpusError("collocations are repeated from the start of a sentence: there is none")
    marks = [vocabulary.word_to_id[mark] for mark in config.marks]
    found = Collocations.of(text, marks)
    if initial is not None:
        net = Unrolled(shape_of(config, len(vocabulary) + 1), initial)
        found = found.unsaid(net, vocabulary.word_to_id[config.start])
    return found.repeated(config.collocations) if len(found) else None


def _check_size(words: int, longest: int, config: TrainConfig) -> None:
    if config.context == "running" and words <= config.max_length:
        raise CorpusError(
            f"the corpus is smaller than one window: {words} words, {config.max_length} timesteps"
        )
    if longest < 2:
        raise CorpusError("the corpus is smaller than one window: no line has two words")


def joined(texts: Sequence[tuple[Encoded, float]]) -> Encoded:
    """Several encoded texts behind each other, in memory."""
    if len(texts) == 1:
        return texts[0][0]
    offsets = np.cumsum([0, *(len(text.ids) for text, _ in texts[:-1])])
    ends = [text.ends + offset for (text, _), offset in zip(texts, offsets, strict=True)]
    return Encoded(np.concatenate([text.ids for text, _ in texts]), np.concatenate(ends))


def sentence_batches(text: Encoded, start: int | None) -> list[Batch]:
    """All lines of a text, like lengths together."""
    order = np.argsort(text.lengths, kind="stable")
    ends, lengths = text.ends, text.lengths
    lines = [text.ids[ends[at] - lengths[at] : ends[at]] for at in order]
    return [
        padded_batch(lines[begin : begin + _VALIDATION_BATCH], start)
        for begin in range(0, len(lines), _VALIDATION_BATCH)
    ]


def _facts(fit: Fit, words: int, started: float) -> dict[str, object]:
    """What was done, which is what `fit` was told and not always what the caller asked for."""
    config, run = fit.config, fit.run
    sources = [
        {
            "file": source.path.name,
            "weight": source.weight,
            **({} if source.taught is None else {"taught": source.taught}),
            "sha256": sha256_of(source.path),
        }
        for source in config.sources
    ]
    return {
        "sources": sources,
        "words": words,
        "seed": config.seed,
        "steps": run.step,
        "resumed": run.resumed,
        "seconds": round(run.seconds),
        "hours": round(run.seconds / 3600, 2),
        "finished": time.strftime("%Y-%m-%d", time.gmtime(started + 1)),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "recipe": config.options,
    }
