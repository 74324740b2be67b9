"""`import`: a model that somebody has, as a folder that can be served."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.cli.common import as_text, print_lines


class Padding(StrEnum):
    """Where shorter phrases were padded in training."""

    pre = "pre"
    post = "post"
    none = "none"


def import_(
    source: Annotated[
        Path, typer.Argument(help="A .h5 or .keras file, a pickled model, or what to_json() gave.")
    ],
    out: Annotated[Path, typer.Option(help="The model folder to write.")],
    tokenizer: Annotated[
        Path | None,
        typer.Option(
            help="The tokenizer or vocabulary: .pickle, .json, .npy or .txt; not needed where the "
            "network has a TextVectorization."
        ),
    ] = None,
    text: Annotated[
        Path | None,
        typer.Option(help="The text that a Tokenizer was fitted on, where it was not kept."),
    ] = None,
    oov: Annotated[str | None, typer.Option(help="The oov_token of such a Tokenizer.")] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="What save_weights wrote, where the model is what to_json() gave."),
    ] = None,
    padding: Annotated[
        Padding | None, typer.Option(help="Where phrases were padded in training.")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(min=1, max=4096, help="Timesteps, where the network says none.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="The model's title.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model that is there.")
    ] = False,
) -> None:
    """Make a model folder of a Keras model.

    Nothing in its files is executed.
    """
    from app.cli.models import check
    from app.folder.files import resolved
    from app.importing.folder import Wanted, import_model

    title, oov = (None if one is None else as_text(one) for one in (title, oov))
    wanted = Wanted(padding and padding.value, max_length, title, weights, text, oov)
    done = import_model(source, tokenizer, resolved(out), wanted, overwrite=overwrite)
    print_lines(done.taken)
    if done.assumed:
        print_lines(["no file says (model.json can be corrected):"])
        print_lines(f"  {line}" for line in done.assumed)
    print_lines([""])
    check(str(out))
