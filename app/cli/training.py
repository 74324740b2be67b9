"""`train` and `evaluate`."""

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.common import find_model, model_folder, print_json, print_lines
from app.errors import CorpusError, ModelError

if TYPE_CHECKING:
    from app.evaluation import Evaluation
    from app.model import Model
    from app.training.config import TrainConfig

_OF_THE_MODEL = "max_length", "layers", "tied", "unknown", "start"
_SIZES = "vocabulary_size", "embedding", "units", "slow_units"  # which a model may be grown to
_RECIPES = Path(__file__).parent.parent / "training" / "recipes"


def train(
    corpus: Annotated[
        list[Path] | None, typer.Argument(help="Text files, one sentence a line, plain or .gz.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The model folder to write.")] = Path("models/mine"),
    notebook: Annotated[
        bool, typer.Option("--notebook", help="Replay the notebook, step by step (TensorFlow).")
    ] = False,
    recipe: Annotated[str | None, typer.Option(help="A recipe's name, or a TOML file.")] = None,
    initial: Annotated[
        Path | None,
        typer.Option(
            "--from", help="A model folder to go on from; more words or units let it grow."
        ),
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="A model folder of the same words to learn from as well.")
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder of the recipe's texts.")] = Path(),
    vocabulary_size: Annotated[
        int | None, typer.Option(min=1, help="Words, most frequent.")
    ] = None,
    max_length: Annotated[int | None, typer.Option(min=2, max=4096, help="Timesteps.")] = None,
    embedding: Annotated[int | None, typer.Option(min=1, help="Embedding size.")] = None,
    units: Annotated[int | None, typer.Option(min=1, help="Units of each SimpleRNN.")] = None,
    slow_units: Annotated[
        int | None, typer.Option(min=0, help="Of them: units whose memory fades at a fixed pace.")
    ] = None,
    layers: Annotated[int | None, typer.Option(min=1, max=8, help="SimpleRNN layers.")] = None,
    tied: Annotated[
        bool | None, typer.Option(help="Whether the output shares the embedding.")
    ] = None,
    dropout: Annotated[float | None, typer.Option(min=0, max=0.9, help="Of hidden states.")] = None,
    smoothed: Annotated[
        float | None,
        typer.Option(min=0, max=0.9, help="Share of the loss for what the rest of the text says."),
    ] = None,
    collocations: Annotated[
        float | None,
        typer.Option(min=0, help="Times an epoch repeats what the text always says, the net not."),
    ] = None,
    calibrated: Annotated[
        bool | None,
        typer.Option(help="Whether to end as sure of itself as the held-out text has it."),
    ] = None,
    epochs: Annotated[float | None, typer.Option(min=0.001, help="Passes over the text.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Words a step.")] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=64, help="That share each step; one a core.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="Largest step size.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of all randomness.")] = None,
    validation_split: Annotated[
        float | None, typer.Option(min=0, max=0.9, help="Share of lines held out.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Validations without progress before stopping.")
    ] = None,
    unknown: Annotated[str | None, typer.Option(help='Unknown word; "" for none.')] = None,
    start: Annotated[str | None, typer.Option(help='Start and end mark; "" for none.')] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after a kill.")] = False,
    tensorboard: Annotated[Path | None, typer.Option(help="Folder of TensorBoard logs.")] = None,
) -> None:
    """Train a model on text and publish its folder."""
    # Before NumPy is imported: another number of threads would round otherwise, and learn another
    # model; for more cores there is --threads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _check_out(out)
    if notebook:
        from app.training.replay import replay

        replay(out, epochs=int(epochs or 500), seed=seed or 0)
        return
    given = {
        "initial": initial,
        "teacher": teacher,
        "vocabulary_size": vocabulary_size,
        "max_length": max_length,
        "embedding": embedding,
        "units": units,
        "slow_units": slow_units,
        "layers": layers,
        "tied": tied,
        "dropout": dropout,
        "smoothed": smoothed,
        "collocations": collocations,
        "calibrated": calibrated,
        "epochs": epochs,
        "batch_size": batch_size,
        "threads": threads,
        "learning_rate": learning_rate,
        "seed": seed,
        "validation_split": validation_split,
        "patience": patience,
        "unknown": unknown,
        "start": start,
    }
    if initial and (decided := [name for name in _OF_THE_MODEL if given[name] is not None]):
        option = decided[0].replace("_", "-")
        raise typer.BadParameter(f"--from keeps the model's own, there is no --{option} beside it")
    if initial and any(given[name] is not None for name in _SIZES):
        given["grow"] = True
        if recipe is None:  # what is not asked for stays, rather than grow to the usual size
            given |= {name: given[name] or 0 for name in _SIZES}
    config = _configuration(corpus or [], recipe, data, given)
    if config.start is not None and config.start == config.unknown:
        raise typer.BadParameter("--start and --unknown are the same word")
    command = "unrolled train" + (f" --recipe {Path(recipe).stem}" if recipe else "")
    command += f" --from {initial.name}" if initial else ""
    command += f" --teacher {teacher.name}" if teacher else ""
    _run(config, out, resume, tensorboard, command)


