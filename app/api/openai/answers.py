"""The shapes of the answers, for the OpenAPI document."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Logprobs:
    """Parallel lists, one entry a word; null for a first word that nobody could predict."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]


@dataclass(frozen=True)
class Choice:
    """One text."""

    index: int
    text: str
    logprobs: Logprobs | None
    finish_reason: str | None


@dataclass(frozen=True)
class Usage:
    """Words read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


@dataclass(frozen=True)
class Completion:
    """OpenAI's text_completion."""

    id: str
    object: str
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage


@dataclass(frozen=True)
class Tokens:
    """Ids of words."""

    count: int
    max_model_len: int
    tokens: list[int]
    token_strs: list[str] | None


@dataclass(frozen=True)
class Detokenized:
    """Words of ids."""

    prompt: str


@dataclass(frozen=True)
class TokenizerInfo:
    """The marks of a model, and how long its input is."""

    tokenizer_class: str
    bos_token: str | None
    eos_token: str | None
    unk_token: str | None
    pad_token: str | None
    add_bos_token: bool
    model_max_length: int
    vocab_size: int
    chat_template: str | None
