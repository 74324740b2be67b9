"""`models`: what the models folder holds, and where it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.cli.common import print_json
from app.errors import ModelNotFound


def models(
    models_dir: Annotated[Path | None, typer.Option(help="Folder of model folders.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the models that `serve` would serve, and where they lie."""
    import contextlib
    import logging

    from app.folder.files import resolved
    from app.logs import in_unicode
    from app.serving.repository import Repository
    from app.settings import read_settings

    settings = read_settings(**({} if models_dir is None else {"models_dir": models_dir}))
    logging.getLogger("unrolled").setLevel(logging.CRITICAL)  # what is wrong is said below
    repository = Repository(settings.models_dir, settings.engine, settings.default_model)
    with contextlib.suppress(OSError):  # which is among the problems
        repository.refresh()
    try:
        default = repository.default.id
    except ModelNotFound:
        default = None
    listed = [
        {
            "id": model.id,
            "default": model.id == default,
            "title": model.card["title"],
            "vocabulary_size": len(model.vocabulary),
            "parameters": model.network.parameters,
            "bytes": (settings.models_dir / model.id / "model.keras").stat().st_size,
        }
        for model in sorted(repository.models.values(), key=lambda one: one.id)
    ]
    folder = in_unicode(str(resolved(settings.models_dir)))
    if as_json:
        print_json({"folder": folder, "models": listed, "problems": repository.problems})
    else:
        _show(folder, listed, repository.problems)
    repository.check()


def _show(folder: str, listed: Sequence[Mapping[str, object]], problems: Mapping[str, str]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from app.cli.render import console
    from app.logs import one_line

    table = Table(box=None, pad_edge=False)
    table.add_column("model")
    table.add_column("words", justify="right")
    table.add_column("parameters", justify="right")
    table.add_column("title")
    for one in listed:
        words, parameters = f"{one['vocabulary_size']:,}", f"{one['parameters']:,}"
        mark = " (default)" if one["default"] else ""
        table.add_row(
            escape(f"{one['id']}{mark}"), words, parameters, escape(one_line(str(one["title"])))
        )
    console.print(table)
    for name, why in problems.items():
        console.print(
            f"{escape(one_line(name))} cannot be served: {escape(one_line(why))}", soft_wrap=True
        )
    console.print(f"in {escape(folder)}", soft_wrap=True)
