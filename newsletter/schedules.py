"""When a digest is due: `thu 09:00`, `mon,thu 07:30`, `1st 09:00`, `last fri 16:00`, or a crontab line.

Wall times are walked on a floating clock (without a zone) and placed in the site's zone afterwards, each once: a
time that the clocks skip in spring moves forward, one that comes twice in autumn is its first (APScheduler's own cron
fires twice then, see docs/design.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


class Schedule:
    """A parsed schedule. Wall times in and out are naive; `place` makes one an instant."""

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Raises ValueError with what is wrong and examples of what is right."""
        raise NotImplementedError

    def after(self, wall: datetime) -> Iterator[datetime]:
        """The wall times after `wall` (not at it), in order, without end."""
        raise NotImplementedError

    def before(self, wall: datetime) -> Iterator[datetime]:
        """The wall times before `wall` (not at it), newest first."""
        raise NotImplementedError

    def is_due_at(self, wall: datetime) -> bool:
        raise NotImplementedError

    def due_on(self, day: datetime) -> list[datetime]:
        """The wall times on the date of `day`."""
        raise NotImplementedError

    def period_before(self, wall: datetime) -> timedelta:
        """Wall-clock time from the occurrence before `wall` to `wall`."""
        raise NotImplementedError


def place(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall time in `zone`, aware."""
    raise NotImplementedError
