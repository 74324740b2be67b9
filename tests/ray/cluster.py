"""Ray on the machines of a network: one processor each, a token, and nothing that calls home."""

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from tests.ray.load import PATIENCE, ask
from tests.ray.network import Network

ROOT = Path(__file__).parents[2]
HEAD, SECOND = "head", "second"
SERVE_YAML = ROOT / "deploy" / "ray" / "serve.yaml"
BIN = Path(sys.executable).parent
_STARTED = "Ray runtime started"
_TRIES = 6
_REPLICA, _TASK = "ray::ServeReplica", "ray::Map"  # as processes call themselves
_SETTLED = """
import sys, time, ray
from ray import serve
ray.init(sys.argv[1], log_to_driver=False)
while True:
    unrolled = serve.status().applications["unrolled"]
    states = [one.replica_states for one in unrolled.deployments.values()]
    if unrolled.status == "RUNNING" and states == [{"RUNNING": 2}]:
        break
    time.sleep(0.5)
"""


class Cluster:
    """Two machines; `serve` deploys to them. Stops all that it started."""

    def __init__(self) -> None:
        self.network = Network(HEAD, SECOND)
        self._token = secrets.token_hex(16)
        self._closing = ExitStack()
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Cluster":
        with ExitStack() as closing:
            # Its sockets' names are short: /tmp rather than a test's own folder.
            self.folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="unr")))
            closing.enter_context(self.network)
            closing.callback(self._stop)
            self.start(HEAD)
            self.start(SECOND)
            self._closing = closing.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @property
    def address(self) -> str:
        """Where the cluster is found."""
        return f"{self.network.addresses[HEAD]}:6379"

    @property
    def environment(self) -> dict[str, str]:
        """Of whoever is to speak with the cluster."""
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "UNROLLED_"))}
        return {
            **plain,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self._token,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_DASHBOARD_STARTUP_TIMEOUT_S": str(PATIENCE),
            "RAY_gcs_server_port_wait_time_s": str(PATIENCE),
            "PYTHONPATH": str(ROOT),
        }

    def start(self, machine: str) -> None:
        """Start Ray on a machine, and wait until it belongs to the cluster."""
        for _ in range(_TRIES):  # it gives up where its own parts take more than half a minute
            node = self._launch(machine)
            while node.poll() is None:
                if _STARTED in self._log(machine).read_text():
                    return
                time.sleep(0.2)
            self.network.kill(machine)
        raise AssertionError(self._log(machine).read_text())

    def _launch(self, machine: str) -> "subprocess.Popen[bytes]":
        address = self.network.addresses[machine]
        where = ["--node-ip-address", address, "--num-cpus", "1", "--block"]
        where += ["--object-store-memory", "100000000"]
        if machine == HEAD:
            where += ["--head", "--port", "6379", "--include-dashboard", "false"]
            where += ["--temp-dir", str(self.folder)]
        else:
            where += ["--address", self.address]
        with self.network.on(machine), open(self._log(machine), "wb") as log:
            node = subprocess.Popen(
                [BIN / "ray", "start", *where], env=self.environment, stdout=log, stderr=log
            )
        self._nodes[machine] = node
        return node

    def _log(self, machine: str) -> Path:
        return self.folder / f"{machine}.log"

    def lose(self, machine: str) -> None:
        """All of it at once."""
        self.network.kill(machine)
        self._nodes.pop(machine).wait()

    def deploy(self, **changes: Any) -> None:
        """deploy/ray/serve.yaml with the smallest model, one replica on each machine (unless
        autoscaling is among them), and these `changes` to its deployment.
        """
        config = yaml.safe_load(SERVE_YAML.read_text())
        (application,) = config["applications"]
        (deployment,) = application["deployments"]
        scaling = deployment.pop("autoscaling_config")
        deployment["max_replicas_per_node"] = 1
        if "autoscaling_config" in changes:
            deployment["autoscaling_config"] = scaling | changes.pop("autoscaling_config")
        else:
            deployment["num_replicas"] = 2
        deployment["ray_actor_options"]["num_cpus"] = 0.4
        variables = application["runtime_env"]["env_vars"]
        variables |= {"UNROLLED_DEFAULT_MODEL": "notebook", "UNROLLED_MODELS_DIR": f"{ROOT}/models"}
        variables |= changes.pop("env_vars", {})
        deployment |= changes
        path = self.folder / "serve.yaml"
        path.write_text(yaml.safe_dump(config))
        self.run("serve", "run", "--non-blocking", "--address", self.address, str(path))

    def run(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command of this environment, on the head."""
        with self.network.on(HEAD):
            done = subprocess.run(
                [BIN / command, *arguments],
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def replicas(self, machine: str) -> set[int]:
        """Processes of replicas that have started on a machine, and may not be ready yet."""
        return {pid for pid in self.network.pids(machine) if command_of(pid).startswith(_REPLICA)}

    def settle(self) -> None:
        """Wait until Ray says that each machine has its replica, and none is to come or go."""
        self.run("python", "-c", _SETTLED, self.address)
        self.until(lambda: all(map(self.serves, (HEAD, SECOND))), "an answer of either machine")

    def works(self, machine: str) -> bool:
        """Whether a chunk of a file is being computed there."""
        return any(command_of(pid).startswith(_TASK) for pid in self.network.pids(machine))

    def serves(self, machine: str) -> bool:
        """Whether its proxy has a replica to ask."""
        with self.network.on():
            return not ask(self.url(machine, "/readyz")).lost

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"waited for {what} in vain"
            time.sleep(0.2)

    def url(self, machine: str, path: str) -> str:
        return f"http://{self.network.addresses[machine]}:8000{path}"

    def _stop(self) -> None:
        for process in reversed(self._nodes.values()):
            process.terminate()
        for process in self._nodes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
