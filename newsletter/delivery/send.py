"""A run of sending: as many lanes as the settings allow, until nothing is pending or there is a reason to stop.

It may be killed at any point and run again by anybody. It knows nothing of templates: the desk makes a letter from a
reader.
"""

from __future__ import annotations

import gc
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from newsletter.delivery.conductor import Conductor
from newsletter.delivery.desk import Desk, Ended, Ending
from newsletter.delivery.lane import Lane
from newsletter.delivery.recover import look_up_doubts, recover

__all__ = ["Desk", "Ended", "Ending", "Run"]


@dataclass
class Run:
    """One run at a desk; `go` is called once."""

    desk: Desk

    def go(self) -> Ended:
        _leave_loaded_alone()
        desk = self.desk
        doubts = [*look_up_doubts(desk), *recover(desk)]
        conductor = Conductor(desk, desk.deliveries.counts(desk.issue_id), doubts=doubts)
        crew = _Crew(conductor)
        try:
            crew.fill()
            Lane(conductor, 0).go()
        except BaseException as error:  # a thread that could not be started ends those that were, too
            conductor.fail(error)
            raise
        finally:
            crew.join()
        if conductor.failure is not None:
            raise conductor.failure
        assert conductor.ended is not None
        return conductor.ended


@cache
def _leave_loaded_alone() -> None:
    """What is loaded by now stays: the collector need not walk through modules, a hundred thousand objects, each time
    letters and answers have piled up, which took a tenth of a long sending. Once, so that no garbage is kept.
    """
    gc.freeze()


class _Crew:
    """The threads of the lanes beside the first: as many as the settings want, also when they change."""

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor
        self._threads: dict[int, threading.Thread] = {}
        conductor.on_refreshed = self.fill

    def fill(self) -> None:
        for number in range(1, self._conductor.lanes):
            if number not in self._threads or not self._threads[number].is_alive():
                self._threads[number] = _thread(Lane(self._conductor, number))

    def join(self) -> None:
        # One that is waited for may still have filled the crew.
        while running := [one for one in list(self._threads.values()) if one.is_alive()]:
            running[0].join()


def _thread(lane: Lane) -> threading.Thread:
    def go() -> None:
        with suppress(BaseException):  # the conductor keeps it, and the main thread raises it
            lane.go()

    thread = threading.Thread(target=go, name=f"lane {lane.number}")
    thread.start()
    return thread
