"""Bodies of many values: what is counted, what is refused unparsed, and where a body is parsed."""

import asyncio
import json
import threading
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidRequest
from app.http import parsing
from app.http.parsing import outside_strings, parsed
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.http.ways import Way, both_ways, serving_on

VALUES = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(['"', "\\", '\\"', ",[{", '",\\']),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def marks(value: Any) -> int:
    """Commas and opening brackets that JSON needs for a value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return 1 + max(0, len(value) - 1) + sum(map(marks, value))
    return 0


@given(VALUES, st.integers(1, 9), st.booleans())
def test_what_stands_in_strings_is_no_mark(value: object, at_once: int, ascii_alone: bool) -> None:
    written = json.dumps(value, ensure_ascii=ascii_alone).encode("utf-8", "surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "_AT_ONCE", at_once)
        outside = b"".join(outside_strings(written))
    assert sum(map(outside.count, (b",", b"[", b"{"))) == marks(value)


def where(body: bytes, most: int) -> int:
    """The thread on which a body is parsed."""
    return asyncio.run(parsed(body, lambda _: threading.get_ident(), most))


def test_a_large_body_is_parsed_beside_the_loop() -> None:
    assert where(b"[1,2]", 10) == threading.get_ident()
    assert where(b'["%b"]' % (b",[{" * 20_000), 10) != threading.get_ident()


def test_a_body_of_too_many_values_is_never_parsed() -> None:
    asked: list[bytes] = []
    with pytest.raises(InvalidRequest, match="more than 4096 values"):
        asyncio.run(parsed(b"[" + b"1," * 100_000 + b"1]", asked.append, 4096))
    assert asked == []


@both_ways
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/predict/batch", {"phrases": ["this"] * 4_097}, 422),
        ("/v1/predict", {"phrase": "this", **{f"f{at}": 1 for at in range(4_097)}}, 422),
        ("/v1/completions", {"prompt": [1] * 70_001}, 400),
        ("/detokenize", {"tokens": [1] * 70_001}, 400),
        ("/v2/models/notebook/infer", {"inputs": [{"data": [1] * 70_001}]}, 400),
    ],
)
def test_the_client_is_told_how_many_values_there_may_be(
    way: Way, path: str, body: object, status: int, repository: Repository
) -> None:
    with serving_on(way, create_app(Settings(poll_seconds=0), repository)) as served:
        url = "http://{}:{}".format(*served.address)
        answer = httpx.post(url + path, json=body)
        assert answer.status_code == status
        assert "the body has more than" in answer.text
        phrases = {"phrases": ["this, is, [an] {example}" * 40] * 1_000}
        assert httpx.post(f"{url}/v1/predict/batch", json=phrases).status_code == 200
