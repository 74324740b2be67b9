"""/problems/{code}: what a problem means and what to do, at the URL that its `type` names."""

import html
from collections.abc import Iterator

from app.errors import NotFound, RequestError
from app.http.endpoint import Endpoint
from app.http.exchange import Exchange, Reply, encode
from app.http.service import Service

_HTML = b"text/html; charset=utf-8"
_SAFE = ((b"content-security-policy", b"default-src 'none'"),)
_ADVICE = {
    400: "Send the request as HTTP/1.1, and its body as JSON in UTF-8.",
    401: "Send a key: Authorization: Bearer … or X-API-Key: …",
    404: "Look at /docs for the paths, and at /v1/models for the models.",
    405: "Use a method that the Allow header names.",
    408: "Send the whole request at once, or from a faster connection.",
    413: "Send less at a time: fewer phrases, or shorter ones.",
    414: "Send the parameters in the body of a POST.",
    415: "Send the body as JSON, as it is or compressed with gzip or deflate.",
    422: "Change what the detail and the errors of the problem name, and send it again.",
    431: "Send fewer or shorter headers.",
    503: "Try again after the seconds that Retry-After names.",
}


def _kinds(kind: type[RequestError] = RequestError) -> Iterator[type[RequestError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _kinds(one)


async def _explain(_service: Service, exchange: Exchange, _request: None) -> Reply:
    code = exchange.parameters["code"]
    kind = next((one for one in _kinds() if one.code == code), None)
    if kind is None:
        raise NotFound("there is no such problem")
    example = encode({"type": f"/problems/{code}", "title": kind.title, "status": kind.status})
    advice = _ADVICE.get(kind.status, "See /docs.")
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{code}</title>"
        f"<h1>{kind.status}: {html.escape(kind.title)}</h1>"
        f"<p>{html.escape(' '.join((kind.__doc__ or '').split()))}</p>"
        f"<h2>What to do</h2><p>{html.escape(advice)}</p>"
        f"<h2>Example</h2><pre>{html.escape(example.decode())}</pre></html>"
    )
    return Reply(page.encode(), _HTML, 200, _SAFE)


ENDPOINT = Endpoint("/problems/{code}", _explain, key=False)
