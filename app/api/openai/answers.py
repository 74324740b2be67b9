"""The shapes of the answers, and what each field is, for the OpenAPI document."""

from dataclasses import dataclass


@dataclass(slots=True)
class Logprobs:
    """Parallel lists, one entry a word; null for a first word that nobody could predict."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]


@dataclass(slots=True)
class Choice:
    """One text."""

    index: int
    text: str
    logprobs: Logprobs | None
    finish_reason: str | None


@dataclass(slots=True)
class Usage:
    """Words read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


@dataclass(slots=True)
class Completion:
    """OpenAI's text_completion."""

    id: str
    object: str
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage


@dataclass(slots=True)
class Tokens:
    """Ids of words."""

    count: int
    max_model_len: int
    tokens: list[int]
    token_strs: list[str] | None


@dataclass(slots=True)
class Detokenized:
    """Words of ids."""

    prompt: str


@dataclass(slots=True)
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


@dataclass(slots=True)
class ErrorDetail:
    """What went wrong: `param` names the field at fault, where one is."""

    message: str
    type: str
    param: str | None
    code: str


@dataclass(slots=True)
class OpenAIError:
    """An error as OpenAI's clients read it."""

    error: ErrorDetail


FIELDS = {
    # Errors.
    "error": "What went wrong",
    "message": "What went wrong this time, in a sentence",
    "type": "Whether the request is at fault, or the server",
    "param": "The field at fault; null where it is none",
    "code": "What went wrong, for a program",
    # Completions.
    "id": "The completion's id",
    "object": "What it is, as OpenAI calls it",
    "created": "When it was made: seconds since 1970",
    "model": "The model's id",
    "system_fingerprint": "A hash of the whole model",
    "choices": "The texts: `n` for each prompt, in order",
    "usage": "How many words were read and written",
    "index": "Which of the choices it is, from 0",
    "text": "The words that go on from the prompt; with `echo` the prompt before them",
    "Choice.logprobs": "How probable each word was; null unless asked for",
    "finish_reason": "stop: the sentence or a stop came; length: max_tokens",
    "Logprobs.tokens": "The words",
    "token_logprobs": "The natural logarithm of each word's probability",
    "top_logprobs": "The most probable words in each one's place",
    "text_offset": "Where each word begins in the text, in characters",
    "prompt_tokens": "Words of the prompts",
    "completion_tokens": "Words that were written",
    "total_tokens": "Both together",
    "CompletionRequest.model": "The model to ask; the default one where none is named",
    "CompletionRequest.prompt": "What to go on from: texts, or the ids of words",
    "max_tokens": "How many words to write at most",
    "temperature": "0 takes the most probable word; above 1, improbable ones come more often",
    "top_p": "Draw from the most probable words that together have this probability",
    "n": "Texts for each prompt",
    "best_of": "Texts to write, of which the `n` most probable are given",
    "stop": "What ends a text",
    "CompletionRequest.seed": "The same seed draws the same words",
    "logprobs": "How many of the most probable words to give in each one's place",
    "echo": "Whether to give the prompt too",
    "presence_penalty": "Taken from the logits of words that were written",
    "frequency_penalty": "Taken from them once for each time that the word was written",
    "logit_bias": "Added to the logits of words, by id",
    "stream": "Whether to send words as they are written, as server-sent events",
    "stream_options": "What to send beside the words",
    "include_usage": "Whether to say at the end how many words there were",
    "include_obfuscation": "Not supported: true is refused",
    "user": "Not used",
    "suffix": "Not supported: any is refused",
    # Words and ids.
    "count": "How many ids there are",
    "max_model_len": "How many ids enter the network at most",
    "tokens": "The ids of the words",
    "token_strs": "The words; null unless asked for",
    "TokenizeRequest.prompt": "The text",
    "add_special_tokens": "Whether to add the end of a sentence, where the model has one",
    "return_token_strs": "Whether to give the words too",
    "Detokenized.prompt": "The words, with spaces between",
    "tokenizer_class": "What splits a text into words",
    "bos_token": "What begins a text; null where nothing does",
    "eos_token": "What ends a sentence; null where nothing does",
    "unk_token": "What stands for unknown words; null where nothing does",
    "pad_token": "What stands for padding; null where nothing does",
    "add_bos_token": "Whether what begins a text is put in front of it",
    "model_max_length": "How many ids enter the network at most",
    "vocab_size": "How many ids there are",
    "chat_template": "Null, always: it does not chat",
}
