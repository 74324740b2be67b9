"""Answers for people: bars, tables, and the arithmetic written out."""

from collections.abc import Mapping, Sequence

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.answers import (
    Explained,
    ExplainedStep,
    GatedStep,
    LayerStep,
    Predicted,
    Prediction,
    PrefixPredicted,
    Scored,
    Suggested,
    TermStep,
)
from app.arrays import Floats, Kernel
from app.layers import Recurrent
from app.model import Model
from app.terms import ARITHMETIC

_BAR = 40  # characters of a probability of 1
_SHOWN_UNITS = 4
_STRIP = " ▁▂▃▄▅▆▇█"
console = Console(highlight=False, soft_wrap=True)


def show_prediction(_model: Model, answer: Predicted | PrefixPredicted) -> None:
    """The phrase and bars of its next words."""
    console.print(f"[bold]{escape(answer.phrase)}[/] ____")
    if isinstance(answer, PrefixPredicted):
        share = 100 * float(answer.prefix_mass)
        console.print(f"  [dim]words in {escape(answer.prefix)}… have {share:.2f} %[/]")
    _bars(answer.predictions)


def show_suggestions(_model: Model, answer: Suggested) -> None:
    """The text, what an accepted suggestion leaves of it, and the suggestions."""
    kept = answer.text[: answer.replace[0]]
    typed = f"[dim]{escape(answer.typed)}[/]" if answer.typed else "____"
    console.print(f"[bold]{escape(kept)}[/]{'' if answer.typed else ' '}{typed}")
    shown = [(" ".join(one.words), one) for one in answer.suggestions]
    width = max((len(words) for words, _ in shown), default=0)
    for words, one in shown:
        console.print(f"  {escape(words.ljust(width))}  {float(one.probability):8.4%}  {one.kind}")
    if answer.unknown:
        console.print(f"  [dim]unknown: {escape(', '.join(answer.unknown))}[/]")


def _bars(predictions: Sequence[Prediction]) -> None:
    width = max((len(one.word) for one in predictions), default=0)
    for one in predictions:
        share = float(one.probability)
        bar = "█" * round(_BAR * share) or "▏"
        console.print(f"  {escape(one.word.ljust(width))}  {share:8.4%}  [blue]{bar}[/]")


def show_explanation(model: Model, answer: Explained) -> None:
    """Words, ids, padding, every step's arithmetic, logits and distribution."""
    console.print(f"[bold]{escape(answer.phrase)}[/]")
    console.print(f"  tokens  {escape(' '.join(answer.tokens))}")
    console.print(f"  ids     {list(answer.ids)}")
    dropped = f"   ({answer.dropped} dropped in front)" if answer.dropped else ""
    console.print(f"  padded  {[int(i) for i in answer.padded]}{dropped}")
    console.print(f"  bag of words  {escape(str(answer.bag_of_words))}\n")
    layers = {layer.name: layer for layer in model.network.recurrent}
    skipped = sum(step.masked for step in answer.timesteps)
    if skipped:
        console.print(f"  [dim]{skipped} padded timesteps are masked: the state stays 0[/]\n")
    for step in answer.timesteps:
        if not step.masked:
            _step(step, layers)
    for dense in answer.dense:
        if np.array_equal(dense.output, answer.logits):
            continue  # a layer whose outputs are the logits, which follow
        console.print(f"  {escape(dense.name)}: {_vector(dense.output)}")
    console.print(f"  logits: {_vector(answer.logits)}")
    console.print(f"  entropy: {answer.entropy:.4f} bits\n")
    console.print("  softmax(logits)")
    _bars(answer.predictions)
    console.print()


def _step(step: ExplainedStep, layers: Mapping[str, Recurrent]) -> None:
    word = "padding" if step.token is None else step.token
    console.print(f"  [bold]t = {step.position}[/]  {escape(word)}  (id {step.id})")
    for layer in step.layers:
        weights = layers.get(layer.name)
        if weights is None:
            console.print(f"      {escape(layer.name)}: h of the two above, merged")
            _lines({"h": layer.hidden_state})
        elif isinstance(layer, GatedStep):
            _gated_step(layer, weights)
        elif len(layer.hidden_state) == 1 and len(layer.input or ()) == 1:
            _scalar_step(layer, weights)
        else:
            _vector_step(layer, weights)
    if step.predictions:
        best = step.predictions[0]
        said = f"{escape(best.word)} {float(best.probability):.2%}"
        console.print(f"      [dim]after this word: {said}[/]")
    console.print()


