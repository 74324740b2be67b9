"""Restarts behind nginx: a request that one process cannot take is taken by the other."""

import asyncio
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.attack.clients import Outcomes, ask_all
from tests.attack.processes import session
from tests.attack.scale import LONG, say, scaled
from tests.keras_files import write_folder
from tests.test_server import PATIENCE, eventually

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
REQUESTS = scaled(500, 20_000)
RESTARTS = 4
CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream unrolled {{
    server 127.0.0.1:{first} max_fails=0; server 127.0.0.1:{second} max_fails=0; keepalive 64;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://unrolled; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_next_upstream error timeout http_502 http_503 non_idempotent;
    }}
  }}
}}
"""


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def nginx(folder: Path, port: int, first: int, second: int) -> Iterator[None]:
    configuration = folder / "nginx.conf"
    text = CONFIGURATION.format(folder=folder, port=port, first=first, second=second)
    configuration.write_text(text)
    process = subprocess.Popen([str(NGINX), "-c", str(configuration), "-p", str(folder)])
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.skipif(not NGINX, reason="nginx is not installed")
@pytest.mark.parametrize("workers", ["1", "2"] if LONG else ["2"])
def test_four_restarts_behind_nginx_lose_nothing(tmp_path: Path, workers: str) -> None:
    write_folder(tmp_path / "models" / "one")
    front, *ports = free_ports(3)
    settings = {"workers": workers, "poll_seconds": "0", "drain_seconds": "0.5"}
    outcomes, models = Outcomes(), tmp_path / "models"

    def start(stack: ExitStack, port: int) -> "subprocess.Popen[bytes]":
        log = tmp_path / f"log{port}"
        one = stack.enter_context(session(models, log, port=str(port), **settings))
        url = f"http://127.0.0.1:{port}/readyz"
        eventually(lambda: httpx.get(url, timeout=PATIENCE).status_code == 200)
        return one.process

    async def restart_under_load(stack: ExitStack) -> int:
        asked = 0
        done = asyncio.Event()

        def requests() -> Iterator[tuple[str, bytes]]:
            nonlocal asked
            while asked < REQUESTS or not done.is_set():  # all restarts happen under load
                asked += 1
                yield "POST /v1/predict", b'{"phrase": "a b"}'

        load = asyncio.create_task(ask_all(front, requests(), 8, outcomes))
        for restart in range(RESTARTS):
            at = restart % 2
            processes[at].send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(processes[at].wait, PATIENCE) == 0
            processes[at] = await asyncio.to_thread(start, stack, ports[at])
        done.set()
        await load
        return asked

    with ExitStack() as stack:
        processes = [start(stack, port) for port in ports]
        stack.enter_context(nginx(tmp_path, front, *ports))
        eventually(lambda: httpx.get(f"http://127.0.0.1:{front}/livez").status_code == 200)
        asked = asyncio.run(restart_under_load(stack))
    say(f"{RESTARTS} restarts, {workers} workers, behind nginx: {asked} asked, {outcomes}")
    assert outcomes.lost == []
    assert outcomes.statuses == {200: asked}
