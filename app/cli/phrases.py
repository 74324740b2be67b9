"""`predict`, `suggest`, `explain`, `score`: what a model makes of phrases."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.common import (
    JsonOption,
    ModelOption,
    Phrases,
    TopKOption,
    as_text,
    each_phrase,
    exit_code_of,
    find_model,
    print_json,
    show_error,
)
from app.errors import RequestError

if TYPE_CHECKING:
    from app.model import Model


def predict(
    phrases: Phrases = None,
    model: ModelOption = None,
    top_k: TopKOption = 5,
    prefix: Annotated[str | None, typer.Option(help="Letters typed of the next word.")] = None,
    as_json: JsonOption = False,
    source: Annotated[
        Path | None,
        typer.Option("--input", help="A file of phrases: text, one a line, .csv or .parquet."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Where its predictions go: lines of JSON, .gz if so named.")
    ] = None,
    column: Annotated[str | None, typer.Option(help="Of CSV and Parquet: the phrases.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes for --input.")] = 1,
    ray: Annotated[
        str | None, typer.Option(help="Address of a Ray cluster to spread --input over.")
    ] = None,
) -> None:
    """Suggest the next word, of phrases here or of a whole file."""
    prefix = None if prefix is None else as_text(prefix)
    if source is not None or output is not None:
        from app.cli.bulk import predict_file

        predict_file(phrases, model, top_k, prefix, source, output, column, workers, ray)
        return
    if column is not None or workers > 1 or ray is not None:
        raise typer.BadParameter("--column, --workers and --ray are for --input")
    from app.cli.render import show_prediction

    _answer_each(
        phrases,
        model,
        as_json,
        lambda loaded, phrase: loaded.predict(phrase, top_k, prefix),
        show_prediction,
    )


def suggest(
    texts: Annotated[
        list[str] | None,
        typer.Argument(help="Texts up to the cursor; none reads one a line from standard input."),
    ] = None,
    model: ModelOption = None,
    count: Annotated[int, typer.Option(min=1, max=20, help="Suggestions to show.")] = 3,
    words: Annotated[int, typer.Option(min=1, max=5, help="Words of one, at most.")] = 1,
    min_probability: Annotated[
        float, typer.Option(min=0, max=1, help="Of a phrase, all its words together.")
    ] = 0.1,
    exclude: Annotated[
        list[str] | None, typer.Option(help="A word that is not to be suggested.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Leave out what fewer letters would have shown.")
    ] = False,
    recent: Annotated[str, typer.Option(help="What was written before: its words lead.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Complete, correct, or go on, as a text box would."""
    from app.cli.render import show_suggestions
    from app.suggesting.place import Asked
    from app.suggesting.running import run
    from app.suggesting.suggester import suggester_of

    def answer(loaded: "Model", text: str) -> Any:
        excluded = tuple(map(as_text, exclude or ()))
        asked = Asked(text, count, words, min_probability, excluded, fresh, as_text(recent))
        return run(suggester_of(loaded).suggest(asked), loaded.probabilities)

    _answer_each(texts, model, as_json, answer, show_suggestions)


def explain(
    phrases: Phrases = None,
    model: ModelOption = None,
    top_k: TopKOption = 5,
    as_json: JsonOption = False,
) -> None:
    """Show every step of the arithmetic, as the notebook does by hand."""
    from app import inspection
    from app.cli.render import show_explanation

    _answer_each(
        phrases,
        model,
        as_json,
        lambda loaded, phrase: inspection.explain(loaded, phrase, top_k),
        show_explanation,
    )


def score(phrases: Phrases = None, model: ModelOption = None, as_json: JsonOption = False) -> None:
    """Show how probable each word was, given the words before it."""
    from app import scoring
    from app.cli.render import show_score

    _answer_each(phrases, model, as_json, scoring.score, show_score)


def _answer_each(
    phrases: list[str] | None,
    name: str | None,
    as_json: bool,
    answer: "Callable[[Model, str], Any]",
    show: Callable[["Model", Any], None],
) -> None:
    """Answer every phrase; one that cannot be answered is reported, and the others go on."""
    model = find_model(name)
    code = 0
    for phrase in each_phrase(phrases):
        try:
            answered = answer(model, phrase)
        except RequestError as error:
            show_error(error, as_json=as_json)
            code = exit_code_of(error)
            continue
        if as_json:
            print_json(answered)
        else:
            show(model, answered)
    if code:
        raise typer.Exit(code)
