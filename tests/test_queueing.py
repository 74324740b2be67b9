"""The queueing model of benchmarks/keyboards.py against what is known of queues."""

import numpy as np
import pytest

from benchmarks.queueing import answered, typed, with_burst


def test_one_at_a_time_waits_as_pollaczek_and_khinchine_say() -> None:
    rate, service = 600.0, 1e-3  # M/D/1 at 0.6
    times = np.cumsum(np.random.default_rng(0).exponential(1 / rate, 400_000))
    ends, busy = answered(times, np.array([0, service]))
    waited = (ends - times - service).mean()
    assert waited == pytest.approx(0.6 * service / (2 * (1 - 0.6)), rel=0.03)
    assert busy / times[-1] == pytest.approx(0.6, rel=0.01)


def test_what_waits_is_answered_together_up_to_the_most() -> None:
    times = np.array([0.0, 0.1, 0.2, 0.3, 5.0])
    ends, busy = answered(times, np.array([0, 1.0, 1.5]))
    assert ends.tolist() == [1.0, 2.5, 2.5, 3.5, 6.0]
    assert busy == 4.5


def test_keyboards_ask_as_often_as_they_type() -> None:
    arrivals = typed(20_000, 30, 20)
    assert len(arrivals.times) == pytest.approx(20_000 * 0.5 * 20, rel=0.03)
    assert np.all(np.diff(arrivals.times) >= 0)
    per_second = np.bincount(arrivals.times.astype(int))
    assert per_second == pytest.approx(np.full(20, 10_000), rel=0.06)
    more = with_burst(arrivals, 5, 10, 0.5)
    assert len(more.times) - len(arrivals.times) == pytest.approx(25_000, rel=0.05)
    assert len(more.times) == len(more.keyboards)
    assert np.bincount(more.times.astype(int))[6:10] == pytest.approx(np.full(4, 15_000), rel=0.06)
