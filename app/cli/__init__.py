"""The `unrolled` command. Exit codes:

0 done · 1 a fault of ours · 2 the command was used wrongly · 3 a model cannot be loaded ·
4 a phrase cannot be answered · 5 a text cannot be used · 6 an optional package
is missing · 7 a file cannot be read or written · 8 a process of the run was killed ·
130 interrupted

Commands import what they need when they run, so that `--help` costs nothing.
"""

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from app import __version__
from app.cli.common import exit_code_of, show_error
from app.errors import UnrolledError

_COMMANDS = {
    "serve": "models.serve",
    "models": "shelf.models",
    "plan": "plan.plan",
    "predict": "phrases.predict",
    "suggest": "phrases.suggest",
    "explain": "phrases.explain",
    "score": "phrases.score",
    "compare": "looks.compare",
    "diagram": "looks.diagram",
    "train": "training.train",
    "evaluate": "evaluation.evaluate",
    "check": "models.check",
    "inspect": "models.inspect",
    "import": "importing.import_",
}


_PLAIN: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}


class _Commands(TyperGroup):
    """The commands, each made when it is asked for: `train`'s options take a tenth of a second."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = dict.fromkeys(_COMMANDS)  # their names, in order

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name, None where there is none."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, function = _COMMANDS[cmd_name].partition(".")
        alone = typer.Typer(add_completion=False, **_PLAIN)
        alone.command(cmd_name)(getattr(import_module(f"app.cli.{module}"), function))
        return get_command(alone)


app = typer.Typer(name="unrolled", cls=_Commands, no_args_is_help=True, **_PLAIN)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"unrolled {__version__}")
        raise typer.Exit


@app.callback()
def before_any_command(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show it and exit.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Next-word prediction you can look inside."""
    # What reads our output may have seen enough: end then, as `cat` does, without a word.
    if context.invoked_subcommand != "serve" and hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def main() -> None:
    """Run the command; an error is one sentence on standard error and an exit code."""
    _open_streams()
    sys.exit(run(app))


class _Said(io.TextIOWrapper):
    """Standard error where a disk may be full: what cannot be written there is no other error.

    Not a raw stream: a signal's handler that runs inside one finds the buffer locked.
    """

    def write(self, said: str) -> int:
        """Write it, or not."""
        with contextlib.suppress(OSError):
            super().write(said)
        return len(said)

    def flush(self) -> None:
        """Write what was not, or leave it."""
        with contextlib.suppress(OSError):
            super().flush()


def _open_streams() -> None:
    """Have JSON, SVG and bars leave as UTF-8 whatever the locale is, and names of files that are no
    text escaped. A stream that is closed is empty: the next file would get its number.
    """
    if sys.stderr is sys.__stderr__ and sys.stderr is not None:
        said = io.BufferedWriter(io.FileIO(sys.stderr.fileno(), "w", closefd=False))
        sys.stderr = _Said(said, line_buffering=True)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def run(command: Callable[..., Any]) -> int:
    """Run a command line, and turn its errors into exit codes."""
    try:
        command(standalone_mode=True)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except UnrolledError as error:
        show_error(error)
        return exit_code_of(error)
    except OSError as error:
        sys.stderr.write(f"unrolled: {error.filename or 'a file'}: {error.strerror or error}\n")
        return 7
    except KeyboardInterrupt:
        return 130
    return 0
