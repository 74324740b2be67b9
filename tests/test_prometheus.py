"""What Prometheus and Grafana are given in deploy/, tried with Prometheus itself."""

import json
import math
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.attack.processes import session
from tests.test_lifecycle import get, port_of
from tests.test_server import PATIENCE, eventually

DEPLOY = Path(__file__).parent.parent / "deploy"
PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
pytestmark = pytest.mark.skipif(
    not (PROMETHEUS and PROMTOOL), reason="Prometheus is not installed (apt-get install prometheus)"
)
VARIABLES = {"$job": "unrolled", "$__rate_interval": "1m"}


def expressions() -> list[str]:
    dashboard = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
    found = []
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            expression: str = target["expr"]
            for variable, value in VARIABLES.items():
                expression = expression.replace(variable, value)
            found.append(expression)
    return found


def promtool(*arguments: str, given: str | None = None) -> None:
    command = [str(PROMTOOL), *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def watched(
    notebook_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The addresses of a Prometheus and of a service with two workers, which it scrapes."""
    folder = tmp_path_factory.mktemp("prometheus")
    settings = {"workers": "2", "default_model": "notebook"}
    with (
        session(notebook_folder.parent, folder / "log", **settings) as served,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        service, port = f"127.0.0.1:{port_of(served)}", free.getsockname()[1]
        free.close()
        shutil.copy(DEPLOY / "prometheus" / "alerts.yml", folder)
        config = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
        assert "127.0.0.1:8000" in config
        config = config.replace("127.0.0.1:8000", service).replace("15s", "1s")
        (folder / "prometheus.yml").write_text(config)
        command = [
            str(PROMETHEUS),
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with (folder / "prometheus.log").open("wb") as log:
            prometheus = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield f"http://127.0.0.1:{port}", f"http://{service}"
        finally:
            prometheus.terminate()
            prometheus.wait(PATIENCE)


def query(prometheus: str, expression: str) -> list[dict[str, Any]]:
    url = f"{prometheus}/api/v1/query"
    answer = httpx.get(url, params={"query": expression}, timeout=PATIENCE)
    if answer.status_code == 503:  # it is starting
        return []
    assert answer.status_code == 200, f"{expression}: {answer.text}"
    found: list[dict[str, Any]] = answer.json()["data"]["result"]
    return found


def test_configuration_rules_and_metrics_pass_promtool(
    notebook_folder: Path, tmp_path: Path
) -> None:
    promtool("check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))
    with session(notebook_folder.parent, tmp_path / "log", workers="2") as one:
        port = port_of(one)
        assert get(port, "/v1/predict?phrase=this%20is&model=notebook").status_code == 200
        promtool("check", "metrics", given=get(port, "/metrics").text)


def test_every_expression_of_the_dashboard_and_every_alert_has_a_value(
    watched: tuple[str, str],
) -> None:
    prometheus, service = watched

    def work() -> None:
        for text in ("this", "this is", "is this", "an"):
            body = {"phrase": text}
            assert httpx.post(f"{service}/v1/predict", json=body).status_code == 200
        # The answers above are remembered after a while; what is drawn is computed every time.
        drawn = {"model": "notebook", "prompt": "this is", "temperature": 1, "max_tokens": 2}
        assert httpx.post(f"{service}/v1/completions", json=drawn).status_code == 200
        assert httpx.get(f"{service}/nothing").status_code == 404

    def finite(expression: str) -> bool:
        work()
        values = [float(one["value"][1]) for one in query(prometheus, expression)]
        return bool(values) and all(map(math.isfinite, values))

    eventually(lambda: len(query(prometheus, 'up{job="unrolled"} == 1')) == 1)
    for expression in expressions():
        eventually(lambda expression=expression: finite(expression))  # type: ignore[misc]
    rules = httpx.get(f"{prometheus}/api/v1/rules").json()["data"]["groups"][0]["rules"]
    assert len(rules) == 9
    assert [rule["health"] for rule in rules] == ["ok"] * 9
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []


def test_what_prometheus_counts_is_what_was_sent(watched: tuple[str, str]) -> None:
    prometheus, service = watched
    for _ in range(20):
        assert httpx.get(f"{service}/v1/pad?phrase=this").status_code == 200
    count = 'unrolled_requests_total{route="/v1/pad",status="200"}'
    eventually(lambda: [one["value"][1] for one in query(prometheus, count)] == ["20"])


def test_alerts_and_dashboard_name_metrics_that_there_are(watched: tuple[str, str]) -> None:
    _, service = watched
    known = set(re.findall(r"# TYPE (\w+)", httpx.get(f"{service}/metrics").text)) | {"up"}
    text = (DEPLOY / "prometheus" / "alerts.yml").read_text() + "\n".join(expressions())
    named = {re.sub("_(bucket|count|sum)$", "", name) for name in re.findall(r"\b\w+_\w+\b", text)}
    named = {name for name in named if name.startswith(("unrolled_", "process_"))}
    assert len(named) > 12
    assert named <= known
