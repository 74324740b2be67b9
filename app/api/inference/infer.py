"""`POST /v2/models/{model}/infer`: tensors in, tensors out."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

from app import costs
from app.api.inference.errors import invalid
from app.api.inference.metadata import model_of
from app.api.inference.stats import Stopwatch, count
from app.api.inference.wire import HEADER_LENGTH, VERSION, Inputs, about, check_phrases, write
from app.errors import RequestError, TooExpensive
from app.http.exchange import JSON, Exchange, Reply
from app.http.service import Service
from app.model import Model
from app.serving.tensors import Batch, Output, outputs_of

_MOST_ROWS = 1_000
_JSON_NUMBER = 3  # times the bytes of a binary one
_BINARY = b"application/octet-stream"

Asked = Sequence[tuple[Output, bool]]  # and whether it is to be binary


async def infer(service: Service, exchange: Exchange, inputs: Inputs) -> Reply:
    """On one of the threads for large requests, whatever its size."""
    model = model_of(service, exchange)
    watch = Stopwatch()
    try:
        _check_name(model, inputs)
        asked = _asked(model, inputs)
        loop = asyncio.get_running_loop()
        rows, body, length = await loop.run_in_executor(
            service.large, _answer, service, model, inputs, asked, watch
        )
    except RequestError:
        count(service.metrics, model, watch, 0)
        raise
    count(service.metrics, model, watch, rows)
    if length is None:
        return Reply(body, JSON)
    return Reply(body, _BINARY, headers=((HEADER_LENGTH, b"%d" % length),))


def _answer(
    service: Service, model: Model, inputs: Inputs, asked: Asked, watch: Stopwatch
) -> tuple[int, bytes, int | None]:
    """How many rows, the body, and how much of it is JSON where not all is."""
    watch.lap("queue")
    batch, rows = _batch(model, inputs)
    costs.check(batch.seconds(), service.settings.max_seconds, "rows")
    _check_size(service, batch, asked, rows)
    watch.lap("compute_input")
    found = [(one.name, one.datatype, batch.array(one.name), binary) for one, binary in asked]
    watch.lap("compute_infer")
    answer: dict[str, Any] = {"model_name": model.id, "model_version": VERSION}
    if inputs.request.id:
        answer["id"] = inputs.request.id
    body, length = write(answer, found)
    watch.lap("compute_output")
    return rows, body, length


def _check_name(model: Model, inputs: Inputs) -> None:
    """Raises InvalidRequest where the body names another model than the path."""
    name, version = inputs.request.model_name, inputs.request.model_version
    if name not in (None, model.id):
        raise invalid(f"model_name: the path names {model.id}, and not {name:.64}")
    if version not in (None, "", VERSION, model.fingerprint):
        raise invalid(f"model_version: {model.id} has the version {VERSION}, and not {version:.64}")


def _asked(model: Model, inputs: Inputs) -> Asked:
    known = {one.name: one for one in outputs_of(model)}
    wanted = inputs.request.outputs
    if not wanted:
        return [(one, inputs.is_binary(None)) for one in known.values()]
    names = [one.name for one in wanted]
    for name in names:
        if name not in known:
            raise invalid(f"no output {name:.64}; {model.id} has {', '.join(known)}")
        if names.count(name) > 1:
            raise invalid(f"the output {name} is asked for twice")
    return [(known[one.name], inputs.is_binary(one)) for one in wanted]


def _batch(model: Model, inputs: Inputs) -> tuple[Batch, int]:
    """The phrases or ids that were sent."""
    names = sorted(inputs.values)
    if names not in (["phrase"], ["ids"]):
        raise invalid(f"send the input phrase or the input ids, not {', '.join(names):.200}")
    [name] = names
    tensor, values = inputs.tensor(name), inputs.values[name]
    if not tensor.shape or not 0 < tensor.shape[0] <= _MOST_ROWS:
        raise invalid(f"{name}: its first dimension should be 1 to {_MOST_ROWS}")
    rows = tensor.shape[0]
    if name == "phrase":
        if tensor.datatype != "BYTES" or tensor.shape not in ([rows], [rows, 1]):
            raise invalid("phrase is BYTES, one for each row: its shape is [B]")
        return _of_phrases(model, values), rows
    T = model.options.max_length
    if tensor.datatype == "BYTES" or tensor.shape != [rows, T]:
        raise invalid(f"ids is INT32 or INT64, padded with 0: its shape is [B, {T}]")
    V = model.network.classes
    if not all(0 <= number < V for number in values):
        raise invalid(f"ids has an id outside 0..{V - 1}")
    return Batch.of_ids(model, [values[at : at + T] for at in range(0, len(values), T)]), rows


def _of_phrases(model: Model, phrases: Sequence[str]) -> Batch:
    check_phrases(phrases)
    contexts = []
    for at, phrase in enumerate(phrases):
        try:
            contexts.append(model.context(phrase))
        except RequestError as error:
            raise about(at, error) from error
    return Batch.of_phrases(model, phrases, contexts)


def _check_size(service: Service, batch: Batch, asked: Asked, rows: int) -> None:
    """Raises TooExpensive where the answer would be larger than one may be."""
    size = 0
    for one, binary in asked:
        lengths = (batch.longest if length < 0 else length for length in one.shape[1:])
        numbers = rows * math.prod(lengths)
        size += 4 * numbers * (1 if binary else _JSON_NUMBER)
    most = service.settings.max_buffered_bytes
    if size > most:
        what = f"{rows} rows of these outputs take about {size} bytes, more than {most}"
        raise TooExpensive(f"{what} (UNROLLED_MAX_BUFFERED_BYTES): ask for fewer")
