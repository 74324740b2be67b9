"""What generators make of /openapi.json parses what the service really answers."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.http.uvicorn_protocol import Protocol
from tests.api.clients import serving_both_models, url
from tests.test_server import Served

ROOT = Path(__file__).parent.parent.parent
CLIENTS = ROOT / ".venv-clients" / "bin"

PYTHON = """
import sys
from unrolled_client import Client
from unrolled_client.api.{tag} import {name} as call
from unrolled_client.models import {request}

client = Client(base_url=sys.argv[1])
answer = call.sync(client=client, body={request}.from_dict({body!r}))
assert type(answer).__name__ == "{kind}", answer
assert answer.to_dict() {check}, answer
"""
BATCH = """
import sys
from unrolled_client import Client
from unrolled_client.api.phrases import predict_batch
from unrolled_client.models import BatchRequest

client = Client(base_url=sys.argv[1])
body = {"phrases": ["this is", "zebra"], "model": "notebook"}
answer = predict_batch.sync(client=client, body=BatchRequest.from_dict(body))
assert [type(one).__name__ for one in answer.results] == ["Predicted", "Problem"], answer
assert answer.results[1].unknown[0].word == "zebra", answer
"""
CALLS = [
    ("phrases", "predict", "PredictRequest", "Predicted",
     {"phrase": "this is", "model": "notebook"}, '["next_word"] == "an"'),
    ("phrases", "predict", "PredictRequest", "PrefixPredicted",
     {"phrase": "this is", "model": "notebook", "prefix": "e"}, '["next_word"] == "example"'),
    ("phrases", "predict", "PredictRequest", "Problem",
     {"phrase": "zebra", "model": "notebook"}, '["unknown"][0]["word"] == "zebra"'),
    ("phrases", "explain", "LookRequest", "Excerpt",
     {"phrase": "this is", "model": "notebook", "units": 1}, '["logit_indices"][0] == 2'),
    ("phrases", "score", "PhraseRequest", "Scored", {"phrase": "this is", "model": "notebook"},
     '["words"][0]["probability"] is None'),
    ("openai", "create_completion", "CompletionRequest", "Completion",
     {"prompt": "this is", "model": "notebook", "temperature": 0, "max_tokens": 1},
     '["choices"][0]["text"] == " an"'),
    ("openai", "tokenize_text", "TokenizeRequest", "Tokens",
     {"prompt": "this", "model": "notebook"}, '["tokens"] == [3]'),
]  # fmt: skip


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving_both_models(Protocol) as served:
        yield served


@pytest.fixture(scope="module")
def document(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(served.get("/openapi.json").text)
    return path


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_openapi_python_client(served: Served, document: Path) -> None:
    generator = CLIENTS / "openapi-python-client"
    if not generator.exists():
        pytest.skip("openapi-python-client is not installed: make clients")
    folder = document.parent
    config = folder / "config.yaml"
    config.write_text("package_name_override: unrolled_client\npost_hooks: []\n")
    told = run(
        generator, "generate", "--path", document, "--config", config, "--meta", "none",
        "--output-path", folder / "unrolled_client", cwd=folder,
    )  # fmt: skip
    assert "will not be generated" not in told, told
    for tag, name, request, kind, body, check in CALLS:
        script = PYTHON.format(
            tag=tag, name=name, request=request, kind=kind, body=body, check=check
        )
        run(CLIENTS / "python", "-c", script, url(served), cwd=folder)
    run(CLIENTS / "python", "-c", BATCH, url(served), cwd=folder)


TYPESCRIPT = """
import type {{ paths }} from "./schema";
type Whole<A> = {{ post: {{ responses: {{ 200: {{ content: {{ "application/json": A }} }} }} }} }};
type Answer<P extends keyof paths> = paths[P] extends Whole<infer A> ? A : never;
{constants}
"""


def test_openapi_typescript(served: Served, document: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = document.parent
    installed = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "openapi-typescript", "typescript@5"],
        cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    if installed.returncode:
        pytest.skip("openapi-typescript cannot be installed here")
    bin_folder = folder / "node_modules" / ".bin"
    run(bin_folder / "openapi-typescript", document, "-o", folder / "schema.ts", cwd=folder)
    constants = []
    paths = {"predict": "/v1/predict", "score": "/v1/score", "explain": "/v1/explain",
             "create_completion": "/v1/completions", "tokenize_text": "/tokenize"}  # fmt: skip
    for at, (_, name, _, kind, body, _) in enumerate(CALLS):
        if kind == "Problem":
            continue
        answer = httpx.post(url(served, paths[name]), json=body).json()
        real = json.dumps(answer)
        constants.append(f'export const answer{at}: Answer<"{paths[name]}"> = {real};')
    (folder / "real.ts").write_text(TYPESCRIPT.format(constants="\n".join(constants)))
    run(bin_folder / "tsc", "--noEmit", "--strict", "--skipLibCheck", "real.ts", cwd=folder)
