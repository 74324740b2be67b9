"""What a client may send. Strict: a field of another type or name is an error, never ignored; null
is the default of every field that has one.
"""

from typing import Annotated, Any

import orjson
from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    GetPydanticSchema,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, core_schema

from app.api.nulls import OR_NULL
from app.api.strict import BODY, QUERY
from app.api.training import NotebookFields
from app.api.whole import WHOLE
from app.model import DEFAULT_TOP_K
from app.pictures import COLUMNS, Form

LONGEST_PHRASE = 65_536  # characters
MOST_PHRASES = 1_000
MOST_COMPARED = 32
MOST_SUGGESTIONS = 1_000

Phrase = Annotated[
    str,
    Field(max_length=LONGEST_PHRASE, description="The words so far", examples=["this is"]),
]
Phrases = Annotated[
    list[Phrase],
    Field(
        min_length=1,
        max_length=MOST_PHRASES,
        description="What to answer, each on its own",
        examples=[["this is", "is an"]],
    ),
]
LONGEST_RECENT = 4_096
MOST_OFFERED = 20
MOST_WORDS = 5
MOST_EXCLUDED = 64


def _whole(value: object) -> object:
    """JSON Schema calls 5.0 an integer; null is the default, as it is for `model`."""
    if value is None:
        return DEFAULT_TOP_K
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number_of_words(_source: Any, _handler: Any) -> core_schema.CoreSchema:
    """An integer is usual, and read without a call of Python's."""
    usual = core_schema.int_schema(strict=True, ge=1, le=MOST_SUGGESTIONS)
    return core_schema.union_schema(
        [usual, core_schema.no_info_before_validator_function(_whole, usual)],
        mode="left_to_right",
        custom_error_type="whole_number",
        custom_error_message=f"Input should be a whole number from 1 to {MOST_SUGGESTIONS}",
    )


TopK = Annotated[
    int,
    GetPydanticSchema(_number_of_words),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MOST_SUGGESTIONS},
                {"type": "null"},
            ]
        }
    ),
    Field(description="How many of the most probable words to give"),
]
Prefix = Annotated[
    str | None,
    Field(max_length=64, description="Letters typed so far of the next word"),
]


class _Request(BaseModel):
    model_config = BODY

    model: Annotated[
        str | None,
        Field(
            max_length=64,
            description="The model to ask; the default one where none is named",
            examples=["notebook"],
        ),
    ] = None


class WeightsQuery(BaseModel):
    """The query string of a model's weights."""

    model_config = QUERY

    values: Annotated[bool, Field(description="Whether to give the numbers too")] = False


class PhraseRequest(_Request):
    """A phrase, and the model to ask (the default one where none is named)."""

    phrase: Phrase


class HiddenStatesRequest(PhraseRequest):
    """`layer` names a recurrent layer; the last one where none is named."""

    layer: Annotated[
        str | None,
        Field(
            max_length=200,
            description="The recurrent layer; the last one where none is named",
            examples=["simple_rnn"],
        ),
    ] = None


class ExplainRequest(PhraseRequest):
    """`top_k` bounds the predictions after every word."""

    top_k: TopK = DEFAULT_TOP_K


def _parsed(value: object, info: ValidationInfo) -> object:
    """A query string has JSON."""
    if not isinstance(value, str) or info.mode == "json":
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise PydanticCustomError("json", "Input should be JSON") from error


Weights = Annotated[
    Annotated[dict[str, Any], Field(max_length=64)] | None,  # null has no length to be looked at
    BeforeValidator(_parsed),
    Field(
        description="A what-if: weights of a model with at most 1,000 parameters, overridden",
        examples=[{"simple_rnn/kernel": [[-1.0]]}],
    ),
]


class LookRequest(ExplainRequest):
    """`units` bounds every vector to its most active entries; `weights` are a what-if."""

    units: Annotated[
        Annotated[int, Field(ge=1, le=4096)] | None,
        WHOLE,
        Field(description="The most active units alone"),
    ] = None
    weights: Weights = None


class DiagramRequest(ExplainRequest):
    """`form` is what is drawn, `columns` how many timesteps stand on a line."""

    form: Annotated[Form, Field(description="What is drawn"), OR_NULL] = "unrolled"
    columns: Annotated[
        int, Field(ge=1, le=40, description="How many timesteps stand on a line"), WHOLE, OR_NULL
    ] = COLUMNS
    weights: Weights = None


class NotebookRequest(NotebookFields):
    """The notebook for a text of one's own."""

    model_config = BODY


class PredictRequest(PhraseRequest):
    """With `prefix`, only words that begin with it are suggested."""

    top_k: TopK = DEFAULT_TOP_K
    prefix: Prefix = None


class BatchRequest(_Request):
    """Many phrases at once; each is answered, or refused, on its own."""

    phrases: Phrases
    top_k: TopK = DEFAULT_TOP_K
    prefix: Prefix = None


def _listed(value: object, info: ValidationInfo) -> object:
    """An array as a tuple; a query string has words behind commas."""
    if isinstance(value, str) and info.mode != "json":
        value = [word for word in value.split(",") if word]
    return tuple(value) if isinstance(value, list) else value


class _SuggestOptions(_Request):
    count: Annotated[
        int, Field(ge=1, le=MOST_OFFERED, description="Suggestions at most"), WHOLE, OR_NULL
    ] = 3
    words: Annotated[
        int, Field(ge=1, le=MOST_WORDS, description="Words of a suggestion at most"), WHOLE, OR_NULL
    ] = 1
    min_probability: Annotated[
        float, Field(ge=0, le=1, description="Of a phrase, all its words together"), OR_NULL
    ] = 0.1
    exclude: Annotated[
        tuple[Annotated[str, Field(max_length=64)], ...],
        Field(max_length=MOST_EXCLUDED, description="Words that are not to be suggested"),
        BeforeValidator(_listed),
        OR_NULL,
    ] = ()  # a list would be copied for every request
    fresh: Annotated[
        bool,
        Field(description="Leave out what was suggested for fewer letters of this word"),
        OR_NULL,
    ] = False
    recent: Annotated[
        str,
        Field(
            max_length=LONGEST_RECENT,
            description="What this person wrote before: its words are preferred",
        ),
        OR_NULL,
    ] = ""


class SuggestRequest(_SuggestOptions):
    """`text` is everything before the cursor, as it is typed."""

    text: Annotated[
        str,
        Field(
            max_length=LONGEST_PHRASE,
            description="Everything before the cursor, as it is typed",
            examples=["I'm going to the sto"],
        ),
    ]


class SuggestBatchRequest(_SuggestOptions):
    """Many texts at once; each is answered, or refused, on its own."""

    texts: Phrases


class CompareRequest(_Request):
    """Phrases to lay side by side."""

    phrases: Annotated[
        list[Phrase],
        Field(
            min_length=2,
            max_length=MOST_COMPARED,
            description="The phrases to lay side by side",
            examples=[["this is", "is this"]],
        ),
    ]
    top_k: TopK = DEFAULT_TOP_K
