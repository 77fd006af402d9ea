"""Ticks every half minute until a signal. The only importer of APScheduler, which is the clock here and nothing more.

Its own cron and job stores are not used: they double runs in autumn, drop late ones and forget those of a down time
(docs/design.md). Without a grace limit and coalesced, a process that was frozen or suspended ticks once when it wakes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from newsletter import clock
from newsletter.errors import NewsletterError
from newsletter.stopping import stopping
from scheduler.outcomes import Kind, News, Outcome, line

_log = logging.getLogger(__name__)

TICK_S = 30.0
POLL_S = 0.1
"""How often the main thread looks whether a signal came."""

_LEVELS = {
    Kind.DONE: logging.INFO,
    Kind.WAITS: logging.INFO,
    Kind.MISSED: logging.WARNING,
    Kind.NEEDS_PERSON: logging.WARNING,
    Kind.FAILED: logging.ERROR,
}


def run(tick: Callable[[], list[Outcome]], *, stop: threading.Event, every_s: float = TICK_S) -> None:
    """Tick now and then every `every_s`, until `stop` is set or a signal asks to stop; then end the tick in hand.

    `stop` is set at the signal; the sending loop looks at it between batches. Says each thing once, not at each tick.
    """
    heart = _Heart(tick, every_s)
    with stopping() as asked:
        heart.start()
        _log.info("the scheduler is at work, it looks every %g seconds", every_s)
        while not asked.is_set() and not stop.is_set():
            heart.keep_beating()
            clock.sleep(POLL_S)
        stop.set()
        if heart.is_busy:
            _log.info("stopping: what is in hand is finished first")
        heart.stop()
        _log.info("the scheduler has stopped")


class _Heart:
    """APScheduler with one job in memory."""

    def __init__(self, tick: Callable[[], list[Outcome]], every_s: float) -> None:
        self._tick = tick
        self._every_s = every_s
        self._news = News()
        self._began_s = clock.monotonic_s()
        self.is_busy = False
        # Its warnings are that a tick takes longer than 30 seconds: sending does.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(1)}, timezone="UTC")

    def start(self) -> None:
        self._scheduler.start()
        self._scheduler.add_job(self._beat)
        self._add()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=True)

    def keep_beating(self) -> None:
        """APScheduler waits for the wall clock: when that is set back an hour, it would not tick for an hour."""
        if not self.is_busy and clock.monotonic_s() - self._began_s > 2 * self._every_s + 1:
            self._began_s = clock.monotonic_s()
            self._scheduler.add_job(self._beat)
            self._add()

    def _add(self) -> None:
        self._scheduler.add_job(
            self._beat,
            "interval",
            seconds=self._every_s,
            id="tick",
            replace_existing=True,
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
        )

    def _beat(self) -> None:
        self._began_s, self.is_busy = clock.monotonic_s(), True
        try:
            self._tell(self._tick())
        except NewsletterError as error:
            self._tell([Outcome("", "", Kind.FAILED, error.problem, error.fix)])
        except Exception:  # noqa: BLE001 - the edge: the next tick must come
            _log.exception("an error in the program ended this tick; the next one comes in %g seconds", self._every_s)
        finally:
            self.is_busy = False

    def _tell(self, outcomes: list[Outcome]) -> None:
        for outcome in self._news.fresh(outcomes):
            _log.log(_LEVELS[outcome.kind], "%s", line(outcome))
