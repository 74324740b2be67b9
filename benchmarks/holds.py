"""How long heavy requests keep the event loop from others: how late its timers come.

    python -m benchmarks.holds [--model english] [--rounds 3] [--only TEXT]

The service runs in this process and another one asks. Every millisecond the loop looks how late it
is, for work on it or for a thread that kept the interpreter from it. What else the machine does is
not counted: no more than this process computed meanwhile. Started with `chrt -f 5`, the loop
runs before its threads, so that one that computes without the interpreter does not count.
A timer is up to a millisecond late anyway.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter, process_time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import uvicorn

from app.http.short_way import http_protocol
from app.main import create_app
from app.model import Model
from app.serving.repository import Repository
from app.settings import Settings
from benchmarks.serving import MODELS
from benchmarks.timing import table

_TICK = 0.001  # seconds


@dataclass(frozen=True)
class Case:
    """Requests that come at the same time."""

    name: str
    path: str
    bodies: list[bytes]
    ahead: int = 0  # requests for nothing that are sent before each, on its connection


def _json(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def cases(model: Model) -> Iterator[Case]:
    """What has been found to hold it, largest first of its kind."""
    draw = random.Random(1)
    words = [word for word in model.vocabulary.words if word and word.isalpha()]

    def text(count: int) -> str:
        return " ".join(draw.choices(words, k=count))

    def some(count: int, of: int) -> list[str]:
        return [text(of) for _ in range(count)]

    phrases = some(1_000, 4)
    yield Case("32 phrases", "v1/predict", [_json(phrase=one) for one in some(32, 4)])
    yield Case("32 of 40 words", "v1/predict", [_json(phrase=one) for one in some(32, 40)])
    many = [_json(phrase=one, top_k=1000) for one in some(32, 4)]
    yield Case("32 phrases × top_k 1,000", "v1/predict", many)
    yield Case("32 phrases", "v1/distribution", [_json(phrase=one) for one in some(32, 4)])
    yield Case("1,000 × top_k 1,000", "v1/predict/batch", [_json(phrases=phrases, top_k=1000)])
    yield Case("1,000 phrases", "v1/predict/batch", [_json(phrases=phrases)])
    yield Case("one word", "v1/explain", [_json(phrase=text(1))])
    yield Case("32 phrases", "v1/compare", [_json(phrases=some(32, 4))])
    yield Case("1,000 words", "v1/score", [_json(phrase=text(1_000))])
    long = text(10_000)[:65_000].rpartition(" ")[0]
    yield Case("65,000 characters", "v1/predict", [_json(phrase=long)])
    yield Case("65,000 characters", "v1/tokenize", [_json(phrase=long)])
    yield Case("4,000 words", "tokenize", [_json(prompt=text(4_000))])
    unknown = " ".join("zq" + "".join(draw.choices("abcdefg", k=6)) for _ in range(1_000))
    yield Case("1,000 unknown words", "v1/predict", [_json(phrase=unknown)])
    yield Case("65,000 full stops", "v1/predict", [_json(phrase="." * 65_000)])
    accents = "a" + "\u0301\u0327" * 32_000
    yield Case("64,000 accents on a letter", "v1/predict", [_json(phrase=accents)])
    yield Case("500 words of 2 letters", "v1/tokenize", [_json(phrase="qz " * 500)])
    for name, typed in (
        ("4,096 full stops", "." * 4_095 + "1"),
        ("4,096 quotation marks", '"' * 4_096),
        ("2,048 initials", "a." * 2_048),
        ("1,024 abbreviations", "Mr. " * 1_024),
        ("4,096 characters, known", text(1_000)[:4_096]),
        ("4,096 characters, unknown", unknown[:4_096]),
        ("2,048 words of a letter", "q " * 2_048),
        ("a word of 64 letters", "q" * 64),
        ("a mistyped word of 24", "internationalisatoinally"),
    ):
        yield Case(name, "v1/suggest", [_json(text=typed)])
    much = {"text": text(1_000)[:4_000] + " s", "count": 20, "words": 5, "min_probability": 0}
    asked = _json(**much, recent=text(1_000)[:4_096], exclude=words[:64], fresh=True)
    yield Case("everything that can be asked", "v1/suggest", [asked])
    much["text"] = text(240)[:1_000]
    yield Case("1,000 characters, everything", "v1/suggest", [_json(**much, fresh=True)])
    yield Case("a prefix of 64 letters", "v1/predict", [_json(phrase="a", prefix="q" * 64)])
    told = {"prompt": text(4), "max_tokens": 16, "n": 64}
    stops = ["." + chr(97 + at) * 255 for at in range(16)]
    yield Case("64 texts, 16 stops", "v1/completions", [_json(**told, stop=stops)])
    yield Case("64 texts", "v1/completions", [_json(**told)])
    yield Case("64 texts, top_p 0.9", "v1/completions", [_json(**told, top_p=0.9)])
    yield Case("64 texts, 5 logprobs", "v1/completions", [_json(**told, logprobs=5)])
    yield Case("64 texts, 300 logprobs", "v1/completions", [_json(**told, logprobs=300)])
    listed = _json(**told, logprobs=300, stream=True)
    yield Case("the same, streamed", "v1/completions", [listed])
    prompts = some(900, 120)
    yield Case("900 prompts, 1 MB", "v1/completions", [_json(prompt=prompts, max_tokens=0)])
    ids = [9] * 65_536
    yield Case("65,536 ids", "v1/completions", [_json(prompt=ids, max_tokens=0)])
    yield Case("65,536 ids", "detokenize", [_json(tokens=ids)])
    yield Case("a megabyte of ids", "detokenize", [_json(tokens=[1] * 333_000)])
    yield Case("a megabyte of items", "v1/predict/batch", [_json(phrases=["a"] * 199_000)])
    yield Case("a megabyte of items", "v1/completions", [_json(prompt=["a"] * 199_000)])
    fields = {f"f{number}": 1 for number in range(70_000)}
    yield Case("70,000 unknown fields", "v1/predict", [_json(phrase="a", **fields)])
    yield Case("70,000 biases", "v1/completions", [_json(logit_bias=fields)])
    rows = [[9] * model.options.max_length] * 1_000
    tensor = {"name": "ids", "datatype": "INT32", "shape": [1000, len(rows[0])], "data": rows}
    wanted = [{"name": "next_word"}]
    infer = f"v2/models/{model.id}/infer"
    yield Case("1,000 rows of ids", infer, [_json(inputs=[tensor], outputs=wanted)])
    short = [_json(phrase="a")]
    yield Case("9,000 sent ahead", "v1/predict", short, 9_000)
    yield Case("9,000 ahead of each of 4", "v1/predict", short * 4, 9_000)


def ask(port: int, path: str, bodies: list[bytes], ahead: int) -> None:
    """Send requests at once, each on a connection of its own, and read to the end."""
    before = b"GET /a HTTP/1.1\r\nHost:x\r\n\r\n" * ahead
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in bodies]
    head = f"POST /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
    for connection, body in zip(connections, bodies, strict=True):
        connection.sendall(before + head.encode() + b"%d\r\n\r\n" % len(body) + body)
    statuses = set()
    for connection in connections:
        beginning = connection.recv(1 << 16)
        statuses.add(beginning[9:12].decode())
        with contextlib.suppress(ConnectionError):
            while connection.recv(1 << 20):
                pass
    print(",".join(sorted(statuses)), flush=True)


def client(port: int) -> None:
    """Ask what is written on the standard input, a line each: a path and bodies."""
    for line in sys.stdin:
        path, ahead, *bodies = json.loads(line)
        ask(port, path, [body.encode() for body in bodies], ahead)


def _threads(count: int, name: str) -> ThreadPoolExecutor:
    """Threads that run behind the loop's, which is put before them."""
    if os.sched_getscheduler(0) != os.SCHED_FIFO:
        return ThreadPoolExecutor(count, name)
    given = os.sched_getparam(0)
    return ThreadPoolExecutor(count, name, lambda: os.sched_setscheduler(0, os.SCHED_FIFO, given))


