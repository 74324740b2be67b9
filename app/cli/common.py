"""What the commands share: finding models and phrases, printing errors and JSON."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.errors import (
    CorpusError,
    HelperDied,
    MissingDependency,
    ModelError,
    ModelNotFound,
    OtherRun,
    RequestError,
    SettingsError,
    UnknownWords,
    UnrolledError,
)

if TYPE_CHECKING:
    from app.model import Model

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="A model's name, or its folder; else UNROLLED_DEFAULT_MODEL, english, or the first.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document a line.")]
TopKOption = Annotated[int, typer.Option("--top-k", "-k", min=1, help="Words to show.")]
Phrases = Annotated[
    list[str] | None, typer.Argument(help="Phrases; none reads one a line from standard input.")
]

_EXIT_CODES: tuple[tuple[type[UnrolledError], int], ...] = (
    (ModelNotFound, 3),
    (ModelError, 3),
    (RequestError, 4),
    (CorpusError, 5),
    (MissingDependency, 6),
    (OtherRun, 2),
    (SettingsError, 2),
    (HelperDied, 8),
)


def exit_code_of(error: UnrolledError) -> int:
    """The exit code that stands for an error."""
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1)


def show_error(error: UnrolledError, *, as_json: bool = False) -> None:
    """Write an error to standard error: a sentence, or a problem document."""
    if as_json:
        from app.http.problems import encode, problem

        sys.stderr.write(encode(problem(error)).decode() + "\n")
        return
    sys.stderr.write(f"unrolled: {error}\n")
    if isinstance(error, UnknownWords):
        for unknown in error.unknown:
            if unknown.suggestions:
                sys.stderr.write(f"  {unknown.word!r}: {', '.join(unknown.suggestions)}?\n")


def each_phrase(phrases: list[str] | None) -> Iterator[str]:
    """The phrases given, or the lines of standard input; bytes that are no UTF-8 become U+FFFD."""
    given = map(os.fsencode, phrases) if phrases else sys.stdin.buffer
    yield from (line.rstrip(b"\r\n").decode("utf-8", "replace") for line in given)


def as_text(argument: str) -> str:
    """What a command line gives as a text, bytes that are no UTF-8 as U+FFFD."""
    return os.fsencode(argument).decode("utf-8", "replace")


def find_model(name: str | None) -> "Model":
    """Load one model. Raises ModelError."""
    from app.folder.read import load_model
    from app.settings import read_settings

    return load_model(model_folder(name), read_settings().engine)


def model_folder(name: str | None) -> Path:
    """A model's folder from its path, or its name in the models folder; the default for None.

    Raises ModelError where there is none.
    """
    from app.folder.files import resolved
    from app.settings import read_settings

    settings = read_settings()
    if name is not None and not name.strip():  # of a variable that is not set, perhaps
        raise ModelError("the name of the model is empty")
    if name is not None and (Path(name) / "model.keras").exists():
        return resolved(Path(name))
    folder = settings.models_dir / (
        name or settings.default_model or _first_model(settings.models_dir)
    )
    if not folder.is_dir():
        raise ModelError(f"there is no model {name!r} in {settings.models_dir}, nor such a folder")
    return folder


def _first_model(folder: Path) -> str:
    from app.settings import PREFERRED_MODEL

    names = sorted(path.parent.name for path in folder.glob("[!.]*/model.keras"))
    if not names:
        raise ModelError(f"there is no model in {folder}")
    return PREFERRED_MODEL if PREFERRED_MODEL in names else names[0]


def print_json(answer: Any) -> None:
    """One line of JSON, with the field names of the HTTP answers."""
    import orjson

    sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY).decode() + "\n")


def print_lines(lines: Iterable[str]) -> None:
    """Lines as they are, for a terminal or a pipe."""
    for line in lines:
        sys.stdout.write(line + "\n")
