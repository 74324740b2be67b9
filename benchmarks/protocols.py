"""What the protocols of others cost beside the service's own, on one pinned core.

python -m benchmarks.protocols [--rounds 5]

The yardstick; all that is compared is asked in turn, round by round, over kept connections.
"""

import argparse
import asyncio
import json
import os
import random
import struct
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks import contestants as who
from benchmarks.running import running
from benchmarks.timing import table
from benchmarks.yardstick import CLASSES, write_yardstick

SERVER_CORE, CLIENT_CORE = 0, 1
STREAMS, WORDS = 32, 64
ALONE = 60  # requests of a lone client in a round
INFERRED = 32  # phrases in a binary request


def phrase() -> str:
    return " ".join(f"w{random.randrange(1, CLASSES)}" for _ in range(4))


class Client:
    """One kept connection. `first` is when an answer's first piece came."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.first = 0.0

    async def post(self, path: str, body: bytes, headers: str = "") -> bytes:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        self.first = 0.0
        self._writer.write(head.encode() + body)
        told = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        assert told.startswith(b"http/1.1 200"), told
        if b"content-length: " in told:
            length = int(told.split(b"content-length: ")[1].split(b"\r\n")[0])
            return await self._reader.readexactly(length)
        received = bytearray()  # in chunks, which are not parsed: that would cost what is measured
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += await self._reader.read(1 << 20)
            self.first = self.first or time.perf_counter()
        return bytes(received)


def completion(**wanted: object) -> bytes:
    return json.dumps({"prompt": phrase(), **wanted}).encode()


def inference() -> tuple[bytes, str]:
    """A binary request for the next words, and its header."""
    phrases = [phrase().encode() for _ in range(INFERRED)]
    tail = b"".join(struct.pack("<I", len(one)) + one for one in phrases)
    about = {"name": "phrase", "datatype": "BYTES", "shape": [INFERRED]}
    asked = {
        "inputs": [{**about, "parameters": {"binary_data_size": len(tail)}}],
        "outputs": [{"name": "next_word", "parameters": {"binary_data": True}}],
    }
    head = json.dumps(asked).encode()
    return head + tail, f"Inference-Header-Content-Length: {len(head)}\r\n"


def cpu_seconds(pid: int) -> float:
    """Of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def seconds(work: Callable[[], Awaitable[object]], pid: int) -> tuple[float, float]:
    """That it took, and that the server worked."""
    begin, worked = time.perf_counter(), cpu_seconds(pid)
    await work()
    return time.perf_counter() - begin, cpu_seconds(pid) - worked


async def measure(
    address: str, pid: int, rounds: int
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Seconds of every kind of work, round by round; and of the server's work in all rounds."""
    host, _, port = address.partition(":")
    clients = [Client(*await asyncio.open_connection(host, int(port))) for _ in range(STREAMS)]
    lone = clients[0]
    first: list[float] = []

    async def streams() -> None:
        wanted = {"stream": True, "max_tokens": WORDS}
        await asyncio.gather(*(c.post("/v1/completions", completion(**wanted)) for c in clients))

    async def batch(count: int) -> None:
        asked = {"phrases": [phrase() for _ in range(count)], "top_k": 1}
        await lone.post("/v1/predict/batch", json.dumps(asked).encode())

    async def many_batches() -> None:
        for _ in range(ALONE):
            await batch(INFERRED)

    async def inferences() -> None:
        for _ in range(ALONE):
            await lone.post("/v2/models/yardstick/infer", *inference())

    async def predictions() -> None:
        for _ in range(ALONE):
            await lone.post("/v1/predict", json.dumps({"phrase": phrase(), "top_k": 1}).encode())

    async def single_words() -> None:
        for _ in range(ALONE):
            await lone.post("/v1/completions", completion(max_tokens=1, temperature=0))

    async def first_words() -> None:
        for _ in range(ALONE):
            begin = time.perf_counter()
            await lone.post("/v1/completions", completion(stream=True, max_tokens=2))
            first.append(lone.first - begin)

    async def all_together(path: str, body: Callable[[], bytes]) -> None:
        async def one(client: Client) -> None:
            for _ in range(20):
                await client.post(path, body())

        await asyncio.gather(*map(one, clients))

    works: dict[str, Callable[[], Awaitable[object]]] = {
        "streams": streams,
        "batch": lambda: batch(1_000),
        "batches of 32": many_batches,
        "infer": inferences,
        "predict": predictions,
        "one word": single_words,
        "32 × predict": lambda: all_together(
            "/v1/predict", lambda: json.dumps({"phrase": phrase(), "top_k": 1}).encode()
        ),
        "32 × one word": lambda: all_together(
            "/v1/completions", lambda: completion(max_tokens=1, temperature=0)
        ),
    }
    taken: dict[str, list[float]] = {name: [] for name in [*works, "first word"]}
    worked = dict.fromkeys(works, 0.0)
    for at in range(rounds + 1):
        for name, work in works.items():
            spent, cpu = await seconds(work, pid)
            if at:  # the first round warms up
                taken[name].append(spent)
                worked[name] += cpu
        first.clear()
        await first_words()
        taken["first word"].append(sum(first))
    return taken, worked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    os.sched_setaffinity(0, {CLIENT_CORE})
    with tempfile.TemporaryDirectory() as folder:
        write_yardstick(Path(folder))
        contestant = who.ours("protocols", Path(folder), "yardstick")
        with running(contestant, SERVER_CORE, "w1 w2 w3 w4") as one:
            taken, worked = asyncio.run(measure(urlsplit(one.url).netloc, one.pid, rounds))
    took = {name: median(spent) for name, spent in taken.items()}

    def row(name: str, mine: float, what: str, theirs: float, aim: str) -> tuple[object, ...]:
        return name, f"{mine:,.0f}", what, f"{theirs:,.0f}", f"{mine / theirs:.2f}", aim

    rows = [
        row(
            "32 streams of 64 words: words/s",
            STREAMS * WORDS / took["streams"],
            "a batch of 1,000: phrases/s",
            1_000 / took["batch"],
            "≥ 0.6",
        ),
        row(
            "… by the server's CPU: words/s",
            rounds * STREAMS * WORDS / worked["streams"],
            "phrases/s",
            rounds * 1_000 / worked["batch"],
            "≥ 0.6",
        ),
        row(
            "first word of a lone stream: µs",
            1e6 * took["first word"] / ALONE,
            "a prediction: µs",
            1e6 * took["predict"] / ALONE,
            "≤ 1.5",
        ),
        row(
            "one word, a lone client: requests/s",
            ALONE / took["one word"],
            "predictions/s",
            ALONE / took["predict"],
            "≥ 0.7",
        ),
        row(
            "one word, 32 clients: requests/s",
            20 * STREAMS / took["32 × one word"],
            "predictions/s",
            20 * STREAMS / took["32 × predict"],
            "≥ 0.7",
        ),
        row(
            "… by the server's CPU: requests/s",
            rounds * 20 * STREAMS / worked["32 × one word"],
            "predictions/s",
            rounds * 20 * STREAMS / worked["32 × predict"],
            "≥ 0.7",
        ),
        row(
            "binary inference of 32: phrases/s",
            ALONE * INFERRED / took["infer"],
            "batches of 32: phrases/s",
            ALONE * INFERRED / took["batches of 32"],
            "≥ 0.8",
        ),
    ]
    print(table("what | measured | beside | measured | ratio | aim", rows))


if __name__ == "__main__":
    main()
