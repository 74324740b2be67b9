"""The training loop: batches in, best weights out. Knows ids, not words, and no file but its own
checkpoint.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.training.checkpoint import Run, describe, load, save
from app.training.config import TrainConfig
from app.training.network.bptt import Batch, Teacher, Unrolled
from app.training.network.dropout import Dropout
from app.training.network.optimizer import AdamW
from app.training.network.parameters import Parameters, Shape, initialize, keep_fading
from app.training.network.softmax import sample_candidates
from app.training.network.workers import Workers, workers
from app.training.text.batches import Batches
from app.training.validation import perplexity

_SECONDS_BETWEEN_CHECKPOINTS = 120.0
_SECONDS_TO_THE_FIRST = 10.0
_HEAD = 1_000  # classes, the most frequent, that take part in every sampled softmax
_SMOOTHING = 0.98  # of the reported training loss and speed


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run reports after every step; `validation` where it has just been measured."""

    epoch: float
    epochs: float
    step: int
    loss: float  # nats a word, smoothed
    words_per_second: float
    seconds_left: float
    validation: float | None = None  # perplexity

    @property
    def perplexity(self) -> float:
        """Of the training text, with dropout and (mostly) a sampled softmax."""
        return math.exp(min(self.loss, 50.0))


Report = Callable[[Progress], None]


def shape_of(config: TrainConfig, classes: int) -> Shape:
    """The network a configuration describes; a tied one projects back to the embedding."""
    projection = config.embedding if config.tied else config.projection
    return Shape(
        classes,
        config.embedding,
        config.units,
        config.layers,
        projection,
        config.tied,
        config.slow_units,
    )


