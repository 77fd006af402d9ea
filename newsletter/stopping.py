"""Signals to those that are at work: what is in hand is finished and recorded, then they end."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from newsletter import clock

STDERR = 2
_NAMES = ("SIGTERM", "SIGINT", "SIGHUP")
"""SIGHUP comes when the terminal is closed or the connection to it breaks; Windows has none."""


class StopOnSignal(threading.Event):
    """An event that a signal handler may set: a plain one can meet itself in its own lock there, and hang."""

    POLL_S = 0.1

    def __init__(self) -> None:
        super().__init__()
        self.signals: list[int] = []

    def is_set(self) -> bool:
        return bool(self.signals) or super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        end_s = math.inf if timeout is None else clock.monotonic_s() + timeout
        while not self.is_set() and (left_s := end_s - clock.monotonic_s()) > 0:
            clock.sleep(min(left_s, self.POLL_S))
        return self.is_set()


@contextmanager
def stopping(*, saying: str = "") -> Iterator[StopOnSignal]:
    """An event that SIGTERM, Ctrl-C and a closed terminal set; one that is ignored (`nohup`) stays so.

    `saying` is written to stderr at the first of them.
    """
    stop = StopOnSignal()
    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield stop
        return

    def note(number: int, _frame: object) -> None:
        if saying and not stop.signals:
            # Not by Python's own stream: the signal may have come while that was writing.
            with suppress(OSError):
                os.write(STDERR, f"\n{saying}\n".encode())
        stop.signals.append(number)

    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in heeded}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
