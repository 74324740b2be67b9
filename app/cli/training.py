"""`train`."""

import dataclasses
import math
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.common import as_text, print_lines
from app.cli.options import with_options
from app.errors import ModelError

if TYPE_CHECKING:
    from app.training.config import TrainConfig
    from app.training.run import TrainResult

_OF_THE_MODEL = (
    "max_length",
    "layers",
    "tied",
    "tokenizer",
    "lowercase",
    "unknown",
    "start",
    "number",
)
_SIZES = "vocabulary_size", "embedding", "units", "slow_units"  # which a model may be grown to
_OF_STAGES = {"recipe", "data", "resume", "tensorboard"}  # they go on where they stopped anyway
_RECIPES = Path(__file__).parent.parent / "training" / "recipes"


@with_options
def train(
    corpus: Annotated[
        list[Path] | None, typer.Argument(help="Text files, one sentence a line, plain or .gz.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The model folder to write.")] = Path("models/mine"),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model that is there.")
    ] = False,
    notebook: Annotated[
        bool, typer.Option("--notebook", help="Replay the notebook, step by step (TensorFlow).")
    ] = False,
    recipe: Annotated[
        str | None, typer.Option(help="A recipe's name, or a TOML file; its stages, one by one.")
    ] = None,
    words: Annotated[
        bool,
        typer.Option("--words", help="Train nothing: write a recipe's words into --out's card."),
    ] = False,
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
    resume: Annotated[bool, typer.Option("--resume", help="Go on after a kill.")] = False,
    tensorboard: Annotated[Path | None, typer.Option(help="Folder of TensorBoard logs.")] = None,
    **options: Any,
) -> None:
    """Train a model on text and publish its folder."""
    # Before NumPy is imported: another number of threads would round otherwise, and learn another
    # model; for more cores there is --threads.
    from app import one_thread  # noqa: F401

    texts = {name: as_text(one) for name, one in options.items() if isinstance(one, str)}
    given = {name: value for name, value in options.items() if value is not None} | texts
    path = None if recipe is None else _recipe(recipe)
    beside = {
        "words": words,
        "notebook": notebook,
        "recipe": recipe,
        "CORPUS": corpus,
        "from": initial,
        "teacher": teacher,
        "data": data != Path(),
        "resume": resume,
        "tensorboard": tensorboard,
    }
    _check_obeyed([*(name for name, value in beside.items() if value), *given], path)
    if words:
        _write_words(path, data, out)
        return
    _check_out(out, overwrite=overwrite)
    if notebook:
        _replay(out, given)
        return
    if initial is not None:
        _check_going_on(given)
        given["initial"] = initial
    if teacher is not None:
        given["teacher"] = teacher
    command = "unrolled train" + (f" --recipe {Path(recipe).stem}" if recipe else "")
    if path is not None and not given:
        _run_stages(path, data, out, tensorboard, command)
        return
    config = _configuration(corpus or [], path, data, given)
    command += f" --from {initial.name}" if initial else ""
    command += f" --teacher {teacher.name}" if teacher else ""
    _run(config, out, resume, tensorboard, command)


def _check_obeyed(asked: Collection[str], recipe: Path | None) -> None:
    """Raises BadParameter for an option that the run would pass over."""
    everything = {*asked}
    if "words" in asked:
        obeyed, where = {"words", "recipe", "data"}, "with --words, which trains nothing"
    elif "notebook" in asked:
        obeyed, where = {"notebook", "epochs", "seed"}, "with --notebook"
    elif recipe is None:
        obeyed, where = everything - {"data"}, "without a --recipe"
    elif _has_stages(recipe):
        obeyed, where = _OF_STAGES, "with a --recipe in stages, each of which says its own"
    else:
        obeyed, where = everything - {"CORPUS"}, "with a --recipe, which names its own texts"
    for name in asked:
        if name not in obeyed:
            option = name if name.isupper() else f"--{name.replace('_', '-')}"
            raise typer.BadParameter(f"it has no effect {where}", param_hint=option)


def _has_stages(recipe: Path) -> bool:
    from app.training.config import read_recipe

    return "stage" in read_recipe(recipe)


