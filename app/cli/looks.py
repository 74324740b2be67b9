"""`compare` and `diagram`: what the page shows, in a terminal and in a file."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.common import JsonOption, ModelOption, TopKOption, as_text, find_model, print_json

if TYPE_CHECKING:
    from app.answers import Compared

Form = Literal["unrolled", "rolled", "states"]


def compare(
    phrases: Annotated[list[str], typer.Argument(help="Phrases; one alone is put in all orders.")],
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare phrases, or the orders of one.

    As bags of words, as hidden states, by what they make likely.
    """
    from app import inspection, what_if

    loaded = find_model(model)
    phrases = [as_text(phrase) for phrase in phrases]
    if len(phrases) == 1:
        answer = what_if.compare_orders(loaded, phrases[0])
    else:
        answer = inspection.compare(loaded, phrases)
    if as_json:
        print_json(answer)
    else:
        _show(answer)


def _show(answer: "Compared") -> None:
    from rich.markup import escape
    from rich.table import Table

    from app.cli.render import console

    table = Table(box=None, pad_edge=False)
    for heading in ("phrase", "next word", "probability", "state moves", "answer moves"):
        table.add_column(heading, justify="left" if heading in ("phrase", "next word") else "right")
    for row, result in enumerate(answer.results):
        best = result.predictions[0] if result.predictions else None
        table.add_row(
            escape(result.phrase),
            escape(best.word) if best else "–",
            f"{float(best.probability):.2%}" if best else "–",
            f"{float(answer.hidden_state_distance[0, row]):.4f}",
            f"{float(answer.distribution_distance[0, row]):.4f}",
        )
    console.print(table)
    bag = "one bag of words" if answer.same_bag_of_words else "different bags of words"
    console.print(f"[dim]{bag}; both distances are from the first phrase[/]")


def diagram(
    phrase: Annotated[str, typer.Argument(help="A phrase.")],
    model: ModelOption = None,
    form: Annotated[Form, typer.Option(help="What is drawn.")] = "unrolled",
    columns: Annotated[int, typer.Option(min=1, max=40, help="Timesteps on a line.")] = 6,
    top_k: TopKOption = 5,
) -> None:
    """Draw a phrase's way through the network.

    As SVG, on standard output.
    """
    from app import inspection
    from app.pictures import picture

    loaded = find_model(model)
    explained = inspection.explain(loaded, as_text(phrase), top_k)
    sys.stdout.write(picture(form, explained, loaded.network, columns=columns))
