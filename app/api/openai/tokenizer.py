"""The tokenizer that `lm-eval` asks for beside completions, as vLLM's server shows it.

Every id is one word: what `detokenize` writes has as many words as ids, and is read as them again.
"""

from app.api.openai.requests import DetokenizeRequest, TokenizeRequest, TokenizerQuery
from app.api.openai.work import check_ids
from app.http.exchange import Exchange, Reply, encode
from app.http.pieces import made
from app.http.service import Service
from app.model import Model
from app.text.writing import encode_text


async def tokenize(service: Service, exchange: Exchange, request: TokenizeRequest) -> Reply:
    """The ids of a text's words."""
    model = service.model(request.model)
    exchange.model, exchange.phrase = model.id, request.prompt
    return Reply(await made(service.large, len(request.prompt), _tokenized, model, request))


def _tokenized(model: Model, request: TokenizeRequest) -> bytes:
    ids = list(encode_text(request.prompt, model.vocabulary, model.options).ids)
    if request.add_special_tokens and model.start_id is not None and ids[-1:] != [model.start_id]:
        ids.append(model.start_id)
    words = [model.vocabulary.words[number] for number in ids]
    answer = {"count": len(ids), "max_model_len": model.options.max_length, "tokens": ids}
    return encode({**answer, "token_strs": words if request.return_token_strs else None})


async def detokenize(service: Service, exchange: Exchange, request: DetokenizeRequest) -> Reply:
    """The words of ids, marks written out, with a space between."""
    model = service.model(request.model)
    exchange.model = model.id
    return Reply(await made(service.large, len(request.tokens), _detokenized, model, request))


def _detokenized(model: Model, request: DetokenizeRequest) -> bytes:
    check_ids(model, request.tokens, "tokens")
    words = [str(model.vocabulary.words[number]) for number in request.tokens]
    return encode({"prompt": " ".join(words)})


async def tokenizer_info(service: Service, exchange: Exchange, request: TokenizerQuery) -> Reply:
    """The marks: a start word stands for the end of a sentence and the beginning of the next."""
    model = service.model(request.model)
    exchange.model = model.id
    options = model.options
    return Reply(
        encode(
            {
                "tokenizer_class": options.tokenizer,
                "bos_token": options.start,
                "eos_token": options.start,
                "unk_token": options.unknown,
                "pad_token": None,
                "add_bos_token": False,
                "model_max_length": options.max_length,
                "vocab_size": len(model.vocabulary),
                "chat_template": None,
            }
        )
    )
