"""The rules of deploy/kubernetes, read from its files and applied to the real container."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.container.engine import ROOT, docker

yaml = pytest.importorskip("yaml")
pytestmark = pytest.mark.container

MANIFEST = yaml.safe_load((ROOT / "deploy/kubernetes/base/deployment.yaml").read_text())
POD = MANIFEST["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]
[PORT] = CONTAINER["ports"]


def options() -> Iterator[str]:
    """What a node would do with the Deployment, as options of `docker run`."""
    pod, own = POD["securityContext"], CONTAINER["securityContext"]
    yield from ("--user", f"{pod['runAsUser']}:{pod['runAsGroup']}")
    yield from (f"--cap-drop={one}" for one in own["capabilities"]["drop"])
    if own["readOnlyRootFilesystem"]:
        yield "--read-only"
    if not own["allowPrivilegeEscalation"]:
        yield "--security-opt=no-new-privileges:true"
    volumes = {volume["name"]: volume["emptyDir"] for volume in POD["volumes"]}
    for mount in CONTAINER["volumeMounts"]:
        size = volumes[mount["name"]]["sizeLimit"].removesuffix("i")
        yield f"--tmpfs={mount['mountPath']}:size={size}"
    yield f"--memory={CONTAINER['resources']['limits']['memory'].removesuffix('i')}"
    yield from (f"--env={one['name']}={one['value']}" for one in CONTAINER["env"])


class Pod:
    def __init__(self, image: str) -> None:
        assert PORT["name"] == "http"
        publish = f"--publish=127.0.0.1::{PORT['containerPort']}"
        self.name = docker("run", "--detach", "--no-healthcheck", publish, *options(), image)
        address = docker("port", self.name, f"{PORT['containerPort']}/tcp").splitlines()[0]
        self.http = httpx.Client(base_url=f"http://{address}")

    def passes(self, probe: dict[str, Any]) -> bool:
        """One attempt of a probe of the manifest."""
        assert probe["httpGet"]["port"] == PORT["name"]
        try:
            answer = self.http.get(
                probe["httpGet"]["path"], timeout=probe.get("timeoutSeconds", 1) * 10
            )
        except httpx.TransportError:
            return False
        return 200 <= answer.status_code < 400

    def start(self) -> None:
        probe = CONTAINER["startupProbe"]
        for _ in range(probe["failureThreshold"]):
            if self.passes(probe):
                return
            time.sleep(probe["periodSeconds"])
        pytest.fail(f"it would have been killed\n{docker('logs', self.name)}")


@pytest.fixture
def pod(image: str) -> Iterator[Pod]:
    started = Pod(image)
    yield started
    started.http.close()
    docker("rm", "--force", "--volumes", started.name)


def test_a_pod_of_the_manifest_starts_answers_and_ends_in_its_time(pod: Pod) -> None:
    pod.start()
    assert pod.passes(CONTAINER["readinessProbe"])
    assert pod.passes(CONTAINER["livenessProbe"])
    asked = {"phrase": "thank you very"}
    assert pod.http.post("/v1/predict", json=asked).json()["next_word"] == "much"
    lines = docker("logs", pod.name)
    began = time.monotonic()
    docker("kill", "--signal", "TERM", pod.name)
    assert not pod.passes(CONTAINER["readinessProbe"])  # it leaves the Service …
    assert pod.passes(CONTAINER["livenessProbe"])  # … and still answers who comes meanwhile
    assert pod.http.post("/v1/predict", json=asked).status_code == 200
    assert docker("wait", pod.name) == "0"
    assert time.monotonic() - began < POD["terminationGracePeriodSeconds"]
    assert "Traceback" not in lines


def test_the_memory_limit_is_enough_for_a_large_batch(pod: Pod) -> None:
    pod.start()
    body = {"phrases": ["the quick brown fox jumps over"] * 1000, "top_k": 50}
    answer = pod.http.post("/v1/predict/batch", json=body, timeout=60)
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 1000
    assert docker("inspect", "-f", "{{.State.OOMKilled}} {{.State.Running}}", pod.name) == (
        "false true"
    )
