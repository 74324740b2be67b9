"""What ties a request to its caller's logs: traceparent, X-Request-Id, Server-Timing; both ways."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.http.ways import Way, both_ways, serving_on
from tests.test_server import Served, eventually

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
QUERY = "/v1/predict?phrase=this%20is"


@pytest.fixture
def served(way: Way, repository: Repository) -> Iterator[Served]:
    with serving_on(way, create_app(Settings(log_format="json"), repository)) as served:
        yield served


def get(served: Served, path: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get("http://{}:{}{}".format(*served.address, path), headers=named)


def logged(capsys: pytest.CaptureFixture[str], request_id: str) -> dict[str, Any]:
    """The log's line about a request, which may be written just after it is answered."""
    seen: list[str] = []

    def line() -> dict[str, Any] | None:
        seen.extend(capsys.readouterr().err.splitlines())
        lines = (json.loads(one) for one in seen if one.startswith("{"))
        return next((one for one in lines if one.get("request_id") == request_id), None)

    return eventually(line)


@both_ways
def test_a_traceparent_goes_to_the_log(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    answer = get(served, QUERY, traceparent=TRACE, x_request_id="mine-1")
    assert (answer.status_code, answer.headers["x-request-id"]) == (200, "mine-1")
    line = logged(capsys, "mine-1")
    assert (line["traceparent"], line["path"], line["model"]) == (TRACE, "/v1/predict", "notebook")
    assert "this" not in json.dumps(line)


@both_ways
@pytest.mark.parametrize(
    "unsound",
    [
        TRACE.upper(),
        TRACE.replace("00-", "ff-", 1),
        TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        TRACE.replace("00f067aa0ba902b7", "0" * 16),
        TRACE + "0",
        TRACE + '", "level": "error',
    ],
)
def test_what_is_no_traceparent_is_left_out(
    served: Served, capsys: pytest.CaptureFixture[str], unsound: str
) -> None:
    answer = get(served, QUERY, traceparent=unsound, x_request_id="mine-2")
    assert answer.status_code == 200
    line = logged(capsys, "mine-2")
    assert "traceparent" not in line
    assert line["level"] == "info"


@both_ways
def test_server_timing_says_where_the_time_went(served: Served) -> None:
    stages = {
        QUERY: ["parse", "compute", "encode", "total"],
        "/v1/explain?phrase=this%20is": ["parse", "compute", "total"],
        "/v1/models": ["parse", "total"],
        "/v1/nothing": ["total"],
    }
    for path, expected in stages.items():
        timing = get(served, path).headers["server-timing"]
        found = re.findall(r"(\w+);dur=(\d+\.\d{3})(?:, |$)", timing)
        assert [name for name, _ in found] == expected
        assert ", ".join(f"{name};dur={ms}" for name, ms in found) == timing
        *parts, total = (float(ms) for _, ms in found)
        assert sum(parts) <= total + 0.001 * len(found)  # each is rounded
