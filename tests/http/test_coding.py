"""Bodies that are compressed, in other letters, asked with QUERY, tagged, or sent line by line."""

import asyncio
import gzip
import json
import random
import time
import zlib
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import InvalidHttp, UnrolledError
from app.http.coding import accepted, inflated
from app.http.uvicorn_protocol import Protocol
from tests.api.clients import serving_both_models, url
from tests.test_server import Served

BODY = b'{"phrase": "this is", "model": "notebook"}'


@pytest.fixture(scope="module", params=[Protocol, HttpToolsProtocol], ids=["short", "asgi"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with serving_both_models(request.param) as served:
        yield served


def ask(served: Served, path: str, body: bytes = BODY, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(url(served, path), content=body, headers=named)


def bare(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(body) + stream.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(BODY)),
        ("GZIP", gzip.compress(BODY[:9]) + gzip.compress(BODY[9:])),
        ("x-gzip", gzip.compress(BODY)),
        ("deflate", zlib.compress(BODY)),
        ("deflate", bare(BODY)),
        ("identity", BODY),
    ],
)
@pytest.mark.parametrize("path", ["/v1/predict", "/v1/score", "/v1/diagram.svg"])
def test_requests_may_be_compressed_on_every_route(
    served: Served, path: str, coding: str, body: bytes
) -> None:
    assert ask(served, path, body, content_encoding=coding).text == ask(served, path).text


@pytest.mark.parametrize(
    ("coding", "body", "status", "code"),
    [
        ("br", BODY, 415, "unsupported_encoding"),
        ("gzip, gzip", gzip.compress(gzip.compress(BODY)), 415, "unsupported_encoding"),
        ("gzip", BODY, 400, "invalid_http"),
        ("gzip", gzip.compress(BODY)[:-9], 400, "invalid_http"),
        ("deflate", b"", 400, "invalid_json"),
        ("gzip", gzip.compress(b" " * (2 << 20)), 413, "body_too_large"),
    ],
)
def test_what_cannot_be_inflated_is_refused(
    served: Served, coding: str, body: bytes, status: int, code: str
) -> None:
    refused = ask(served, "/v1/predict", body, content_encoding=coding)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    if status == 415:
        assert refused.headers["accept-encoding"] == "gzip, deflate"


@given(st.binary(max_size=300), st.sampled_from([b"gzip", b"deflate"]))
def test_damaged_bodies_never_do_more_than_be_refused(body: bytes, coding: bytes) -> None:

    try:
        asyncio.run(inflated(body, coding, 1000))
    except UnrolledError as error:
        assert error.status in (400, 413)  # noqa: PT017 # nothing else may be raised


def test_a_body_of_many_small_members_costs_no_more_than_its_length() -> None:
    """With each that ends, all behind it was copied: 0.6 s of a core for 1 MB, minutes for 8."""

    def seconds(members: int) -> float:
        body = gzip.compress(b"") * members + gzip.compress(BODY)
        began = time.process_time()
        assert asyncio.run(inflated(body, b"gzip", 1 << 20)) == BODY
        return time.process_time() - began

    rounds = [(seconds(5_000), seconds(50_000)) for _ in range(3)]
    assert min(many for _, many in rounds) < 20 * min(few for few, _ in rounds)


@pytest.mark.parametrize("size", [0, 1, 5, 16 << 10, (16 << 10) - 30, (32 << 10) + 1])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_is_inflated_is_the_same_wherever_it_is_cut(coding: str, size: int) -> None:
    text = random.Random(size).randbytes(size)  # which cannot be compressed
    packed = zlib.compress(text) if coding == "deflate" else gzip.compress(text)
    body = packed if coding == "deflate" else packed + gzip.compress(b"more") + packed
    whole = text if coding == "deflate" else text + b"more" + text
    assert asyncio.run(inflated(body, coding.encode(), 1 << 20)) == whole
    for cut in (1, 4):
        with pytest.raises(InvalidHttp):
            asyncio.run(inflated(body[:-cut], coding.encode(), 1 << 20))


@pytest.mark.parametrize("coding", ["gzip", "deflate", None])
def test_large_answers_are_compressed_for_who_accepts_it(
    served: Served, coding: str | None
) -> None:
    body = json.dumps({"phrases": ["af ag"] * 100}).encode()
    accepted = coding or "br;q=1, gzip;q=0"
    large = ask(served, "/v1/predict/batch", body, accept_encoding=accepted)
    assert large.headers.get("content-encoding") == coding
    assert large.headers["vary"] == "Accept-Encoding"
    assert int(large.headers["content-length"]) < 8192 or coding is None
    assert len(large.json()["results"]) == 100
    assert "content-encoding" not in ask(served, "/v1/predict", accept_encoding=accepted).headers


def test_a_weight_that_is_none_is_not_at_all() -> None:
    for weight in (b"nan", b"inf", b"-1", b"x"):
        assert accepted(b"gzip;q=" + weight) is None
        assert accepted(b"deflate;q=0.1, gzip;q=" + weight) == b"deflate"
    assert accepted(b"deflate;q=0.1, gzip;q=1.000") == b"gzip"


def test_a_byte_order_mark_is_read_and_utf_16_is_named(served: Served) -> None:
    plain = ask(served, "/v1/predict").json()
    assert ask(served, "/v1/predict", b"\xef\xbb\xbf" + BODY).json() == plain
    for letters in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        refused = ask(served, "/v1/predict", BODY.decode().encode(letters))
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_json")
        assert "UTF-16" in refused.json()["detail"]


def test_query_is_answered_where_post_is(served: Served) -> None:
    def query(path: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.request("QUERY", url(served, path), content=BODY, headers=named)

    answer = query("/v1/predict", content_type="application/json; charset=utf-8")
    assert (answer.status_code, answer.text) == (200, ask(served, "/v1/predict").text)
    for headers in ({}, {"content_type": "text/plain"}):
        refused = query("/v1/predict", **headers)
        assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_media_type")
        assert refused.headers["accept-query"] == "application/json"
    assert query("/v1/models", content_type="application/json").status_code == 405
    got = served.get("/v1/predict", phrase="this is", model="notebook")
    assert got.headers["accept-query"] == "application/json"
    wrong = httpx.delete(url(served, "/v1/predict"))
    assert "QUERY" in wrong.headers["allow"]
    assert wrong.headers["accept-query"] == "application/json"


def test_get_answers_have_strong_tags(served: Served) -> None:
    first = served.get("/v1/score", phrase="af ag")
    tag = first.headers["etag"]
    assert tag.startswith('"')
    other = served.get("/v1/score", phrase="af ah")
    assert other.headers["etag"] != tag
    for known, status in ((tag, 304), (f'"x", W/{tag}', 304), ("*", 304), ('"x"', 200)):
        again = httpx.get(
            url(served, "/v1/score"),
            params={"phrase": "af ag"},
            headers={"if-none-match": known},
        )
        assert (again.status_code, again.headers["etag"]) == (status, tag)
        assert (again.content == b"") == (status == 304)
    large = url(served, "/v1/explain?phrase=af+ag+ah+ai&top_k=300")
    zipped, plain = (
        httpx.get(large, headers={"accept-encoding": coding}).headers["etag"]
        for coding in ("gzip", "identity")
    )
    assert zipped == plain[:-1] + '-gzip"'
    assert httpx.get(large, headers={"if-none-match": zipped}).status_code == 304


def test_a_batch_is_sent_line_by_line_where_that_is_accepted(served: Served) -> None:
    phrases = [f"a{chr(97 + n % 10)}" for n in range(300)]
    body = json.dumps({"phrases": phrases, "top_k": 2}).encode()
    whole = ask(served, "/v1/predict/batch", body).json()["results"]
    lines = ask(served, "/v1/predict/batch", body, accept="application/x-ndjson")
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == whole
    mixed = b'{"phrases": ["this is", "zebra"], "model": "notebook"}'
    answer = ask(served, "/v1/predict/batch", mixed, accept="application/x-ndjson")
    first, second = map(json.loads, answer.text.splitlines())
    assert (first["next_word"], second["code"]) == ("an", "unknown_words")
    for accept in (
        "application/x-ndjson;q=0",
        "application/x-ndjson;q=nan",
        "application/json, application/x-ndjson;q=0.5",
        "*/*",
    ):
        plain = ask(served, "/v1/predict/batch", mixed, accept=accept)
        assert plain.headers["content-type"] == "application/json"
    for accept in ("APPLICATION/X-NDJSON; q=0.9", "application/json, application/x-ndjson"):
        plain = ask(served, "/v1/predict/batch", mixed, accept=accept)
        assert plain.headers["content-type"] == "application/x-ndjson"