def _replay(out: Path, given: dict[str, Any]) -> None:
    from app.training.config import TrainConfig
    from app.training.replay import replay

    config = TrainConfig(epochs=500).changed(given)
    replay(out, epochs=math.ceil(config.epochs), seed=config.seed)


def _write_words(recipe: Path | None, data: Path, out: Path) -> None:
    """What a recipe says of words may change without another training."""
    from app.training.config import TrainConfig
    from app.training.export import write_words

    if recipe is None:
        raise typer.BadParameter("--words are those of a --recipe")
    write_words(out, TrainConfig.from_recipe(recipe, data))
    print_lines([f"{out}: its card has the recipe's words"])


def _check_going_on(given: dict[str, Any]) -> None:
    """Raises BadParameter for an option that the model to go on from decides."""
    if decided := [name for name in _OF_THE_MODEL if name in given]:
        option = decided[0].replace("_", "-")
        raise typer.BadParameter(f"--from keeps the model's own, there is no --{option} beside it")


def _check_out(out: Path, *, overwrite: bool) -> None:
    """A model folder that is there is replaced where that is asked; anything else never is."""
    from app.folder.read import check_name

    try:
        check_name(out)
    except ModelError as error:
        raise typer.BadParameter(str(error), param_hint="--out") from error
    if not out.name or (out.exists() and not _is_replaceable(out)):
        raise typer.BadParameter(f"{out} is there, and is not a model", param_hint="--out")
    if (out / "model.keras").is_file() and not overwrite:
        raise typer.BadParameter(f"{out} has a model; --overwrite replaces it", param_hint="--out")


def _is_replaceable(out: Path) -> bool:
    return out.is_dir() and ((out / "model.keras").is_file() or not any(out.iterdir()))


def _recipe(recipe: str) -> Path:
    path = Path(recipe) if recipe.endswith(".toml") else _RECIPES / f"{recipe}.toml"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in _RECIPES.glob("*.toml")))
        raise typer.BadParameter(f"there is no recipe {recipe!r}; there are {known}")
    return path


def _configuration(
    corpus: list[Path], recipe: Path | None, data: Path, given: dict[str, Any]
) -> "TrainConfig":
    from app.training.config import Source, TrainConfig

    if recipe is not None:
        config = TrainConfig.from_recipe(recipe, data).changed(given)
    elif corpus:
        config = TrainConfig(sources=tuple(Source(path) for path in corpus)).changed(given)
    else:
        raise typer.BadParameter("name a text file to train on, or a --recipe")
    if "initial" in given and any(name in given for name in _SIZES):
        # Without a recipe, what is not asked for stays, rather than grow to the usual size.
        kept: dict[str, Any] = {} if recipe else {name: 0 for name in _SIZES if name not in given}
        config = dataclasses.replace(config, grow=True, **kept)
    if "taught" in given and config.teacher is None:
        raise typer.BadParameter("it has no effect without a --teacher", param_hint="--taught")
    if config.start is not None and config.start == config.unknown:
        raise typer.BadParameter("--start and --unknown are the same word")
    return config


def _run_stages(
    recipe: Path, data: Path, out: Path, tensorboard: Path | None, command: str
) -> None:
    from app.cli.progress import watching
    from app.training.stages import run_stages, stages_of

    stages = stages_of(recipe, data, out)

    def report_of(number: int) -> "Any":
        print_lines([f"stage {number + 1} of {len(stages)}: {stages[number].name}"])
        return watching(tensorboard)

    _tell(run_stages(stages, report_of, command))


def _run(
    config: "TrainConfig", out: Path, resume: bool, tensorboard: Path | None, command: str
) -> None:
    from app.cli.progress import watching
    from app.training.run import train as run

    with watching(tensorboard) as report:
        result = run(config, out, report, resume=resume, command=command)
    _tell(result)


def _tell(result: "TrainResult") -> None:
    print_lines(
        [
            f"{result.folder}: validation perplexity {result.perplexity:.2f} "
            f"after {result.steps} steps in {result.seconds:.0f} s"
        ]
    )
