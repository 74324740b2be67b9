"""`serve`, `check`, `inspect`: models as a whole."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import ModelOption, find_model, model_folder, print_json, print_lines
from app.errors import MissingDependency, NotFinite

if TYPE_CHECKING:
    from app.model import Model


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes.")] = None,
    models_dir: Annotated[Path | None, typer.Option(help="Folder of model folders.")] = None,
    default_model: Annotated[str | None, typer.Option(help="Model asked by default.")] = None,
) -> None:
    """Start the service. Further settings are UNROLLED_* environment variables."""
    # Before NumPy is imported: its threads would compete with the event loop for the cores.
    from app import one_thread  # noqa: F401
    from app.server import serve as run
    from app.settings import read_settings

    given = {
        "host": host,
        "port": port,
        "workers": workers,
        "models_dir": models_dir,
        "default_model": default_model,
    }
    settings = read_settings(**{name: value for name, value in given.items() if value is not None})
    raise typer.Exit(run(settings))


def check(
    name: Annotated[str, typer.Argument(help="A model's name, or its folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Validate a model folder.

    It is compared with Keras where TensorFlow is installed.
    """
    # Before TensorFlow is imported: one order of sums on any processor, and no note about it.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    from app.folder.files import resolved
    from app.folder.read import check_name, load_model
    from app.verification import compare_with_keras

    folder = resolved(Path(name))
    if not folder.is_dir():
        folder = model_folder(name)
    check_name(folder)
    model = load_model(folder)
    facts = _facts(model)
    try:
        agreement = compare_with_keras(model.network, model.timesteps)
        facts["largest_difference_from_keras"] = {
            "hidden_states": agreement.hidden_states,
            "probabilities": agreement.probabilities,
            "phrases": agreement.phrases,
        }
    except MissingDependency:
        facts["largest_difference_from_keras"] = None
    try:
        model.rank(model.engine.forward(model.probe).probabilities[0], 1)
    except NotFinite as error:
        facts["warning"] = str(error)
    if as_json:
        print_json({**facts, "warnings": model.warnings})
        return
    print_lines(_summary_lines(model))
    print_lines(f"{name}: {_plain(value)}" for name, value in facts.items())
    print_lines(f"warning: {warning}" for warning in model.warnings)
    print_lines(["this folder can be served"])


def inspect(
    name: Annotated[str | None, typer.Argument(help="A model's name, or its folder.")] = None,
    model: ModelOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Print a model's summary and its card."""
    if name is not None and model is not None:
        raise typer.BadParameter(f"one model at a time: {name}, or -m {model}")
    loaded = find_model(model if name is None else name)
    card = loaded.card
    if as_json:
        print_json({**_facts(loaded), "card": card})
        return
    print_lines(_summary_lines(loaded))
    print_lines([json.dumps(card, ensure_ascii=False, indent=2)])


def _summary_lines(model: "Model") -> list[str]:
    from app.summary import summary

    return summary(model.network, model.timesteps, model.id).splitlines()


def _facts(model: "Model") -> dict[str, object]:
    options = model.options
    return {
        "model": model.id,
        "parameters": model.network.parameters,
        "classes": model.network.classes,
        "vocabulary_size": len(model.vocabulary),
        "max_length": options.max_length,
        "padding": options.padding,
        "truncating": options.truncating,
        "tokenizer": options.tokenizer,
        "lowercase": options.lowercase,
        "unknown": options.unknown,
        "drop_unknown": options.drop_unknown,
        "start": options.start,
        "masks_padding": model.network.mask_zero,
        "fingerprint": model.fingerprint,
    }


def _plain(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    return str(value)
