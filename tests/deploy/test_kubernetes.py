"""deploy/kubernetes and deploy/kserve, held to the schemas of two versions of Kubernetes.

No cluster is run. tests/container/test_manifest.py applies the Deployment's rules to the image.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.server.lifecycle import GRACE_SECONDS
from app.settings import Settings

kubernetes_validate = pytest.importorskip("kubernetes_validate")
yaml = pytest.importorskip("yaml")

DEPLOY = Path(__file__).parents[2] / "deploy"
VERSIONS = ("1.33", "1.37")
BASE = [
    path
    for path in sorted((DEPLOY / "kubernetes" / "base").glob("*.yaml"))
    if path.name != "kustomization.yaml"
]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def pod() -> Any:
    return load(DEPLOY / "kubernetes" / "base" / "deployment.yaml")["spec"]["template"]["spec"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", BASE, ids=lambda path: path.stem)
def test_every_resource_is_what_the_version_expects(path: Path, version: str) -> None:
    kubernetes_validate.validate(load(path), version, strict=True)


def test_what_the_versions_do_not_expect_is_noticed() -> None:
    deployment = load(DEPLOY / "kubernetes" / "base" / "deployment.yaml")
    deployment["spec"]["template"]["spec"]["enableServiceLink"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSIONS[0], strict=True)


def test_kustomize_lists_every_resource() -> None:
    listed = load(DEPLOY / "kubernetes" / "base" / "kustomization.yaml")["resources"]
    assert sorted(listed) == [path.name for path in BASE]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl, whose kustomize renders")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", [".", "models-from-volume", "models-from-image"])
def test_what_kustomize_renders_is_what_the_version_expects(folder: str, version: str) -> None:
    command = ("kubectl", "kustomize", str(DEPLOY / "kubernetes" / folder))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rendered = list(yaml.safe_load_all(done.stdout))
    assert len(rendered) == len(BASE)
    for one in rendered:
        kubernetes_validate.validate(one, version, strict=True)
    [deployment] = [one for one in rendered if one["kind"] == "Deployment"]
    spec = deployment["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"].startswith("registry.example.org/unrolled:")
    mounted = {one["name"]: one["mountPath"] for one in spec["containers"][0]["volumeMounts"]}
    expected = {"tmp": "/tmp"} | ({} if folder == "." else {"models": "/models"})
    assert mounted == expected
    assert {volume["name"] for volume in spec["volumes"]} == set(expected)


def test_a_pod_has_the_time_that_it_may_take_to_end() -> None:
    settings = environment(pod()["containers"][0])
    drain = float(settings["UNROLLED_DRAIN_SECONDS"])
    assert pod()["terminationGracePeriodSeconds"] > drain + GRACE_SECONDS
    predictor = load(DEPLOY / "kserve" / "inference-service.yaml")["spec"]["predictor"]
    assert predictor["terminationGracePeriodSeconds"] > drain + GRACE_SECONDS


def test_selectors_and_ports_fit_together() -> None:
    loaded = {one["kind"]: one for one in map(load, BASE) if one["kind"] != "Kustomization"}
    labels = loaded["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert loaded["Service"]["spec"]["selector"] == labels
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert loaded[kind]["spec"]["selector"]["matchLabels"] == labels
    assert loaded["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    [port] = pod()["containers"][0]["ports"]
    assert loaded["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    assert loaded["NetworkPolicy"]["spec"]["ingress"][0]["ports"] == [{"port": port["name"]}]
    target = loaded["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "unrolled")


def environment(container: Any) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container["env"]}


def test_every_setting_that_a_manifest_has_is_one_of_the_service() -> None:
    runtime = load(DEPLOY / "kserve" / "runtime.yaml")["spec"]["containers"][0]
    for container in (pod()["containers"][0], runtime):
        given = {
            name.removeprefix("UNROLLED_").lower(): v for name, v in environment(container).items()
        }
        assert set(given) <= set(Settings.model_fields)
        Settings(**given)  # type: ignore[arg-type] # strings, as from the environment


@pytest.mark.parametrize("version", VERSIONS)
def test_the_runtime_of_kserve_runs_a_container_that_kubernetes_accepts(version: str) -> None:
    runtime = load(DEPLOY / "kserve" / "runtime.yaml")
    service = load(DEPLOY / "kserve" / "inference-service.yaml")["spec"]["predictor"]["model"]
    wrapped = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "english"},
        "spec": {"containers": runtime["spec"]["containers"]},
    }
    kubernetes_validate.validate(wrapped, version, strict=True)
    assert runtime["metadata"]["name"] == service["runtime"]
    formats = [
        {key: one[key] for key in ("name", "version")}
        for one in runtime["spec"]["supportedModelFormats"]
    ]
    assert service["modelFormat"] in formats
    assert service["protocolVersion"] in runtime["spec"]["protocolVersions"]


@pytest.mark.parametrize("unset", ["tcp://10.96.0.7:80", "tcp://[fd00::7]:80"])
def test_the_address_of_a_service_named_unrolled_is_no_port(
    unset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNROLLED_PORT", unset)
    assert Settings().port == 8000
    assert pod()["enableServiceLinks"] is False
