"""What is said of a model: field names are the HTTP contract. Encoded as they are."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from app.answers import Matrix, Vector

Vocabulary = dict[str, int]  # word → id, from 1


class LayerObject(TypedDict):
    """A layer. What only some kinds of layer have is left out of the others."""

    name: str
    class_name: str
    output_shape: tuple[int | None, ...]
    units: int
    activation: str | None
    parameters: int
    recurrent_activation: NotRequired[str]
    reset_after: NotRequired[bool]
    merge_mode: NotRequired[str]
    layer: NotRequired[str]


class ModelObject(TypedDict):
    """OpenAI's model object, with what the model is made of."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    title: str | None
    description: str | None
    architecture: list[LayerObject]
    parameters: int
    max_length: int
    vocabulary_size: int
    start: str | None
    unknown: str | None
    engine: str
    fingerprint: str
    metrics: dict[str, Any]
    licence: str | None
    corpus: Any


class FolderProblem(TypedDict):
    """A folder that cannot be served."""

    folder: str
    reason: str


class ModelList(TypedDict):
    """OpenAI's list, and the folders that cannot be served."""

    object: Literal["list"]
    data: list[ModelObject]
    problems: list[FolderProblem]


class Weight(TypedDict):
    """An array of weights."""

    name: str
    shape: list[int]
    dtype: Literal["float32"]
    values: NotRequired[Matrix | Vector]


class WeightList(TypedDict):
    """Every weight, in Keras's order."""

    model: str
    parameters: int
    weights: list[Weight]


class NamedWeight(TypedDict):
    """One array of weights with its numbers."""

    model: str
    name: str
    shape: list[int]
    dtype: Literal["float32"]
    values: Matrix | Vector
