"""What a scrape says, read with the Prometheus client's own parser."""

import asyncio
import os
import time
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app.main import create_app
from app.metrics import SECONDS, Metrics
from app.serving.batching import Batcher
from app.serving.repository import Repository
from app.settings import Settings
from tests.small_models import rank, small_model

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


@pytest.fixture
def served() -> Iterator[tuple[TestClient, Metrics]]:
    metrics = Metrics()
    app = create_app(Settings(), Repository.of(small_model()), metrics)
    with TestClient(app) as client:
        yield client, metrics


def value(text: str, name: str, **labels: str) -> float:
    return samples(text)[name, frozenset(labels.items())]


def test_requests_are_counted_with_their_model_and_duration(
    served: tuple[TestClient, Metrics],
) -> None:
    client, _ = served
    for _ in range(3):
        assert client.get("/v1/tokenize?phrase=w1").status_code == 200
    assert client.get("/v1/tokenize?phrase=w1&model=none").status_code == 404
    text = client.get("/metrics").text
    route = "/v1/tokenize"
    count = "unrolled_requests_total"
    assert value(text, count, route=route, status="200", model="small") == 3
    assert value(text, count, route=route, status="404", model="") == 1
    assert value(text, "unrolled_request_seconds_count", route=route) == 4
    assert value(text, "unrolled_request_seconds_bucket", route=route, le="+Inf") == 4
    assert 0 < value(text, "unrolled_request_seconds_sum", route=route) < 60
    assert value(text, "unrolled_requests_in_progress") == 1  # the scrape


def test_durations_are_in_the_bucket_whose_bound_they_do_not_exceed(
    served: tuple[TestClient, Metrics],
) -> None:
    client, metrics = served
    for seconds in (0.0005, 0.00051, 0.3, 70.0):
        metrics.answered("/x", 200, seconds, None)
    text = client.get("/metrics").text
    cumulative = [
        value(text, "unrolled_request_seconds_bucket", route="/x", le=str(bound))
        for bound in (*SECONDS, "+Inf")
    ]
    assert cumulative == [1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4]
    assert value(text, "unrolled_request_seconds_sum", route="/x") == pytest.approx(70.30101)


def test_a_batch_is_one_execution_of_its_phrases(served: tuple[TestClient, Metrics]) -> None:
    client, metrics = served
    batcher, model = Batcher(metrics=metrics), small_model()

    async def together() -> None:
        await asyncio.gather(*(rank(batcher, model, (number,), 1) for number in range(1, 6)))
        await rank(batcher, model, (1,), 1)

    asyncio.run(together())
    text = client.get("/metrics").text
    assert value(text, "unrolled_batch_phrases_count", model="small") == 1
    assert value(text, "unrolled_batch_phrases_sum", model="small") == 5
    assert value(text, "unrolled_batch_phrases_bucket", model="small", le="4.0") == 0
    assert value(text, "unrolled_batch_phrases_bucket", model="small", le="8.0") == 1
    assert value(text, "unrolled_queue_seconds_count", model="small") == 5
    assert value(text, "unrolled_queue_phrases") == 0
    assert value(text, "unrolled_prefix_lookups_total", result="answer") == 1
    assert value(text, "unrolled_prefix_lookups_total", result="miss") == 5
    assert value(text, "unrolled_prefix_states") == 5


def test_a_client_that_left_is_a_request_that_was_cancelled(
    served: tuple[TestClient, Metrics],
) -> None:
    client, metrics = served
    metrics.answered("/x", 499, 0.1, "small")
    metrics.cancelled("small")  # of an answer that had begun
    text = client.get("/metrics").text
    assert value(text, "unrolled_cancelled_total", model="small") == 2


def test_labels_are_escaped(served: tuple[TestClient, Metrics]) -> None:
    client, metrics = served
    metrics.answered('/a\\b"c\nd', 200, 0.1, None)
    assert '{route="/a\\\\b\\"c\\nd",status="200",model=""} 1.0' in client.get("/metrics").text


def test_the_process_is_measured_as_prometheus_names_it(
    served: tuple[TestClient, Metrics],
) -> None:
    client, _ = served
    text = client.get("/metrics").text
    if not os.path.exists("/proc/self/stat"):
        pytest.skip("there is no /proc")
    times = os.times()
    spent = value(text, "process_cpu_seconds_total")
    used = times.user + times.system + times.children_user + times.children_system
    assert used - 10 < spent <= used + 0.02
    assert value(text, "process_resident_memory_bytes") > 20e6
    assert value(text, "process_open_fds") >= 3
    assert 0 < time.time() - value(text, "process_start_time_seconds") < 7200
    assert value(text, "unrolled_processes") == 1
