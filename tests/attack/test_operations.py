"""Every operation of the OpenAPI document under schemathesis, with all of its checks.

It makes requests that fit the document and requests that do not, from the document alone, and
looks at whether the service does what the document says of either.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.uvicorn_protocol import Protocol
from app.main import create_app
from app.serving.repository import Repository
from app.settings import Settings
from tests.attack.scale import LONG, say, scaled
from tests.http.ways import Way, serving_on

HERE = Path(__file__).parent
EXAMPLES = scaled(3, 100)  # for each operation, beside those that its schema's bounds give
UNHURRIED = Settings(poll_seconds=0, log_requests=False, read_seconds=600, write_seconds=600)


READY = {"type": "object", "properties": {"ready": {"type": ["boolean", "null"]}}}  # Triton's index
INDEX = {"content": {"application/json": {"schema": READY}}}


def document(served: Any, way: Way) -> dict[str, Any]:
    """The service's document; QUERY, which its version cannot name, asks what POST does, and always
    has a body, whose type it says. Stock uvicorn refuses a URL beyond 64 KB itself, with a text.
    """
    found: dict[str, Any] = served.get("/openapi.json").json()
    for operations in found["paths"].values():
        if post := operations.get("post"):
            body = {**post.get("requestBody", INDEX), "required": True}
            own = {"operationId": f"{post['operationId']}_query", "requestBody": body}
            operations["query"] = {**post, **own}
        if way is HttpToolsProtocol and (get := operations.get("get")):
            refused = get["responses"]["4XX"]
            content = {**refused["content"], "text/plain": {}}
            get["responses"]["400"] = {**refused, "content": content}
    return found


@pytest.mark.parametrize(
    ("way", "keys"),
    [
        pytest.param(Protocol, (), id="short"),
        pytest.param(Protocol, ("k1", "k2"), id="keys"),
        pytest.param(
            HttpToolsProtocol,
            (),
            id="asgi",
            marks=pytest.mark.skipif(not LONG, reason="make attack goes this way too"),
        ),
    ],
)
def test_every_operation_does_what_the_document_says(
    way: Way, keys: tuple[str, ...], repository: Repository, tmp_path: Path
) -> None:
    """With keys, schemathesis also leaves them out, and sends some that are none."""
    settings = UNHURRIED.model_copy(update={"api_keys": keys})
    with serving_on(way, create_app(settings, repository), keep_alive=600) as served:
        described = tmp_path / "openapi.json"
        described.write_text(json.dumps(document(served, way)))
        command = [sys.executable, "-m", "schemathesis.cli"]
        command += ["--config-file", str(HERE / "operations.toml"), "run", str(described)]
        command += ["--url", "http://{}:{}".format(*served.address)]
        examples = scaled(1, EXAMPLES) if keys else EXAMPLES
        command += ["--checks", "all", "--max-examples", str(examples), "--warnings", "off"]
        command += ["--request-timeout", "60", "--suppress-health-check", "all", "--no-color"]
        if keys:
            command += ["--header", f"Authorization: Bearer {keys[1]}"]
        if not LONG:  # what the bounds of every schema give takes most of its time
            phases = "fuzzing" if keys else "examples,fuzzing,stateful"
            command += ["--exclude-method", "QUERY", "--phases", phases]
        done = subprocess.run(
            command,
            cwd=tmp_path,  # where it leaves what it found
            env={**os.environ, "PYTHONPATH": str(HERE.parent.parent)},
            capture_output=True,
            text=True,
        )
    told = "\n".join(line[:300] for line in done.stdout.splitlines() if line.strip())
    assert done.returncode == 0, told + done.stderr[-2000:]
    [counted] = [line.strip() for line in done.stdout.splitlines() if " generated" in line]
    say(f"schemathesis, every operation{', with keys' * bool(keys)}: {counted}")
    assert "failed" not in counted
    assert "errored" not in counted
