"""All endpoints of OpenAI's protocol; the list of models is the service's own."""

from app.api.openai import answers, errors
from app.api.openai.completions import complete
from app.api.openai.requests import (
    CompletionRequest,
    DetokenizeRequest,
    TokenizeRequest,
    TokenizerQuery,
)
from app.api.openai.tokenizer import detokenize, tokenize, tokenizer_info
from app.http.endpoint import GET, POST, Endpoint, Protocol
from app.http.parsing import MANY_VALUES

_TAG = "openai"

PROTOCOL = Protocol(
    (
        Endpoint(
            "/v1/completions",
            complete,
            POST,
            CompletionRequest,
            summary="Texts that go on from prompts",
            name="create_completion",
            tag=_TAG,
            most_values=MANY_VALUES,
            answer=answers.Completion,
            streamed="text/event-stream",
        ),
        Endpoint(
            "/tokenize",
            tokenize,
            POST,
            TokenizeRequest,
            summary="The ids of a text's words",
            name="tokenize_text",
            tag=_TAG,
            answer=answers.Tokens,
        ),
        Endpoint(
            "/detokenize",
            detokenize,
            POST,
            DetokenizeRequest,
            summary="The words of ids",
            name="detokenize_ids",
            tag=_TAG,
            most_values=MANY_VALUES,
            answer=answers.Detokenized,
        ),
        Endpoint(
            "/tokenizer_info",
            tokenizer_info,
            GET,
            TokenizerQuery,
            summary="What the words of a model are",
            name="tokenizer_info",
            tag=_TAG,
            answer=answers.TokenizerInfo,
        ),
    ),
    errors.reply,
    problem=answers.OpenAIError,
    problem_media_type="application/json",
    fields=answers.FIELDS,
)
