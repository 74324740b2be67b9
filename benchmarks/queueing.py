"""Keyboards as queues: when they ask, and when a process that multiplies together answers.

G/G/1 with bulk service, for each process: the gaps between a keyboard's words are lognormal within
a message and between messages; a process that is free takes all that wait, up to 32, and is busy
for a time that was measured for so many. A keyboard keeps its connection, so that processes share
no queue: c of them are c such queues. Knows nothing about HTTP.
"""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]
_WORDS = 8  # of a message, on average
_TYPING = 0.5  # of the mean gap between words, while a message is typed
_SPREAD = (0.5, 1.0)  # sigma of the logarithm: within a message, between two


@dataclass(frozen=True)
class Arrivals:
    """Requests in the order of their `times` [N], and the keyboard [N] that each comes from."""

    times: Seconds
    keyboards: NDArray[np.int64]


def typed(keyboards: int, words_per_minute: float, seconds: float, seed: int = 0) -> Arrivals:
    """One request a word. Everyone has typed for long when it begins: phases are random."""
    rng = np.random.default_rng(seed)
    mean = 60 / words_per_minute
    now = -mean * rng.uniform(30, 40, keyboards)  # [K]
    who = np.arange(keyboards)
    times, whose = [], []
    while len(who):
        now = now + _gaps(rng, mean, len(who))
        who, now = who[now < seconds], now[now < seconds]
        times.append(now[now >= 0])
        whose.append(who[now >= 0])
    flat = np.concatenate(times)
    order = np.argsort(flat)
    return Arrivals(flat[order], np.concatenate(whose)[order])


def _gaps(rng: np.random.Generator, mean: float, count: int) -> Seconds:
    """Between two words [count], `mean` seconds on average."""
    pause = rng.random(count) < 1 / _WORDS
    within = _TYPING * mean
    between = _WORDS * mean - (_WORDS - 1) * within
    sigma = np.where(pause, _SPREAD[1], _SPREAD[0])
    means = np.where(pause, between, within)
    drawn: Seconds = rng.lognormal(np.log(means) - sigma**2 / 2, sigma)
    return drawn


def with_burst(arrivals: Arrivals, begin: float, end: float, more: float) -> Arrivals:
    """What happens when something has happened: for each request of that time, `more` others
    within half a second.
    """
    rng = np.random.default_rng(2)
    within = (arrivals.times >= begin) & (arrivals.times < end)
    (chosen,) = (within & (rng.random(len(within)) < more)).nonzero()
    again = arrivals.times[chosen] + rng.uniform(0, 0.5, len(chosen))
    times = np.concatenate([arrivals.times, again])
    order = np.argsort(times)
    whose = np.concatenate([arrivals.keyboards, arrivals.keyboards[chosen]])
    return Arrivals(times[order], whose[order])


def answered(times: Seconds, service: Seconds) -> tuple[Seconds, float]:
    """When each request of one process is answered [N], and for how long the process was busy.

    `service[n]` is what n together take; one more than the most.
    """
    arrived, lasting, most = times.tolist(), service.tolist(), len(service) - 1
    ends = np.empty(len(times))
    begin, free, busy = 0, 0.0, 0.0
    while begin < len(arrived):
        start = max(free, arrived[begin])
        end = min(bisect_right(arrived, start, begin), begin + most)
        taken = lasting[end - begin]
        free = start + taken
        busy += taken
        ends[begin:end] = free
        begin = end
    return ends, busy
