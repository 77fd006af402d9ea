"""What a piece of work costs: CPU time of this process, the least of several runs.

CPU and not the wall's time, because a machine that is busy with other things hardly changes it; and the least, because
whatever else happens can only add to it. What remains comparable between machines is a ratio of two costs in one run.
"""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

OUR_CORE, SINKS_CORE = 0, 1


def pin(core: int) -> None:
    """Keep this process on one core, where there are two: the sender on one, the sink on the other."""
    with contextlib.suppress(AttributeError, OSError):
        if len(os.sched_getaffinity(0)) > 1 or core == SINKS_CORE:
            os.sched_setaffinity(0, {core})


class Counted(NamedTuple):
    """Work on so many things, and what measures how many CPU microseconds it takes."""

    us: Callable[[], float]
    things: int


def counted(work: Callable[[], object], count: int) -> Counted:
    return Counted(partial(run_us, work), count)


def in_turns(*works: Counted, runs: int) -> list[float]:
    """CPU microseconds for each thing, of several works that are to be compared: in turns, so that all meet the same
    moods of the machine."""
    rounds = [[work.us() / work.things for work in works] for _ in range(runs)]
    return [min(costs) for costs in zip(*rounds, strict=True)]


def cpu_us_of(*works: Callable[[], object], count: int, runs: int) -> list[float]:
    """The same where each is work on as many things."""
    return in_turns(*(counted(work, count) for work in works), runs=runs)


def cpu_us(work: Callable[[], object], *, count: int, runs: int) -> float:
    """The same of one."""
    return in_turns(counted(work, count), runs=runs)[0]


def run_us(work: Callable[[], object]) -> float:
    gc.collect()
    began = time.process_time_ns()
    work()
    return (time.process_time_ns() - began) / 1000