def _before_threads() -> None:
    if os.sched_getscheduler(0) == os.SCHED_FIFO:
        priority = os.sched_getparam(0).sched_priority + 1
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))


class Lateness:
    """The latest that a tick of the running loop has come, in seconds, since it was looked at."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._worst = 0.0
        self._tick(float("inf"), 0.0)

    def _tick(self, due: float, computed: float) -> None:
        late = min(perf_counter() - due, process_time() - computed)
        self._worst = max(self._worst, late)
        self._loop.call_later(_TICK, self._tick, perf_counter() + _TICK, process_time())

    def worst(self) -> float:
        worst, self._worst = self._worst, 0.0
        return worst


async def measure(told: argparse.Namespace) -> list[tuple[object, ...]]:
    repository = Repository(MODELS, "numpy", told.model, 0.0)
    repository.load()
    app = create_app(Settings(default_model=told.model, log_requests=False), repository)
    server = uvicorn.Server(uvicorn.Config(app, http=http_protocol(), port=0, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    app.state.service.large = _threads(2, "large")
    loop.set_default_executor(_threads(8, "small"))
    asking = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.holds", "--client", str(port),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 20,
    )  # fmt: skip
    assert asking.stdin is not None
    assert asking.stdout is not None
    _before_threads()
    late = Lateness()
    rows: list[tuple[object, ...]] = []
    for case in cases(repository.get(told.model)):
        if told.only not in f"{case.path} {case.name}":
            continue
        line = json.dumps([case.path, case.ahead, *(body.decode() for body in case.bodies)]) + "\n"
        worst, statuses = [], b""
        for _ in range(told.rounds):
            asking.stdin.write(line.encode())
            await asyncio.sleep(2 * _TICK)  # that line was this loop's own work
            late.worst()
            statuses = await asking.stdout.readline()
            worst.append(1e3 * late.worst())
        figures = " ".join(f"{one:.1f}" for one in sorted(worst))
        rows.append((f"`{case.path}`", case.name, statuses.decode().strip(), figures))
        print(*rows[-1], flush=True)
    server.should_exit = True
    asking.stdin.close()
    await asking.wait()
    await serving
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="english")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--client", type=int)
    told = parser.parse_args()
    if told.client is not None:
        client(told.client)
        return
    import uvloop

    rows = uvloop.run(measure(told))
    print(table("path | requests | status | ms late at most, each round", rows))


if __name__ == "__main__":
    main()
