"""How the issues stand in the store, looked at while somebody watches: another process may build, approve or send."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple

from newsletter.errors import NewsletterError
from newsletter.models import Counts, IssueState
from newsletter.pipeline.site import Site
from newsletter.store.issues import IssueRow

log = logging.getLogger(__name__)

EVERY_S = 0.5


class Beat(NamedTuple):
    """How one issue stood at a moment."""

    row: IssueRow
    counts: Counts | None
    """While it is sent."""


class Pulse:
    def __init__(self, site: Callable[[], Site], *, is_watched: Callable[[], bool]) -> None:
        self._site, self._is_watched = site, is_watched
        self.on_change: Callable[[list[str]], None] = lambda _issues: None
        self._last: dict[str, Beat] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            if self._is_watched():
                try:
                    self.look()
                except NewsletterError as error:
                    log.warning("how the issues stand cannot be told: %s", error.problem)

    def look(self) -> None:
        site = self._site()
        now = {row.id: Beat(row, _counts(site, row)) for row in site.store.issues.list()}
        before, self._last = self._last, now
        if before is not None:
            changed = [issue for issue in {*before, *now} if before.get(issue) != now.get(issue)]
            if changed:
                self.on_change(sorted(changed))


def _counts(site: Site, row: IssueRow) -> Counts | None:
    return site.store.deliveries.counts(row.id) if row.state is IssueState.SENDING else None
