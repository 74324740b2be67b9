"""Many connections whose requests are pipelined, of which some leave: every answer is its own."""

import json
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from struct import pack

import pytest

from app.engines.numpy_engine import NumpyEngine
from app.engines.topk import Ranking
from app.http.uvicorn_protocol import Protocol
from app.main import create_app
from app.serving.repository import Repository
from app.serving.results import in_batches
from app.settings import Settings
from tests.attack.scale import LONG, say, scaled
from tests.http.ways import Way, both_ways, connected, head, serving_on
from tests.small_models import model_of, small_network
from tests.test_server import eventually, in_progress

CONNECTIONS = 200
PHRASES = scaled(20, 200)  # of each connection; nobody else has the same
PIPELINED = 10
MODEL = model_of(NumpyEngine(small_network()))

Said = dict[str, Ranking]


def phrases(number: int) -> list[str]:
    return [f"w{1 + number} w{1 + at}" for at in range(PHRASES)]


def expected() -> Said:
    """What is answered to every phrase, computed without company of other clients."""
    asked = [phrase for number in range(CONNECTIONS) for phrase in phrases(number)]
    rankings = in_batches(MODEL, [MODEL.context(phrase) for phrase in asked], 5)
    return {
        phrase: ranking
        for phrase, ranking in zip(asked, rankings, strict=True)
        if isinstance(ranking, Ranking)
    }


def is_right(told: dict[str, object], phrase: str, ranking: Ranking) -> bool:
    """Whether an answer is this phrase's: its words may tie, its probabilities not."""
    predictions = told["predictions"]
    assert isinstance(predictions, list)
    pairs = zip(predictions, ranking.probabilities, strict=True)
    near = all(abs(one["probability"] - probability) < 1e-6 for one, probability in pairs)
    return told["phrase"] == phrase and near


def ask(connection: socket.socket, number: int, said: Said) -> Counter[str]:
    """All phrases of a connection, some at a time; every fifth leaves in the middle."""
    seen: Counter[str] = Counter()
    stream = connection.makefile("rb")
    for begin in range(0, PHRASES, PIPELINED):
        some = phrases(number)[begin : begin + PIPELINED]
        bodies = [json.dumps({"phrase": phrase}).encode() for phrase in some]
        connection.sendall(b"".join(head(length=len(body)) + body for body in bodies))
        if number % 5 == 4 and begin >= PHRASES // 2:
            seen["left"] += 1
            return seen
        for phrase in some:
            lines = iter(stream.readline, b"\r\n")
            status = next(lines, b"")
            fields = dict(line.rstrip().split(b": ", 1) for line in lines)
            told = json.loads(stream.read(int(fields[b"content-length"])))
            right = status.split()[1] == b"200" and is_right(told, phrase, said[phrase])
            seen["right" if right else "swapped"] += 1
    return seen


@both_ways
def test_no_answer_is_another_s_and_none_is_lost(way: Way) -> None:
    said, settings = expected(), Settings(poll_seconds=0, log_requests=False)
    assert len(said) == CONNECTIONS * PHRASES
    seen: Counter[str] = Counter()
    with serving_on(way, create_app(settings, Repository.of(MODEL)), keep_alive=600) as served:

        def client(number: int) -> Counter[str]:
            with connected(served) as connection:
                return ask(connection, number, said)

        with ThreadPoolExecutor(CONNECTIONS if LONG else 40) as clients:
            for one in clients.map(client, range(CONNECTIONS)):
                seen += one
        eventually(lambda: in_progress(served) == 1)
    way_taken = "short" if way is Protocol else "ASGI"
    say(f"{CONNECTIONS} connections x {PHRASES} phrases of their own, {way_taken} way: {seen}")
    leaving = CONNECTIONS // 5
    answered = (CONNECTIONS - leaving) * PHRASES + leaving * (PHRASES // 2)
    assert seen == {"right": answered, "left": leaving}


@both_ways
def test_a_client_that_leaves_behind_what_it_has_pipelined_is_no_fault(
    way: Way, capfd: pytest.CaptureFixture[str]
) -> None:
    app = create_app(Settings(poll_seconds=0, log_requests=False), Repository.of(MODEL))
    with serving_on(way, app) as served:
        for number in range(CONNECTIONS):
            with connected(served) as connection:
                bodies = [json.dumps({"phrase": phrase}).encode() for phrase in phrases(number)]
                connection.sendall(b"".join(head(length=len(body)) + body for body in bodies))
                assert connection.recv(1) == b"H"  # the next is being answered
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
        eventually(lambda: in_progress(served) == 1)
    assert "handler is closed" not in capfd.readouterr().err
