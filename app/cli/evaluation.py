"""`evaluate`."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import find_model, model_folder, print_json, print_lines

if TYPE_CHECKING:
    from app.evaluation import Evaluation
    from app.model import Model


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
    keystrokes: Annotated[
        bool,
        typer.Option("--keystrokes", help="Keys saved by 3 and 5 suggestions, letter by letter."),
    ] = False,
    write_card: Annotated[
        bool, typer.Option("--write-card", help="Keep the figures in the model's card.")
    ] = False,
) -> None:
    """Measure how well a model predicts a text.

    Its perplexity, and how often the word that came was suggested.
    """
    from app.folder.write import add_metrics

    loaded = find_model(model)
    if not texts and phrases is None:
        raise typer.BadParameter("name a text file to evaluate on, or --phrases")
    metrics: dict[str, object] = {}
    if texts and keystrokes:
        metrics["keystrokes"] = _evaluate_keystrokes(loaded, texts, as_json)
    elif texts:
        metrics["evaluation"] = _evaluate_texts(loaded, texts, as_json)
    if phrases is not None:
        metrics["phrases"] = _evaluate_phrases(loaded, phrases, as_json)
    if write_card:
        add_metrics(model_folder(model), metrics)


def _evaluate_texts(model: "Model", texts: list[Path], as_json: bool) -> dict[str, object]:
    from app.evaluation import evaluate as measure
    from app.logs import in_unicode
    from app.training.text.corpus import read_lines

    parts = {in_unicode(text.name): [text] for text in texts}
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


def _evaluate_keystrokes(model: "Model", texts: list[Path], as_json: bool) -> dict[str, object]:
    from app.keystrokes import keystrokes
    from app.logs import in_unicode
    from app.training.text.corpus import read_lines

    names = " ".join(text.name for text in texts)
    figures: dict[str, object] = {"command": f"unrolled evaluate {model.id} --keystrokes {names}"}
    for text in texts:
        name, saved = in_unicode(text.name), {}
        for slots, fresh in ((3, False), (3, True), (5, False), (5, True)):
            one = keystrokes(model, read_lines(text), slots, fresh=fresh)
            saved[f"{slots} slots{', fresh' if fresh else ''}"] = round(one.saved, 4)
        if as_json:
            print_json({"model": model.id, "text": name, "words": one.words, "saved": saved})
        else:
            listed = ", ".join(f"{slots} {share:.2%}" for slots, share in saved.items())
            print_lines([f"{name}: keys saved with {listed}, {one.words} words"])
        figures[name] = saved
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
