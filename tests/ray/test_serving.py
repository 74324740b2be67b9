"""deploy/ray/serve.yaml on two machines, asked from a third: answers, updates, and what is lost
with a replica, a cable and a machine. In this order: each test leaves both machines serving.
"""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pytest
import yaml
from starlette.testclient import TestClient

from tests.ray.cluster import HEAD, SECOND, SERVE_YAML, Cluster
from tests.ray.load import Asked, Load, ask

PREDICT = "/v1/predict?phrase=this+is"

pytestmark = pytest.mark.ray


def test_either_machine_answers_as_the_plain_service(serving: Cluster, client: TestClient) -> None:
    body = {"phrases": ["this is", "is", "nosuchword", "an"]}
    chat = {"model": "notebook", "prompt": "this is", "max_tokens": 3, "temperature": 0}
    asked = [
        client.build_request("GET", PREDICT),
        client.build_request("GET", "/v1/predict?phrase=" + quote("this is nöt")),
        client.build_request("POST", "/v1/predict/batch", json=body),
        client.build_request("POST", "/v1/explain", json={"phrase": "this is"}),
        client.build_request("POST", "/v1/predict", content=b"{"),
        client.build_request("GET", "/v2/models/notebook"),
        client.build_request("GET", "/nowhere"),
    ]
    for machine in (HEAD, SECOND):
        with serving.network.on(), httpx.Client(base_url=serving.url(machine, "")) as ours:
            for request in asked:
                plain = client.send(request)
                there = ours.request(
                    request.method, request.url.raw_path.decode(), content=request.content
                )
                assert there.status_code == plain.status_code
                assert there.headers["content-type"] == plain.headers["content-type"]
                assert without_ids(there.json()) == without_ids(plain.json())
            with ours.stream("POST", "/v1/completions", json=chat | {"stream": True}) as streamed:
                lines = [line for line in streamed.iter_lines() if line]
            whole = client.post("/v1/completions", json=chat).json()["choices"][0]["text"]
            assert lines[-1] == "data: [DONE]"
            events = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
            assert "".join(event["choices"][0]["text"] for event in events) == whole


def without_ids(answer: dict[str, object]) -> dict[str, object]:
    """What two services cannot have in common."""
    return {key: value for key, value in answer.items() if key not in ("request_id", "instance")}


def test_an_update_under_load_loses_nothing(serving: Cluster) -> None:
    old = serving.replicas(HEAD) | serving.replicas(SECOND)
    urls = [serving.url(machine, PREDICT) for machine in (HEAD, SECOND)]
    with Load(serving.network, *urls) as load:
        load.go_on()
        serving.deploy(env_vars={"UNROLLED_MAX_BATCH": "16"})
        serving.settle()
        load.go_on()
    assert not old & (serving.replicas(HEAD) | serving.replicas(SECOND))
    assert load.lost == []
    assert len({one.body for one in load.all}) == 1
    told(load, "update")


def test_a_killed_replica_loses_only_what_it_had_in_flight(serving: Cluster) -> None:
    with Load(serving.network, serving.url(HEAD, PREDICT), clients=4) as load:
        load.go_on()
        victims = serving.replicas(HEAD)
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        serving.until(lambda: bool(serving.replicas(HEAD) - victims), "another replica")
        serving.settle()
        load.go_on()
    assert len(load.lost) <= load.clients
    told(load, "replica killed")


def test_twenty_seconds_of_partition_are_got_over(serving: Cluster) -> None:
    with Load(serving.network, serving.url(HEAD, PREDICT), clients=4) as load:
        load.go_on()
        serving.network.cut_off(SECOND)
        cut = time.monotonic()
        time.sleep(20)
        back = time.monotonic()
        serving.network.reconnect(SECOND)
        serving.settle()
        after = load.go_on()
    meanwhile = [one for one in load.all if cut < one.sent and one.ended < back]
    assert sum(not one.lost for one in meanwhile) > len(meanwhile) / 2 > 0
    assert [one for one in after if one.lost] == []
    told(load, "partition")


def test_a_lost_machine_is_done_without_and_comes_back(serving: Cluster) -> None:
    with Load(serving.network, serving.url(HEAD, PREDICT), clients=4) as load:
        load.go_on()
        serving.lose(SECOND)
        without = load.go_on(400)
    assert [one for one in without[-200:] if one.lost] == []
    told(load, "machine lost")
    serving.start(SECOND)
    serving.settle()


def test_what_cannot_be_queued_is_refused_with_503(serving: Cluster) -> None:
    serving.deploy(
        max_ongoing_requests=1, max_queued_requests=1, env_vars={"UNROLLED_MAX_BATCH": "8"}
    )
    serving.settle()
    slow = serving.url(HEAD, "/v1/notebook?epochs=5000&text=" + quote("This is an example " * 20))

    def one(_: int) -> Asked:
        with serving.network.on():
            return ask(slow)

    with ThreadPoolExecutor(24) as clients:
        found = list(clients.map(one, range(24)))
    assert {asked.status for asked in found} == {200, 503}


def test_replicas_come_with_load_and_go_without(serving: Cluster) -> None:
    def count() -> int:
        return sum(len(serving.replicas(machine)) for machine in (HEAD, SECOND))

    at_once = {"upscale_delay_s": 0, "downscale_delay_s": 1, "look_back_period_s": 2}
    serving.deploy(
        autoscaling_config={"min_replicas": 1, "max_replicas": 2, "target_ongoing_requests": 1}
        | at_once
    )
    serving.until(lambda: count() == 1, "a replica to go")
    training = serving.url(
        HEAD, "/v1/notebook?epochs=500&text=" + quote("This is an example " * 10)
    )
    with Load(serving.network, training, clients=8) as load:
        serving.until(lambda: count() == 2, "a replica to come")
        serving.settle()
        load.go_on(8)
    assert {one.status for one in load.all} <= {200, 408}  # which a busy machine may give
    serving.until(lambda: count() == 1, "it to go again")


def test_the_file_is_one_that_ray_reads_as_it_is() -> None:
    schema = pytest.importorskip("ray.serve.schema", reason="Ray is not installed: make ray")
    config = yaml.safe_load(SERVE_YAML.read_text())
    (application,) = schema.ServeDeploySchema.model_validate(config).applications
    (deployment,) = application.deployments
    assert deployment.max_queued_requests == 256
    assert deployment.graceful_shutdown_timeout_s > config["http_options"]["request_timeout_s"]


def told(load: Load, what: str) -> None:
    """For whoever reads with -s."""
    longest = max(one.ended - one.sent for one in load.all)
    print(f"{what}: {len(load.all)} asked, {len(load.lost)} lost, at most {longest:.1f} s")
