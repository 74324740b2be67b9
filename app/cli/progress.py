"""A training run on the screen: a bar in a terminal, lines in a pipe, TensorBoard on request."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from app.errors import MissingDependency
from app.training.fit import Progress as Step
from app.training.fit import Report

_SECONDS_BETWEEN_LINES = 30.0


@contextlib.contextmanager
def watching(tensorboard: Path | None) -> Iterator[Report]:
    """A report for `train`, and what it shows for as long as the run goes on."""
    logged = _tensorboard(tensorboard) if tensorboard else contextlib.nullcontext(_nowhere)
    shown = _bar() if sys.stderr.isatty() else contextlib.nullcontext(_lines())
    with logged as log, shown as show:

        def report(step: Step) -> None:
            log(step)
            show(step)

        yield report


def _nowhere(_: Step) -> None:
    """A report to nobody."""


@contextlib.contextmanager
def _bar() -> Iterator[Report]:
    columns = (BarColumn(bar_width=10), TextColumn("{task.fields[facts]}"))
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("train", total=1.0, facts="reading the text")
        validation = ""

        def report(step: Step) -> None:
            nonlocal validation
            if step.validation is not None:
                validation = f", validation {step.validation:.1f}"
            progress.update(
                task, completed=step.epoch / step.epochs, facts=_facts(step, validation)
            )

        yield report


def _lines() -> Report:
    last = 0.0

    def report(step: Step) -> None:
        nonlocal last
        now = time.monotonic()
        if step.validation is None and now - last < _SECONDS_BETWEEN_LINES:
            return
        last = now
        validation = "" if step.validation is None else f", validation {step.validation:.2f}"
        sys.stderr.write(_facts(step, validation) + "\n")

    return report


def _facts(step: Step, validation: str) -> str:
    """At most 80 characters, a bar's place left in a terminal of them."""
    left = f"{max(step.seconds_left, 0) / 60:.0f} min left"
    return (
        f"epoch {step.epoch:.2f}/{step.epochs:g}, perplexity {step.perplexity:.1f}{validation}, "
        f"{step.words_per_second:,.0f} words/s, {left}"
    )


@contextlib.contextmanager
def _tensorboard(folder: Path) -> Iterator[Report]:
    try:
        from tensorboard.summary import Writer
    except ImportError as error:
        raise MissingDependency(
            "TensorBoard logs need TensorBoard: pip install 'unrolled[tensorboard]'"
        ) from error
    writer = Writer(str(folder))

    def report(step: Step) -> None:
        writer.add_scalar("loss", step.loss, step.step)
        writer.add_scalar("words_per_second", step.words_per_second, step.step)
        if step.validation is not None:
            writer.add_scalar("validation_perplexity", step.validation, step.step)

    try:
        yield report
    finally:
        writer.close()
