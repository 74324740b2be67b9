"""What a client may send. Every field of OpenAI's API is known here; what is not supported is
refused by name.
"""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from app.api.strict import BODY, QUERY
from app.api.whole import WHOLE, WHOLES

MOST_PROMPTS = 1_000
MOST_TEXTS = 128  # `n` and `best_of`
LONGEST_PROMPT = 65_536  # characters, or ids
MOST_WORDS = 65_536
LONGEST_STOP = 256
MOST_STOPS = 16

Text = Annotated[str, Field(max_length=LONGEST_PROMPT)]
Ids = Annotated[list[int], Field(min_length=1, max_length=LONGEST_PROMPT, fail_fast=True), WHOLES]
Stop = Annotated[str, Field(min_length=1, max_length=LONGEST_STOP)]
Count = Annotated[int, Field(ge=1, le=MOST_TEXTS), WHOLE]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Bias = Annotated[float, Field(ge=-100, le=100)]
ModelName = Annotated[str | None, Field(max_length=64, examples=["notebook"])]

_PROMPT = (
    "should be a string, a list of strings, a list of ids, or a list of lists of ids; "
    f"of at most {LONGEST_PROMPT} characters or ids each, and {MOST_PROMPTS} prompts"
)
_STOP = (
    f"should be a string of 1 to {LONGEST_STOP} characters, or a list of at most {MOST_STOPS} such"
)


class _Request(BaseModel):
    model_config = ConfigDict(**BODY, allow_inf_nan=False)

    model: ModelName = None


class StreamOptions(BaseModel):
    """What is sent beside the words."""

    model_config = BODY

    include_usage: bool | None = None
    include_obfuscation: Annotated[
        bool | None,
        WithJsonSchema(
            {
                "anyOf": [{"type": "boolean", "const": False}, {"type": "null"}],
                "title": "Include Obfuscation",
            }
        ),
    ] = None

    @field_validator("include_obfuscation")
    @classmethod
    def _not_supported(cls, value: bool | None) -> bool | None:
        if value:
            raise PydanticCustomError("unsupported", "is not supported")
        return value


class CompletionRequest(_Request):
    """`null` means a field's default everywhere. A prompt may be text or the ids of words."""

    prompt: (
        Text
        | Ids
        | Annotated[list[Text], Field(min_length=1, max_length=MOST_PROMPTS, fail_fast=True)]
        | Annotated[list[Ids], Field(min_length=1, max_length=MOST_PROMPTS, fail_fast=True)]
        | None
    ) = Field(None, examples=["this is"])
    max_tokens: Annotated[int, Field(ge=0, le=MOST_WORDS), WHOLE] | None = 16
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 1.0
    top_p: Annotated[float, Field(ge=0, le=1)] | None = 1.0
    n: Count | None = 1
    best_of: Count | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=MOST_STOPS)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**64), WHOLE] | None = None
    logprobs: Annotated[int, Field(ge=0), WHOLE] | None = None
    echo: bool | None = False
    presence_penalty: Penalty | None = 0.0
    frequency_penalty: Penalty | None = 0.0
    logit_bias: dict[str, Bias] | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    user: str | None = None
    suffix: Annotated[str | None, WithJsonSchema({"type": "null"})] = None

    @field_validator("prompt", mode="wrap")
    @classmethod
    def _one_of_four(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise PydanticCustomError("prompt", _PROMPT) from None

    @field_validator("stop", mode="wrap")
    @classmethod
    def _one_or_some(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise PydanticCustomError("stop", _STOP) from None

    @field_validator("suffix")
    @classmethod
    def _not_supported(cls, value: str | None) -> str | None:
        if value is not None:
            raise PydanticCustomError("unsupported", "is not supported")
        return value


class TokenizeRequest(_Request):
    """`add_special_tokens` adds the sentence end that `unrolled evaluate` counts."""

    prompt: Text
    add_special_tokens: bool = False
    return_token_strs: bool = False


class DetokenizeRequest(_Request):
    """Ids of words."""

    tokens: Annotated[list[int], Field(max_length=LONGEST_PROMPT, fail_fast=True), WHOLES]


class TokenizerQuery(BaseModel):
    """The query string of `/tokenizer_info`."""

    model_config = QUERY

    model: ModelName = None
