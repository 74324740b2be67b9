"""Who is measured: each starts by one command on a port of its own and answers the same phrases."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
PEERS = Path(__file__).parent / "peers"
PHRASE = '{"phrase": "%s", "top_k": 10}'


class NotInstalled(Exception):
    """A peer's environment could not be made; the message says why."""


@dataclass(frozen=True)
class Contestant:
    """`command` has {port} where the port goes; `group` says what its table is."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    path: str = "/v1/predict"
    body: str = PHRASE


def python_of(peer: str) -> str:
    """The interpreter of a peer's virtual environment, which is made where there is none."""
    folder = ROOT / ".venv-bench" / peer
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        print(f"installing {peer} …", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        for command in (
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", peer, "numpy"],
        ):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise NotInstalled(done.stderr.strip().splitlines()[-1])
        (folder / "installed").touch()
    return str(python)


def ours(name: str, models: Path, model: str, **environment: str) -> Contestant:
    """The service itself, without a log line a request: no contestant writes one."""
    command = [str(Path(sys.executable).with_name("unrolled")), "serve", "--port", "{port}"]
    return Contestant(name, command, {**_serving(models, model), **environment})


def _serving(models: Path, model: str) -> dict[str, str]:
    return {
        "UNROLLED_MODELS_DIR": str(models),
        "UNROLLED_DEFAULT_MODEL": model,
        "UNROLLED_LOG_REQUESTS": "false",
    }


def _script(name: str, *command: str, **environment: str) -> Contestant:
    return Contestant(name, [sys.executable, *command, "{port}"], environment)


def through_asgi(name: str, models: Path, model: str) -> Contestant:
    """The service as any ASGI server runs it."""
    command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", "{port}"]
    command += ["--no-access-log", "--no-server-header", "--no-proxy-headers"]
    return Contestant(name, command, _serving(models, model))


def worker_thread(models: Path) -> Contestant:
    """The service, with its products on a thread of their own."""
    environment = _serving(models, "yardstick")
    return _script("products on a worker thread", str(PEERS / "worker_thread.py"), **environment)


def frameworks(weights: Path) -> Iterator[Contestant]:
    """Constants, and one real prediction at a time."""
    constants = str(PEERS / "constants.py")
    yield _script("FastAPI, constant (the ceiling)", constants, "fastapi")
    yield _script("Starlette route, constant", constants, "starlette")
    yield _script("raw ASGI on uvicorn, constant", constants, "raw")
    yield _script(
        "FastAPI + NumPy, unbatched", constants, "fastapi-numpy", BENCH_WEIGHTS=str(weights)
    )


def tutorials(weights: Path, model: Path) -> Iterator[Contestant]:
    """FastAPI around Keras."""
    environment = {
        "BENCH_WEIGHTS": str(weights),
        "BENCH_MODEL": str(model),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }
    tutorial = str(PEERS / "tutorial.py")
    yield _script("FastAPI + model.predict", tutorial, "predict", **environment)
    yield _script("FastAPI + tf.function", tutorial, "function", **environment)


def litserve(weights: Path) -> Contestant:
    """LitServe, batching up to 32."""
    command = [python_of("litserve"), str(PEERS / "litserve_server.py"), "{port}"]
    return Contestant("LitServe", command, {"BENCH_WEIGHTS": str(weights)})


def bentoml(weights: Path) -> Contestant:
    """BentoML with adaptive batching."""
    command = [python_of("bentoml"), "-m", "bentoml", "serve", "bentoml_service:Yardstick"]
    command += ["--working-dir", str(PEERS), "--host", "127.0.0.1", "--port", "{port}"]
    environment = {"BENCH_WEIGHTS": str(weights), "BENTOML_DO_NOT_TRACK": "true"}
    return Contestant("BentoML", command, environment, body='{"phrase": ["%s"]}')


def mlserver(weights: Path) -> Contestant:
    """MLServer with a custom runtime in its own process, batching up to 32."""
    python = python_of("mlserver")
    folder = Path(tempfile.mkdtemp(prefix="mlserver-"))
    settings = {
        "host": "127.0.0.1",
        "parallel_workers": 0,
        "metrics_port": 0,
        "grpc_port": 0,
        "access_log": False,
    }
    model = {
        "name": "yardstick",
        "implementation": "mlserver_runtime.Runtime",
        "max_batch_size": 32,
        "max_batch_time": 0.002,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    environment = {
        "BENCH_WEIGHTS": str(weights),
        "PYTHONPATH": str(PEERS),
        "MLSERVER_HTTP_PORT": "{port}",
    }
    body = '{"inputs": [{"name": "phrase", "shape": [1], "datatype": "BYTES", "data": ["%s"]}]}'
    command = [str(Path(python).with_name("mlserver")), "start", str(folder)]
    return Contestant("MLServer", command, environment, "/v2/models/yardstick/infer", body)


_KEEPS_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


def environment_of(contestant: Contestant, port: int) -> dict[str, str]:
    """The process's environment: one BLAS thread, as befits one core; bytecode that is kept, as it
    is unless somebody forbids it.
    """
    inherited = {name: value for name, value in os.environ.items() if name != _KEEPS_NO_BYTECODE}
    own = {
        name: value.replace("{port}", str(port)) for name, value in contestant.environment.items()
    }
    return {**inherited, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **own}
