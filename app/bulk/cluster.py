"""The same chunks on the machines of a Ray cluster, through Ray Data.

The model's files travel with the work: a machine needs the package, `unrolled[ray]`, and nothing
else. Some chunks for every core at a time are handed over; Ray gives those of a machine that is
lost to another, and answers come back in order. Knows nothing about files of phrases.
"""

import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from app.bulk.predict import Lines, Question, predict
from app.bulk.run import Spread
from app.bulk.source import Chunk
from app.errors import InvalidRequest, MissingDependency, ModelError
from app.folder.contents import FILES
from app.folder.read import load_model
from app.model import Model

_CHUNKS = 16  # for every core of the cluster at a time


def on_cluster(folder: Path, model: Model, question: Question, address: str) -> Spread:
    """Across the cluster at `address` ("auto": that of this machine).

    Raises MissingDependency without Ray, ModelError where no cluster answers.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would call home
    try:
        import ray
    except ImportError as error:
        raise MissingDependency("--ray needs Ray: pip install 'unrolled[ray]'") from error
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ModelError(f"there is no Ray cluster at {address}: {error}") from error
    files = {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}
    work = _Work(ray.put(files), model, question)

    def spread(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Lines]]:
        ahead = iter(chunks)
        while True:
            most = _CHUNKS * max(int(ray.cluster_resources().get("CPU", 1)), 1)
            some = list(itertools.islice(ahead, most))
            if not some:
                return
            yield from zip(some, _answered(some, work), strict=True)

    return spread


def _answered(chunks: list[Chunk], work: "_Work") -> Iterator[Lines]:
    from ray import data

    context = data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    # Bytes, rather than Python's objects: what cannot be decoded has its message in place.
    rows = [{"phrases": [_sent(one) for one in chunk.phrases]} for chunk in chunks]
    blocks = data.from_items(rows, override_num_blocks=len(rows))
    for row in blocks.map(work).iter_rows():
        yield Lines(row["data"], row["lines"], row["problems"])


def _sent(phrase: Any) -> dict[str, str | None]:
    if isinstance(phrase, str):
        return {"phrase": phrase, "problem": None}
    return {"phrase": None, "problem": str(phrase)}


class _Work:
    """What a machine does with one chunk; it loads the model once a process."""

    def __init__(self, files: Any, model: Model, question: Question) -> None:
        self._files = files
        self._id, self._fingerprint = model.id, model.fingerprint
        self._question = question

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        import ray

        phrases = [
            InvalidRequest(one["problem"]) if one["phrase"] is None else one["phrase"]
            for one in row["phrases"]
        ]
        model = _loaded.get(self._fingerprint)
        if model is None:
            model = _load(ray.get(self._files), self._id)
            if model.fingerprint != self._fingerprint:
                raise ModelError("the model's files changed while the run began")
            _loaded[self._fingerprint] = model
        done = predict(model, phrases, self._question)
        return {"data": done.data, "lines": done.lines, "problems": done.problems}


_loaded: dict[str, Model] = {}  # in a process of the cluster


def _load(files: dict[str, bytes], name: str) -> Model:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, name)
        folder.mkdir()
        for file, data in files.items():
            (folder / file).write_bytes(data)
        return load_model(folder)
