"""Numbers of several processes: one writer each, sums that never go back."""

import json
import os
from collections.abc import Callable

import pytest

from app import shared_numbers
from app.metrics import Metrics
from app.shared_numbers import FULL, SharedNumbers

COUNT, LOAD = ("counter", "count", "a"), ("gauge", "load")


def in_a_process(numbers: SharedNumbers, process: int, work: Callable[[], None]) -> None:
    """Run `work` in a forked process that counts as `process`, and wait for its end."""
    pid = os.fork()
    if not pid:
        numbers.take(process)
        work()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def test_numbers_begin_at_zero_and_keep_what_is_added() -> None:
    numbers = SharedNumbers()
    series = numbers.series(("histogram", "seconds", 'a "label"\n'), 3)
    series[2] += 1.5
    numbers.series(("histogram", "seconds", 'a "label"\n'), 3)[0] += 1
    assert numbers.totals()["histogram", "seconds", 'a "label"\n'] == [1.0, 0.0, 1.5]


def test_sums_are_over_all_processes_and_survive_a_replacement() -> None:
    numbers = SharedNumbers(3)

    def work() -> None:
        numbers.series(COUNT)[0] += 5
        numbers.series(LOAD)[0] += 2

    in_a_process(numbers, 1, work)
    in_a_process(numbers, 2, work)
    assert (numbers.totals()[COUNT], numbers.totals()[LOAD]) == ([10.0], [4.0])
    numbers.leave(1)
    assert (numbers.totals()[COUNT], numbers.totals()[LOAD]) == ([10.0], [2.0])
    in_a_process(numbers, 1, work)
    in_a_process(numbers, 2, work)  # its gauge begins at 0, not where the first one left it
    assert (numbers.totals()[COUNT], numbers.totals()[LOAD]) == ([20.0], [4.0])


def test_once_it_is_full_what_is_new_is_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_numbers, "_REGION", 4096)
    numbers = SharedNumbers()
    for number in range(200):
        numbers.series(("counter", "count", str(number)))[0] += 1
    totals = numbers.totals()
    named = {key: values for key, values in totals.items() if key != FULL}
    assert all(values == [1.0] for values in named.values())
    assert 20 < len(named) < 100
    assert totals[FULL][0] == 200 - len(named)


def test_what_was_looked_at_once_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen workers' counts took 16 ms of the event loop with every `/readyz`."""
    numbers, loads = SharedNumbers(3), json.loads
    parsed: list[bytes] = []

    def noted(text: bytes) -> object:
        parsed.append(text)
        return loads(text)

    monkeypatch.setattr(json, "loads", noted)

    def work() -> None:
        for label in "abc":
            numbers.series(("counter", "count", label))[0] += 1

    for process in (1, 2):
        in_a_process(numbers, process, work)
    before = numbers.totals()
    assert before[COUNT] == [2.0]
    assert [[*one] for one in numbers.each(COUNT)] == [[1.0], [1.0]]
    assert numbers.each(LOAD) == []
    count = len(parsed)
    in_a_process(numbers, 1, lambda: numbers.series(COUNT).__setitem__(0, 5.0))
    assert numbers.totals() == {**before, COUNT: [6.0]}
    assert len(parsed) == count
    in_a_process(numbers, 1, lambda: numbers.series(LOAD).__setitem__(0, 1.0))
    assert numbers.totals()[LOAD] == [1.0]
    assert len(parsed) == count + 1


def test_whether_a_process_is_in_trouble_is_known_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = SharedNumbers(2)
    ours = Metrics(numbers)

    def say(trouble: bool) -> None:
        Metrics(numbers).set_trouble(trouble)

    in_a_process(numbers, 1, lambda: say(True))
    monkeypatch.delattr(SharedNumbers, "totals")  # which looks at all that is counted
    assert ours.in_trouble()
    in_a_process(numbers, 1, lambda: say(False))
    assert not ours.in_trouble()
