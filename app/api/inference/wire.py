"""Bytes -> an inference request and arrays -> bytes: JSON, with tensors in it or behind it.

The header Inference-Header-Content-Length says where JSON ends and tensors begin; they lie behind
each other in the order in which JSON names them, little-endian, in C order. A BYTES element is its
length as four bytes, and then itself.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.api.inference.errors import invalid
from app.api.strict import BODY
from app.api.whole import WHOLES
from app.errors import RequestError
from app.http import problems
from app.http.coding import json_letters
from app.http.endpoint import raw
from app.http.exchange import Exchange, encode
from app.http.framing import number_of_bytes
from app.http.parsing import MANY_VALUES, parsed
from app.http.service import Service

VERSION = "1"  # every model's; its fingerprint is another name of it
HEADER_LENGTH = b"inference-header-content-length"
_MOST_TENSORS = 64  # of a request: far more than any model has
_LONGEST = 65_536  # characters of a phrase
_INTEGERS = {"INT32": "i", "INT64": "q"}
_REFUSED = ("shared_memory_region", "classification")


class Tensor(BaseModel):
    """An input: its data stand in JSON, or behind it where `binary_data_size` says how many."""

    model_config = BODY

    name: str
    shape: Annotated[list[Annotated[int, Field(ge=0, lt=1 << 63)]], Field(max_length=4), WHOLES]
    datatype: str
    parameters: dict[str, Any] = {}
    data: list[Any] | None = None


class Wanted(BaseModel):
    """An output by its name."""

    model_config = BODY

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(BaseModel):
    """An inference; without `outputs` all of them are given. KServe's own client says again which
    model it is, as the path does.
    """

    model_config = ConfigDict(**BODY, protected_namespaces=())

    id: str | None = None
    model_name: str | None = None
    model_version: str | None = None
    parameters: dict[str, Any] = {}
    inputs: Annotated[list[Tensor], Field(min_length=1, max_length=_MOST_TENSORS)]
    outputs: Annotated[list[Wanted], Field(max_length=_MOST_TENSORS)] | None = None


class Inputs:
    """A request, and the values of its tensors by name."""

    def __init__(self, request: InferRequest, tail: bytes) -> None:
        self.request = request
        self.values: dict[str, list[Any]] = {}
        for tensor, binary in _with_bytes(request.inputs, tail):
            if tensor.name in self.values:
                raise invalid(f"the input {tensor.name:.64} is given twice")
            self.values[tensor.name] = _values(tensor, binary)

    def tensor(self, name: str) -> Tensor:
        """The description of an input that is there."""
        return next(one for one in self.request.inputs if one.name == name)

    def is_binary(self, output: Wanted | None) -> bool:
        """Whether an output is to lie behind the JSON. Raises InvalidRequest."""
        everything = _flag(self.request.parameters, "binary_data_output", False)
        return everything if output is None else _flag(output.parameters, "binary_data", everything)


def _flag(parameters: dict[str, Any], name: str, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise invalid(f"{name} should be true or false")
    return value


async def read(service: Service, exchange: Exchange) -> Inputs:
    """The body of an inference. Raises InvalidRequest, InvalidJson, BodyTooLarge."""
    body = await raw(service, exchange)
    length = exchange.header(HEADER_LENGTH)
    end = len(body)
    if length is not None:
        number = number_of_bytes(length)
        if number is None or number > len(body):
            raise invalid("Inference-Header-Content-Length is not a length within the body")
        end = number

    def inputs(body: bytes) -> Inputs:
        request = InferRequest.model_validate_json(json_letters(body[:end]))
        _check_supported(request)
        return Inputs(request, body[end:])

    try:
        return await parsed(body, inputs, MANY_VALUES, end)
    except ValidationError as error:
        raise problems.from_validation(error) from error


def _check_supported(request: InferRequest) -> None:
    for one in (*request.inputs, *(request.outputs or ())):
        for name in _REFUSED:
            if one.parameters.get(name):
                raise invalid(f"{one.name:.64}: {name} is not supported")
    if request.parameters.get("sequence_id"):
        raise invalid("sequence_id is not supported: no state is kept between requests")


def _with_bytes(inputs: Sequence[Tensor], tail: bytes) -> Iterator[tuple[Tensor, bytes | None]]:
    """Every input with its bytes, None where its data stand in JSON."""
    at = 0
    for tensor in inputs:
        size = tensor.parameters.get("binary_data_size")
        if (size is None) == (tensor.data is None):
            raise invalid(f"{tensor.name:.64} needs data, or a binary_data_size, and not both")
        if size is None:
            yield tensor, None
            continue
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(tail) - at:
            raise invalid(f"{tensor.name:.64}: binary_data_size is not a length within the body")
        yield tensor, tail[at : at + size]
        at += size
    if at != len(tail):
        raise invalid(f"{len(tail) - at} bytes at the end belong to no input")


def _values(tensor: Tensor, binary: bytes | None) -> list[Any]:
    """All elements in C order, as many as the shape has."""
    count = math.prod(tensor.shape)
    if tensor.datatype == "BYTES":
        values = list(_flat(tensor.data or [])) if binary is None else list(_texts(tensor, binary))
        kind: type = str
    elif tensor.datatype in _INTEGERS:
        values = _integers(tensor, binary)
        kind = int
    else:
        raise invalid(f"{tensor.name:.64}: {tensor.datatype:.16} is not BYTES, INT32 or INT64")
    if len(values) != count:
        raise invalid(f"{tensor.name:.64} has {len(values)} elements, and its shape {count}")
    for value in values:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise invalid(f"{tensor.name:.64} has an element that is not {tensor.datatype}")
    return values


def _integers(tensor: Tensor, binary: bytes | None) -> list[Any]:
    if binary is None:
        return list(_flat(tensor.data or []))
    letter = _INTEGERS[tensor.datatype]
    size = struct.calcsize(f"<{letter}")
    if len(binary) % size:
        raise invalid(f"{tensor.name:.64}: its bytes are no whole number of {tensor.datatype}")
    return list(struct.unpack(f"<{len(binary) // size}{letter}", binary))


def _texts(tensor: Tensor, binary: bytes) -> Iterator[str]:
    at = 0
    while at < len(binary):
        if at + 4 > len(binary):
            raise invalid(f"{tensor.name:.64}: its bytes end within a length")
        [length] = struct.unpack_from("<I", binary, at)
        at += 4
        if at + length > len(binary):
            raise invalid(f"{tensor.name:.64}: its bytes end within an element")
        try:
            yield binary[at : at + length].decode()
        except UnicodeDecodeError as error:
            raise invalid(f"{tensor.name:.64} has an element that is not UTF-8") from error
        at += length


def _flat(data: list[Any]) -> Iterator[Any]:
    """Data may be nested as the shape is, or flat."""
    for one in data:
        if isinstance(one, list):
            yield from _flat(one)
        else:
            yield one


def write(
    answer: dict[str, Any], outputs: Sequence[tuple[str, str, Any, bool]]
) -> tuple[bytes, int | None]:
    """The body of an answer, and how much of it is JSON where not all is.

    `outputs` are name, datatype, array or list of words, and whether it is to be binary.
    """
    described: list[dict[str, Any]] = []
    tail: list[bytes] = []
    for name, datatype, values, binary in outputs:
        shape = [len(values)] if isinstance(values, list) else list(values.shape)
        one: dict[str, Any] = {"name": name, "datatype": datatype, "shape": shape}
        if binary:
            tail.append(_bytes(values))
            one["parameters"] = {"binary_data_size": len(tail[-1])}
        else:
            one["data"] = values if isinstance(values, list) else values.reshape(-1)
        described.append(one)
    head = encode({**answer, "outputs": described})
    return (b"".join([head, *tail]), len(head)) if tail else (head, None)


def _bytes(values: Any) -> bytes:
    if not isinstance(values, list):
        order = "<i4" if values.dtype.kind == "i" else "<f4"
        data: bytes = values.astype(order, copy=False).tobytes()
        return data
    words = [word.encode() for word in values]
    return b"".join(part for word in words for part in (struct.pack("<I", len(word)), word))


def check_phrases(texts: Sequence[str]) -> None:
    """Raises InvalidRequest for a phrase that is too long."""
    for at, text in enumerate(texts):
        if len(text) > _LONGEST:
            raise invalid(f"phrase {at} has more than {_LONGEST} characters")


def about(at: int, error: RequestError) -> RequestError:
    """The error of one phrase of many, saying of which."""
    return invalid(f"phrase {at}: {error}")


class _IndexRequest(BaseModel):
    model_config = BODY

    ready: bool | None = None


async def read_index(service: Service, exchange: Exchange) -> bool:
    """Whether only models that are ready are asked for; a body may be missing."""
    body = json_letters(await raw(service, exchange))
    try:
        return bool(body.strip() and _IndexRequest.model_validate_json(body).ready)
    except ValidationError as error:
        raise problems.from_validation(error) from error
