"""`plan`: how many cores and how much memory for so many keyboards, measured here and now."""

import math
from typing import Annotated

import typer

from app.cli.common import ModelOption, find_model, model_folder, print_json, print_lines

_WORKER_BYTES = 23_000_000  # of each further worker: benchmarks/README.md
_REMEMBERED_BYTES = 68 << 20  # states, distributions and texts that each comes to keep


def plan(
    keyboards: Annotated[
        int, typer.Option(min=1, max=10**10, help="People who type at the same time.")
    ],
    words_per_minute: Annotated[float, typer.Option(min=0.1, max=1000, help="Typed by each.")] = 30,
    requests_per_word: Annotated[
        float, typer.Option(min=0.01, max=100, help="1 asks after each word, 5 with most letters.")
    ] = 1,
    utilisation: Annotated[
        float, typer.Option(min=0.05, max=0.95, help="Of each core; the rest is for bursts.")
    ] = 0.6,
    model: ModelOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say how many cores so many keyboards need.

    It measures what a prediction costs here.
    """
    from app.cli.measured import cost

    vocabulary = find_model(model).vocabulary
    words = [str(vocabulary.words[number]) for number in sorted(vocabulary.word_to_id.values())]
    measured = cost(model_folder(model), words)
    seconds = measured.seconds
    requests = keyboards * words_per_minute / 60 * requests_per_word
    cores = cores_for(requests, seconds, utilisation)
    facts = {
        "model": model_folder(model).name,
        "requests_per_second": round(requests, 1),
        "milliseconds_per_request": round(1e3 * seconds, 3),
        "requests_per_second_of_a_core": round(1 / seconds),
        "utilisation": utilisation,
        "cores": cores,
        "memory_megabytes": math.ceil(bytes_for(cores, measured.bytes) / 1e6),
    }
    if as_json:
        print_json(facts)
    else:
        print_lines(f"{name.replace('_', ' ')}: {value}" for name, value in facts.items())


def cores_for(requests: float, seconds: float, utilisation: float) -> int:
    """Cores that `requests` a second of so many seconds keep busy for this share of the time."""
    return max(1, math.ceil(requests * seconds / utilisation - 1e-9))


def bytes_for(cores: int, first: int) -> int:
    """Memory of a worker for each core, the first of which was measured."""
    return first + cores * _REMEMBERED_BYTES + (cores - 1) * _WORKER_BYTES
