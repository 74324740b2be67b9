"""What comes at once is heard over several turns of the loop, in order; a probe at once."""

import asyncio
import os
import threading
from collections.abc import Callable

import pytest

from app.http import large
from app.http.large import Large
from app.http.table import Table
from app.http.turns import _BESIDE_LARGE, _OF_MANY, LONGEST, MOST_A_TURN, Turns
from app.main import PROTOCOLS
from tests.test_server import PATIENCE


class Connection:
    def __init__(self, name: int, heard: list[tuple[int, bytes]]) -> None:
        self.name = name
        self.heard = heard

    def take_in(self, data: bytes) -> None:
        self.heard.append((self.name, data))


def after(hear: Callable[[Turns, list[Connection]], None], turns: int) -> list[tuple[int, bytes]]:
    """What has been heard of 200 connections so many turns of the loop later."""

    async def run() -> list[tuple[int, bytes]]:
        heard: list[tuple[int, bytes]] = []
        one = Turns(asyncio.get_running_loop())
        one.urgent = (b"GET /livez ",)
        hear(one, [Connection(name, heard) for name in range(200)])
        for _ in range(turns):
            await asyncio.sleep(0)
        return list(heard)  # the loop goes on before it ends

    return asyncio.run(run())


def all_at_once(turns: Turns, connections: list[Connection]) -> None:
    for connection in connections:
        turns.hear(connection, b"POST")


def test_of_many_that_come_at_once_some_are_heard_in_each_turn_in_order() -> None:
    for turns, heard in enumerate((64, 80, 96, 112, 128, 144, 200)):
        names = [name for name, _ in after(all_at_once, turns)]
        assert names == list(range(heard)), "fewer each turn while as many as 64 wait"


def test_a_probe_and_the_rest_of_a_large_body_wait_for_nobody() -> None:
    def hear(turns: Turns, connections: list[Connection]) -> None:
        all_at_once(turns, connections[:-2])
        turns.hear(connections[-2], b"GET /livez HTTP/1.1")
        turns.hear(connections[-1], b"a" * (LONGEST + 1))

    assert [name for name, _ in after(hear, 0)][-2:] == [198, 199]


def test_a_probe_is_answered_before_others_have_their_turn() -> None:
    """What answers it comes behind what has been called for already: the turn comes behind both."""

    async def run() -> list[int]:
        loop = asyncio.get_running_loop()
        heard: list[tuple[int, bytes]] = []
        turns = Turns(loop)
        turns.urgent = (b"GET /livez ",)
        all_at_once(turns, [Connection(name, heard) for name in range(200)])
        counts = []
        for _ in range(4):  # more probes than that keep nobody waiting for ever
            turns.hear(Connection(-1, []), b"GET /livez HTTP/1.1")
            loop.call_soon(lambda: counts.append(len(heard)))
            await asyncio.sleep(0)
        return counts

    assert asyncio.run(run()) == [64, 80, 80, 96]


def test_threads_compute_one_request_at_a_time_and_in_their_turns_alone_while_many_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(large, "_TURN_SECONDS", PATIENCE)  # a turn is over when all is done

    class Crowd:
        """Notes which of the connections had been heard when each of the requests was computed."""

        def __init__(self) -> None:
            self.large = Large()
            self.heard: list[tuple[int, bytes]] = []
            self.counts: list[int] = []
            self.inside = 0

        def compute(self) -> None:
            self.inside += 1
            assert self.inside == 1
            self.counts.append(len(self.heard))
            os.sched_yield()
            self.counts.append(len(self.heard))
            self.inside -= 1

        async def run(self) -> None:
            turns = Turns(asyncio.get_running_loop())
            turns.large = self.large
            assert not self.large.take_turn(), "there is nothing to compute: the crowd has begun"
            all_at_once(turns, [Connection(name, self.heard) for name in range(200)])
            computed = [self.large.submit(self.compute) for _ in range(40)]
            assert turns._most_now() == _BESIDE_LARGE
            while not all(one.done() for one in computed):
                turns._most_now()
            for one in computed:
                one.result()
            assert turns._most_now() == _OF_MANY
            while len(self.heard) < 200:
                await asyncio.sleep(0)

    crowd = Crowd()
    asyncio.run(crowd.run())
    assert crowd.counts == [64] * 80, "nobody was heard meanwhile"
    meet = threading.Barrier(2)
    both = [crowd.large.submit(meet.wait, PATIENCE) for _ in range(2)]
    assert sorted(one.result() for one in both) == [0, 1], "without a crowd, two at a time"


def test_the_loop_does_not_wait_again_for_what_outlasts_a_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.http.large._BESIDE_SECONDS", PATIENCE)
    large, ends = Large(), threading.Event()
    assert not large.take_turn(), "there is nothing to compute: the crowd has begun"
    long = large.submit(ends.wait, PATIENCE)
    assert large.take_turn(), "a turn like any other's"
    assert not large.take_turn()
    assert large.submit(int).result() == 0, "what comes meanwhile begins at once"
    ends.set()
    assert long.result()


def test_what_a_waiting_connection_sends_on_is_heard_behind_what_it_sent() -> None:
    def hear(turns: Turns, connections: list[Connection]) -> None:
        all_at_once(turns, connections)
        turns.hear(connections[150], b" /")
        turns.hear(connections[151], b"a" * LONGEST)

    heard = after(hear, 7)
    assert (150, b"POST /") in heard
    assert heard[MOST_A_TURN] == (151, b"POST" + b"a" * LONGEST)
    assert len(heard) == 200


def test_a_connection_that_is_closed_is_not_heard() -> None:
    def hear(turns: Turns, connections: list[Connection]) -> None:
        all_at_once(turns, connections)
        turns.leave(connections[100])

    names = [name for name, _ in after(hear, 7)]
    assert names == [name for name in range(200) if name != 100]


def test_one_that_fails_keeps_none_behind_it_from_being_heard() -> None:
    class Broken(Connection):
        def take_in(self, data: bytes) -> None:
            raise ValueError

    def hear(turns: Turns, connections: list[Connection]) -> None:
        connections[100] = Broken(100, [])
        all_at_once(turns, connections)

    names = [name for name, _ in after(hear, 7)]
    assert names == [name for name in range(200) if name != 100]


def test_probes_are_known_by_their_beginning() -> None:
    unlimited = Table(PROTOCOLS, "/under").unlimited
    assert {b"GET /livez ", b"GET /readyz ", b"GET /metrics ", b"GET /health "} <= set(unlimited)
    assert b"GET /under/livez " in unlimited
    assert not any(one.startswith(b"GET /v1/predict") for one in unlimited)
