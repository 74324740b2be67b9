"""/problems/{code}: what a problem means and what to do, at the URL that its `type` names."""

import html
from collections.abc import Iterator

from app.errors import InternalError, NotFound, RequestError, UnrolledError
from app.http.endpoint import Endpoint
from app.http.exchange import Exchange, Reply, encode
from app.http.service import Service

_HTML = b"text/html; charset=utf-8"
_SAFE = ((b"content-security-policy", b"default-src 'none'"),)
_ADVICE = {
    "invalid_http": "Send the request as HTTP/1.1: the detail says what arrived instead.",
    "invalid_json": "Send the body as JSON in UTF-8, with its names and texts in double quotes.",
    "unauthorized": "Send a key: Authorization: Bearer … or X-API-Key: …",
    "not_found": "Look at /docs for the paths, and at /v1/models/{model} for a model's layers.",
    "model_not_found": "Look at /v1/models for the models, and for what is wrong with others.",
    "method_not_allowed": "Use a method that the Allow header names.",
    "too_slow": "Send the whole request at once, or from a faster connection.",
    "body_too_large": "Send less at a time: fewer phrases, or shorter ones.",
    "target_too_long": "Send the parameters in the body of a POST.",
    "unsupported_media_type": "Say Content-Type: application/json, or use POST.",
    "unsupported_encoding": "Send the body as it is, or compressed with gzip or deflate.",
    "internal_error": "Tell who runs the service, with the request's id: the log says more.",
    "unsupported_transfer_coding": "Send the body chunked alone; compress it as Content-Encoding.",
    "unsupported_http_version": "Send the request as HTTP/1.1.",
    "headers_too_large": "Send fewer or shorter headers.",
    "not_finite": "Shorten the phrase, or ask a model whose activation has bounds, such as tanh.",
    "empty_phrase": "Send at least one word that the model knows.",
    "too_expensive": "Ask for less at a time, or raise UNROLLED_MAX_SECONDS where it is yours.",
    "unknown_words": "Take one of the words that the problem suggests, or another model.",
    "invalid_request": "Change what the errors of the problem name, and send it again.",
    "overloaded": "Try again after the seconds that Retry-After names.",
    "not_ready": "Try again after the seconds that Retry-After names; /readyz says when it is.",
}


def kinds() -> Iterator[type[UnrolledError]]:
    """All that a client may be told."""
    yield InternalError
    yield from _below(RequestError)


def _below(kind: type[RequestError]) -> Iterator[type[RequestError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


async def _explain(_service: Service, exchange: Exchange, _request: None) -> Reply:
    code = exchange.parameters["code"]
    kind = next((one for one in kinds() if one.code == code), None)
    if kind is None:
        raise NotFound("there is no such problem")
    example = encode({"type": f"/problems/{code}", "title": kind.title, "status": kind.status})
    advice = _ADVICE[code]
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{code}</title>"
        f"<h1>{kind.status}: {html.escape(kind.title)}</h1>"
        f"<p>{html.escape(' '.join((kind.__doc__ or '').split()))}</p>"
        f"<h2>What to do</h2><p>{html.escape(advice)}</p>"
        f"<h2>Example</h2><pre>{html.escape(example.decode())}</pre></html>"
    )
    return Reply(page.encode(), _HTML, 200, _SAFE)


ENDPOINT = Endpoint("/problems/{code}", _explain, key=False)