def _scalar_step(layer: LayerStep, weights: Recurrent) -> None:
    """h = f(x·W + h·U + b) with every number in its place."""
    activation = weights.activation
    if layer.input is None or layer.pre_activation is None:
        return
    x, state = layer.input[0], layer.hidden_state[0]
    W, U, b = _scalar(weights.kernel), _scalar(weights.recurrent_kernel), layer.bias[0]
    before = _state_before(weights, layer)
    console.print(f"      h = {activation}(x·W + h·U + b)")
    console.print(f"        = {activation}({_n(x)} × {_n(W)} + {_n(before)} × {_n(U)} + {_n(b)})")
    console.print(f"        = {activation}({_n(layer.pre_activation[0])})")
    console.print(f"        = [bold]{_n(state)}[/]")


def _state_before(weights: Recurrent, layer: LayerStep) -> np.float32:
    """h_{t-1}, from the term that it gave."""
    U = _scalar(weights.recurrent_kernel)
    if layer.recurrent_term is None or not U:
        return np.float32(0)
    return np.float32(layer.recurrent_term[0] / U)


def _scalar(kernel: Kernel) -> np.float32:
    value: np.float32 = np.asarray(kernel)[0, 0]
    return value


def _vector_step(layer: LayerStep, weights: Recurrent) -> None:
    console.print(f"      {escape(layer.name)}: h = {weights.activation}(x·W + h·U + b)")
    _terms(layer, h=layer.hidden_state)


def _gated_step(layer: GatedStep, weights: Recurrent) -> None:
    """Each gate's arithmetic, and what is made of them."""
    arithmetic = ARITHMETIC[weights.class_name]
    for one in arithmetic.terms:
        f = weights.recurrent_activation if one.gate else weights.activation
        recurrent = one.recurrent(reset_after=weights.reset_after)
        equation = f"{one.symbol} = {f}(x·W + {recurrent} + b)"
        console.print(f"      {escape(layer.name)}: {equation}  [dim]{one.name}[/]")
        term = (layer.terms or {})[one.name]
        _terms(term, recurrent, **{one.symbol: term.value})
    for state in arithmetic.ending:
        written = state.written(weights.activation)
        console.print(f"      {escape(layer.name)}: {state.symbol} = {written}")
    _lines({"c": layer.cell_state, "h": layer.hidden_state})


def _terms(term: LayerStep | TermStep, recurrent: str = "h·U", **result: Floats) -> None:
    _lines(
        {
            "x·W": term.input_term,
            recurrent: term.recurrent_term,
            "b": term.bias,
            "sum": term.pre_activation,
            **result,
        }
    )


def _lines(vectors: Mapping[str, Floats | None]) -> None:
    width = max(map(len, vectors)) + 1
    for name, value in vectors.items():
        if value is not None:
            console.print(f"        {name:<{width}}{_vector(value)}  [cyan]{_strip(value)}[/]")


def _vector(values: Floats) -> str:
    if len(values) <= 2 * _SHOWN_UNITS:
        return escape("[" + ", ".join(_n(v) for v in values) + "]")
    shown = ", ".join(f"{float(v):.4f}" for v in values[:_SHOWN_UNITS])
    norm = float(np.sqrt((values.astype(np.float64) ** 2).sum()))
    return escape(f"[{shown}, … {len(values)} numbers, norm {norm:.4f}]")


def _strip(values: Floats, cells: int = 32) -> str:
    """Sizes of evenly spread units, as blocks."""
    if len(values) < _SHOWN_UNITS:
        return ""
    sizes = np.abs(values[np.linspace(0, len(values) - 1, min(cells, len(values))).astype(int)])
    scale = float(sizes.max()) or 1.0
    return "".join(_STRIP[round(8 * float(size) / scale)] for size in sizes)


def _n(value: np.float32 | float) -> str:
    return str(np.float32(value))


def show_score(_model: Model, answer: Scored) -> None:
    """A line a word, and the perplexity."""
    table = Table(box=None, pad_edge=False)
    for heading in ("word", "probability", "log", "rank"):
        table.add_column(heading, justify="left" if heading == "word" else "right")
    for word in answer.words:
        if word.probability is None or word.log_probability is None:
            table.add_row(escape(word.word), "–", "–", "–")
            continue
        log, rank = f"{word.log_probability:.4f}", str(word.rank)
        table.add_row(escape(word.word), f"{word.probability:.4%}", log, rank)
    console.print(table)
    if answer.perplexity is not None and answer.log_probability is not None:
        total = f"log probability {answer.log_probability:.4f}"
        console.print(f"[bold]perplexity {answer.perplexity:.2f}[/], {total}\n")
