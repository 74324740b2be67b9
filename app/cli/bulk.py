"""`predict --input`: a run over a whole file, and how it is going on the screen."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from app.cli.common import find_model, model_folder

if TYPE_CHECKING:
    from app.bulk.run import Progress, Report

_SECONDS_BETWEEN_LINES = 10.0


def predict_file(
    phrases: list[str] | None,
    name: str | None,
    top_k: int,
    prefix: str | None,
    source: Path | None,
    output: Path | None,
    column: str | None,
    workers: int,
    ray: str | None,
) -> None:
    """Answer a file into a file; the same again goes on where it ended."""
    if source is None or output is None or phrases:
        raise typer.BadParameter("--input and --output go together, without phrases beside them")
    if output.name.lower().removesuffix(".gz").endswith((".csv", ".parquet")):
        raise typer.BadParameter(f"{output} would hold lines of JSON: name it .jsonl")
    # Before NumPy is imported: its threads would compete with the workers for the cores.
    from app import one_thread  # noqa: F401
    from app.bulk.predict import Question
    from app.bulk.run import here, in_processes, run
    from app.bulk.source import Source

    question = Question(top_k, prefix)
    file = Source(source, column)
    model = find_model(name)
    if ray is not None:
        from app.bulk.cluster import on_cluster

        spread = on_cluster(model_folder(name), model, question, ray)
    else:
        spread = in_processes(model, question, workers) if workers > 1 else here(model, question)
    with _shown() as report:
        try:
            done = run(file, output, model, question, spread, report)
        except KeyboardInterrupt:
            typer.echo(f"{output}: stopped; the same command goes on from what is done", err=True)
            raise
    typer.echo(f"{output}: {done.lines} lines, {done.problems} of them problems", err=True)


@contextlib.contextmanager
def _shown() -> Iterator["Report"]:
    """A bar in a terminal, lines in a pipe."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TextColumn("{task.fields[facts]}"))
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("predict", total=1.0, facts="reading")
        yield lambda step: bar.update(task, completed=step.read, facts=_facts(step))


def _lines() -> "Report":
    last = 0.0

    def report(step: "Progress") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            sys.stderr.write(_facts(step) + "\n")

    return report


def _facts(step: "Progress") -> str:
    facts = f"{step.lines:,} lines, {step.read:.1%}, {step.rate:,.0f} phrases/s"
    if step.problems:
        facts += f", {step.problems:,} problems"
    if step.seconds_left is None:
        return facts
    minutes, seconds = divmod(round(step.seconds_left), 60)
    return f"{facts}, {minutes}:{seconds:02} left"