class Fit:
    """One training run over `batches`, validated on `validation`."""

    def __init__(
        self,
        config: TrainConfig,
        classes: int,
        batches: Batches,
        validation: Sequence[Batch],
        checkpoint: Path | None = None,
        initial: Parameters | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        self.config = config
        self.teacher = teacher
        self.batches = batches
        self.validation = validation
        self.checkpoint = checkpoint
        self.shape = shape_of(config, classes)
        self.fingerprint = describe(_what_counts(config)) + str(classes)
        if teacher is not None:
            self.fingerprint += teacher.fingerprint
        parameters = initial
        if parameters is None:
            parameters = initialize(self.shape, np.random.default_rng((config.seed, 0xE)))
        self.initial = _copy(parameters) if initial is not None and config.interpolated else None
        self.net = Unrolled(self.shape, parameters)
        optimizer = AdamW(config.weight_decay, config.clip_norm, lazy=config.lazy)
        self.run = Run(parameters, _copy(parameters), _copy(parameters), optimizer)
        self.dropout = Dropout(
            config.embedding_dropout,
            config.dropout,
            config.projection_dropout,
            config.word_dropout,
            config.recurrent_dropout,
        )

    def resume(self) -> bool:
        """Go on from the checkpoint, where there is one. Raises OtherRun where it is another's."""
        if self.checkpoint is None or not load(self.checkpoint, self.run, self.fingerprint):
            return False
        self.net.parameters = self.run.parameters
        config = self.config
        self.run.resumed.append(
            {"step": self.run.step, "epochs": config.epochs, "threads": config.threads}
        )
        return True

    def __call__(self, report: Report) -> Parameters:
        """Train to the end; returns the weights that validated best."""
        with workers(self.net, self.dropout, self.teacher, self.config.threads) as team:
            return self._train(team, report)

    def _train(self, team: Workers, report: Report) -> Parameters:
        run, config = self.run, self.config
        pace = _Pace(config)
        every = _SECONDS_BETWEEN_CHECKPOINTS
        saved = time.monotonic() - every + min(every, _SECONDS_TO_THE_FIRST)
        while run.epoch < math.ceil(config.epochs):
            planned = len(self.batches.plan(run.epoch))
            for number, batch in enumerate(self.batches.epoch(run.epoch)):
                position = (run.epoch + number / planned) / config.epochs
                if number < run.batch:
                    continue
                if position >= 1.0 or run.since_best >= config.patience:
                    break
                started = time.perf_counter()
                loss, words = self._step(team, batch, position)
                elapsed = time.perf_counter() - started
                run.batch, run.step = number + 1, run.step + 1
                run.seconds += elapsed
                after = (run.epoch + run.batch / planned) / config.epochs
                validation = self._validate(position, after, run.step)
                report(pace.progress(run, after, loss / words, words / elapsed, validation))
                if self.checkpoint and time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS:
                    save(run, self.checkpoint, self.fingerprint)
                    saved = time.monotonic()
            if run.since_best >= config.patience:
                break
            run.epoch, run.batch = run.epoch + 1, 0
            if self.batches.carries_state:
                run.state = ()
        if self.checkpoint:
            save(run, self.checkpoint, self.fingerprint)
        return run.best

    def _step(self, team: Workers, batch: Batch, position: float) -> tuple[float, int]:
        """One update; returns the summed loss in nats and the number of words predicted."""
        run, config = self.run, self.config
        seed = config.seed, 1, run.step
        sampled = config.sampled if position < 1 - config.full_softmax else 0
        rng = np.random.default_rng(seed)
        candidates = sample_candidates(self.shape.classes, _HEAD, sampled, batch.words, rng)
        state = run.state or self.net.initial_state(batch.ids.shape[1])
        gradients = team.gradients(batch, state, candidates, seed)
        run.optimizer.update(run.parameters, gradients, learning_rate(config, position))
        keep_fading(run.parameters, self.shape)  # the weight decay took some
        if self.batches.carries_state:
            run.state = gradients.state
        self._average()
        return gradients.loss, gradients.count

    def _average(self, every: int = 10) -> None:
        """Running mean of the weights (Polyak and Juditsky 1992), warmed up from the start."""
        step = self.run.step + 1
        if step % every:
            return
        kept = np.float32(min(self.config.averaged**every, step / (step + 10 * every)))
        for name, parameter in self.run.parameters.items():
            mean = self.run.mean[name]
            mean *= kept
            mean += (1 - kept) * parameter

    def _validate(self, before: float, after: float, step: int) -> float | None:
        """Validation perplexity of the mean weights, at even distances over the run."""
        n = self.config.validations
        if math.floor(before * n) == math.floor(after * n) and after < 1.0:
            return None
        run = self.run
        value = perplexity(
            Unrolled(self.shape, run.mean), self.validation, carry=self.batches.carries_state
        )
        run.curve.append({"step": step, "position": after, "perplexity": value})
        if value < run.best_perplexity:
            run.best_perplexity, run.since_best = value, 0
            run.best = _copy(run.mean)
        else:
            run.since_best += 1
        return value


def learning_rate(config: TrainConfig, position: float) -> float:
    """Linear warm-up, then linear decay to 0 at the end of the run (position 1)."""
    if position < config.warmup:
        return config.learning_rate * max(position / config.warmup, 1e-3)
    return config.learning_rate * (1 - position) / (1 - config.warmup)


def _what_counts(config: TrainConfig) -> TrainConfig:
    """The configuration without what does not change the weights, and without the length of the
    run: one that goes on with more epochs follows their learning rates from where it stands. Nor
    do the threads count, so that a run can move to a machine with more cores, though each draws
    its dropout for itself, nor the folders of its texts.
    """
    return replace(
        config,
        epochs=0,
        threads=1,
        sources=tuple(replace(one, path=Path(one.path.name)) for one in config.sources),
        validation=(),
        blocked=(),
        blocked_after=(),
        slips=(),
        usual={},
        shown_as={},
        word_forms=None,
        word_lists=(),
        teacher=None,  # its fingerprint counts, not its folder
        interpolated=False,
        calibrated=False,
        half_precision=False,
        title="",
        description="",
        licence="",
        corpus=None,
    )


def _copy(parameters: Parameters) -> Parameters:
    return {name: array.copy() for name, array in parameters.items()}


class _Pace:
    """Smooths what is reported, and estimates the time left from the share of the run done."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.loss: float | None = None
        self.speed = 0.0
        self.started: tuple[float, float] | None = None

    def progress(
        self, run: Run, position: float, loss: float, speed: float, validation: float | None
    ) -> Progress:
        keep = _SMOOTHING if self.loss is not None else 0.0
        self.loss = keep * (self.loss or 0.0) + (1 - keep) * loss
        self.speed = keep * self.speed + (1 - keep) * speed
        now = time.monotonic()
        if self.started is None:
            self.started = now, position
        begun, at = self.started
        left = (now - begun) / max(position - at, 1e-9) * (1 - position) if position > at else 0.0
        epochs = self.config.epochs
        done = position * epochs
        return Progress(done, epochs, run.step, self.loss, self.speed, left, validation)
