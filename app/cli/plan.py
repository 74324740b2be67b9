"""`plan`: how many cores and how much memory for so many keyboards, measured here and now."""

import math
import os
import time
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import ModelOption, find_model, print_json, print_lines

if TYPE_CHECKING:
    from app.model import Model

_PHRASES = 512  # measured, in products of 32 as the service makes them under load
_BATCH = 32
_WORDS = 4  # of a phrase
_HTTP_SECONDS = 43e-6  # of one request without arithmetic: benchmarks/README.md, the notebook's
_PROCESS_BYTES = 75 << 20  # of each further worker, beside the weights that all share


def plan(
    keyboards: Annotated[int, typer.Option(min=1, help="People who type at the same time.")],
    words_per_minute: Annotated[float, typer.Option(min=0.1, help="Typed by each.")] = 30,
    requests_per_word: Annotated[
        float, typer.Option(min=0.01, help="1 asks after each word, 5 with most letters.")
    ] = 1,
    utilisation: Annotated[
        float, typer.Option(min=0.05, max=0.95, help="Of each core; the rest is for bursts.")
    ] = 0.6,
    model: ModelOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say how many cores a number of keyboards needs, from what a prediction costs here."""
    # Before NumPy is imported: what is measured is one core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    loaded = find_model(model)
    seconds = _seconds_of_phrase(loaded) + _HTTP_SECONDS
    requests = keyboards * words_per_minute / 60 * requests_per_word
    cores = cores_for(requests, seconds, utilisation)
    weights = 4 * loaded.network.parameters  # bytes of float32
    facts = {
        "model": loaded.id,
        "requests_per_second": round(requests, 1),
        "milliseconds_per_request": round(1e3 * seconds, 3),
        "requests_per_second_of_a_core": round(1 / seconds),
        "utilisation": utilisation,
        "cores": cores,
        "memory_megabytes": math.ceil((2 * weights + cores * _PROCESS_BYTES) / 1e6),
    }
    if as_json:
        print_json(facts)
    else:
        print_lines(f"{name.replace('_', ' ')}: {value}" for name, value in facts.items())


def cores_for(requests: float, seconds: float, utilisation: float) -> int:
    """Cores that `requests` a second of so many seconds keep busy for this share of the time."""
    return max(1, math.ceil(requests * seconds / utilisation - 1e-9))


def _seconds_of_phrase(model: "Model") -> float:
    """Processor time of one phrase that was never asked before, the best of three rounds."""
    import random

    from app.serving.batching import in_batches

    draw = random.Random(0)  # noqa: S311 # which words they are does not matter
    ids = sorted(model.vocabulary.word_to_id.values())
    words = [str(model.vocabulary.words[number]) for number in ids]
    rounds = []
    for _ in range(3):
        phrases = [" ".join(draw.choices(words, k=_WORDS)) for _ in range(_PHRASES)]
        began = time.process_time()
        contexts = [model.context(phrase) for phrase in phrases]
        for start in range(0, _PHRASES, _BATCH):
            for _result in in_batches(model, contexts[start : start + _BATCH], 5):
                pass
        rounds.append((time.process_time() - began) / _PHRASES)
    return min(rounds)