def _check_out(out: Path) -> None:
    """A model folder that is there is replaced; anything else that is there is not."""
    from app.folder.read import check_name

    try:
        check_name(out)
    except ModelError as error:
        raise typer.BadParameter(str(error), param_hint="--out") from error
    if not out.name or (out.exists() and not _is_replaceable(out)):
        raise typer.BadParameter(f"{out} is there, and is not a model", param_hint="--out")


def _is_replaceable(out: Path) -> bool:
    return out.is_dir() and ((out / "model.keras").is_file() or not any(out.iterdir()))


def _configuration(
    corpus: list[Path], recipe: str | None, data: Path, given: dict[str, Any]
) -> "TrainConfig":
    from app.training.config import Source, TrainConfig

    changes = {name: value for name, value in given.items() if value is not None}
    for name in ("unknown", "start"):
        if name in changes:
            changes[name] = changes[name] or None
    if recipe is None:
        if not corpus:
            raise CorpusError("name a text file to train on, or a --recipe")
        return TrainConfig(sources=tuple(Source(path) for path in corpus), **changes)
    path = Path(recipe) if recipe.endswith(".toml") else _RECIPES / f"{recipe}.toml"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in _RECIPES.glob("*.toml")))
        raise CorpusError(f"there is no recipe {recipe!r}; there are {known}")
    return dataclasses.replace(TrainConfig.from_recipe(path, data), **changes)


def _run(
    config: "TrainConfig", out: Path, resume: bool, tensorboard: Path | None, command: str
) -> None:
    from app.cli.progress import watching
    from app.training.run import train as run

    with watching(tensorboard) as report:
        result = run(config, out, report, resume=resume, command=command)
    print_lines(
        [
            f"{result.folder}: validation perplexity {result.perplexity:.2f} "
            f"after {result.steps} steps in {result.seconds:.0f} s"
        ]
    )


def evaluate(
    model: Annotated[str, typer.Argument(help="A model's name, or its folder.")],
    texts: Annotated[
        list[Path] | None, typer.Argument(help="Text files, one sentence a line.")
    ] = None,
    phrases: Annotated[
        Path | None,
        typer.Option(help='TOML: "phrase" = ["words", "any of which should be suggested"].'),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document a text.")] = False,
    write_card: Annotated[
        bool, typer.Option("--write-card", help="Keep the figures in the model's card.")
    ] = False,
) -> None:
    """Measure perplexity and how often the word that came was suggested."""
    from app.folder.write import add_metrics

    loaded = find_model(model)
    if not texts and phrases is None:
        raise CorpusError("name a text file to evaluate on, or --phrases")
    metrics: dict[str, object] = {}
    if texts:
        metrics["evaluation"] = _evaluate_texts(loaded, texts, as_json)
    if phrases is not None:
        metrics["phrases"] = _evaluate_phrases(loaded, phrases, as_json)
    if write_card:
        add_metrics(model_folder(model), metrics)


def _evaluate_texts(model: "Model", texts: list[Path], as_json: bool) -> dict[str, object]:
    from app.evaluation import evaluate as measure
    from app.training.text.corpus import read_lines

    parts = {text.name: [text] for text in texts}
    if len(texts) > 1:
        parts["all"] = texts
    figures: dict[str, object] = {
        "command": " ".join(["unrolled evaluate", model.id, *(text.name for text in texts)])
    }
    for name, paths in parts.items():
        one = measure(model, (line for path in paths for line in read_lines(path)))
        if as_json:
            print_json({"model": model.id, "text": name, **dataclasses.asdict(one)})
        else:
            print_lines([_evaluation_line(name, one)])
        figures[name] = one.as_metrics()
    return figures


def _evaluate_phrases(model: "Model", path: Path, as_json: bool) -> dict[str, object]:
    from app.evaluation import missed_phrases, read_expected

    expected = read_expected(path)
    missed = missed_phrases(model, expected)
    hits = len(expected) - len(missed)
    if as_json:
        print_json({"model": model.id, "phrases": len(expected), "top_3": hits, "missed": missed})
    else:
        suggested = (
            f"  {phrase} → {', '.join(one.word for one in model.predict(phrase, 3).predictions)}"
            for phrase in missed
        )
        print_lines([f"{path.name}: {hits} of {len(expected)} phrases in the first 3", *suggested])
    command = f"unrolled evaluate {model.id} --phrases {path.name}"
    return {"command": command, "phrases": len(expected), "top_3": hits}


def _evaluation_line(name: str, one: "Evaluation") -> str:
    return (
        f"{name}: perplexity {one.perplexity:.2f}, top-1 {one.top_1:.2%}, top-3 {one.top_3:.2%}, "
        f"top-5 {one.top_5:.2%}, {one.words} words in {one.sentences} sentences "
        f"({one.out_of_vocabulary} unknown), {one.words_per_second:.0f} words/s"
    )
