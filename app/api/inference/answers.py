"""The shapes of the answers, and what each field is, for the OpenAPI document."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict


class InferenceError(TypedDict):
    """What went wrong."""

    error: str


class ServerMetadata(TypedDict):
    """The server, and what it can do."""

    name: str
    version: str
    extensions: list[str]


class ServerLive(TypedDict):
    """The process runs."""

    live: Literal[True]


class ServerReady(TypedDict):
    """A prediction can be made."""

    ready: Literal[True]


class ModelReady(TypedDict):
    """This model is loaded."""

    name: str
    ready: Literal[True]


class TensorMetadata(TypedDict):
    """What may be sent, or asked for."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(TypedDict):
    """A model's inputs and outputs."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class TensorConfig(TypedDict):
    """What may be sent, or asked for, in Triton's words."""

    name: str
    data_type: str
    dims: list[int]
    optional: NotRequired[bool]


class ModelConfig(TypedDict):
    """Triton's model configuration."""

    name: str
    platform: str
    backend: str
    version_policy: dict[str, Any]
    max_batch_size: int
    input: list[TensorConfig]
    output: list[TensorConfig]


class Duration(TypedDict):
    """How often, and how long in all."""

    count: int
    ns: int


class ModelStatistics(TypedDict):
    """What was inferred of one model."""

    name: str
    version: str
    last_inference: int
    inference_count: int
    execution_count: int
    inference_stats: dict[str, Duration]
    batch_stats: list[Any]


class Statistics(TypedDict):
    """What was inferred."""

    model_stats: list[ModelStatistics]


class IndexEntry(TypedDict):
    """A model, and whether it can be served."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str


class OutputTensor(TypedDict):
    """An output: its data stand in JSON, or behind it."""

    name: str
    datatype: str
    shape: list[int]
    data: NotRequired[list[Any]]
    parameters: NotRequired[dict[str, Any]]


class Inferred(TypedDict):
    """What was asked for."""

    model_name: str
    model_version: str
    id: NotRequired[str]
    outputs: list[OutputTensor]


FIELDS = {
    "error": "What went wrong, in a sentence",
    "name": "The name",
    "version": "The version",
    "extensions": "What it can do beyond the protocol",
    "live": "Always true",
    "ready": "Always true: what is not ready is an error",
    "model": "The model's id",
    "versions": "The versions there are",
    "platform": "What computes it",
    "backend": "unrolled, always",
    "inputs": "What may be sent: one of them",
    "outputs": "What may be asked for",
    "datatype": "The type of its elements",
    "shape": "Its dimensions; -1 stands for any size",
    "data_type": "The type of its elements, as Triton calls it",
    "dims": "Its dimensions; -1 stands for any size",
    "optional": "Whether it may be left out: one of the inputs is needed",
    "version_policy": "Which versions are served: the latest",
    "max_batch_size": "0: the first dimension of every shape is the batch",
    "input": "What may be sent: one of them",
    "output": "What may be asked for",
    "count": "How often",
    "ns": "How long in all, in nanoseconds",
    "last_inference": "When the last one was: milliseconds since 1970",
    "inference_count": "How many phrases were inferred",
    "execution_count": "How many inferences there were",
    "inference_stats": "How often and how long: in all, and each stage",
    "batch_stats": "Empty: batches are not counted by their size",
    "model_stats": "The models, by name",
    "state": "Whether it can be served",
    "reason": "Why not, or not the version that its folder has now; empty where it can",
    "data": "The elements in C order; left out where they lie behind the JSON",
    "parameters": "The protocol's extensions, such as binary_data_size",
    "model_name": "The model that answered",
    "model_version": "Its version",
    "id": "The id that the request had, or is to have",
    "Inferred.outputs": "The outputs that were asked for",
    "InferRequest.model_name": "The model, if at all: that of the path",
    "InferRequest.model_version": "Its version, if at all",
    "InferRequest.inputs": "The phrases, or the padded ids",
    "InferRequest.outputs": "The outputs that are asked for; all where none is named",
}
