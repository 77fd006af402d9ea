"""Doubts that are looked up once more, when the provider's index has caught up with them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from newsletter.delivery.desk import Desk
from newsletter.delivery.recover import Doubt, look_again


class Looks:
    """What is to be looked up later in one run; used by all its lanes. Times are the desk's monotonic seconds."""

    def __init__(self) -> None:
        self._due: list[tuple[float, Doubt]] = []
        self._lock = threading.Lock()
        self._looking = threading.Lock()

    def note(self, doubt: Doubt, *, now_s: float) -> None:
        if doubt.subscriber_ids and doubt.again_in_s > 0:
            with self._lock:
                self._due.append((now_s + doubt.again_in_s, doubt))

    @property
    def due_s(self) -> list[float]:
        """When each is due."""
        with self._lock:
            return [due_s for due_s, _ in self._due]

    def take(self, desk: Desk, *, settled: Callable[[], object]) -> None:
        """Look up those that are due; `settled` is called where a doubt is none any more.

        A doubt stays noted until it is settled, so that no other lane finds nothing left to do meanwhile.
        """
        if not self._looking.acquire(blocking=False):
            return
        try:
            with self._lock:
                due = [one for one in self._due if one[0] <= desk.monotonic_s()]
            left = [len(look_again(desk, doubt.provider, doubt.subscriber_ids)) for _, doubt in due]
            if sum(left) < sum(len(doubt.subscriber_ids) for _, doubt in due):
                settled()
            with self._lock:
                self._due = [one for one in self._due if one not in due]
        finally:
            self._looking.release()
