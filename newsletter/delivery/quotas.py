"""When mail may leave, and how much of it in a day: pure; days and hours are those of the site's wall clock."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from newsletter.schedules import place

UTC = ZoneInfo("UTC")
CALLS_A_MINUTE = 60.0
"""Spread mail leaves at least in one call a minute, so that a few large batches do not make bursts of it."""


class Until(NamedTuple):
    """A run ends here and may go on then."""

    moment: datetime
    reason: str


@dataclass(frozen=True)
class Rules:
    """What the settings say about the time and the amount."""

    zone: ZoneInfo = UTC
    not_before: time | None = None
    not_after: time | None = None
    per_day: int | None = None
    """Mails a day at most."""
    warm_up: Sequence[int] = ()
    """The ceilings of the first days."""
    spread_until: datetime | None = None
    """All mail is to leave evenly until then, while the window is open."""

    def day(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    def ceiling(self, days_before: int) -> int | None:
        """Of a day that has so many days of sending before it in the warm-up; None: there is none."""
        of_plan = [self.warm_up[days_before]] if days_before < len(self.warm_up) else []
        return min([*of_plan, *([self.per_day] if self.per_day else [])], default=None)

    def closed_until(self, now: datetime) -> Until | None:
        """When the send window opens; None while it is open."""
        opens, closes = self.not_before or time.min, self.not_after
        wall = now.astimezone(self.zone)
        clock = wall.time().replace(tzinfo=None)
        if _is_within(clock, opens, closes):
            return None
        days = 1 if clock >= opens else 0
        hours = f"{opens:%H:%M} to {closes:%H:%M}" if closes else f"from {opens:%H:%M}"
        moment = self._moment(wall.date() + timedelta(days=days), opens)
        return Until(moment, f"mail leaves {hours} only (sending.not_before, sending.not_after)")

    def next_day(self, now: datetime, *, ceiling: int) -> Until:
        """When the next day's mail may leave."""
        tomorrow = self._moment(self.day(now) + timedelta(days=1), time.min)
        closed = self.closed_until(tomorrow)
        reason = f"{ceiling:,} mails a day are allowed (provider.per_day, sending.warm_up)"
        return Until(closed.moment if closed else tomorrow, reason)

    def spread_per_s(self, pending: int, now: datetime) -> float | None:
        """Mails a second, so that those still pending leave evenly until the end; None: as fast as possible."""
        left_s = self._open_s(now, self.spread_until) if self.spread_until else 0.0
        return pending / left_s if left_s > 0 and pending > 0 else None

    def after_open(self, start: datetime, span: timedelta) -> datetime:
        """When mail may have left for so long, counted from `start`: the hours of a closed window do not count."""
        for opens, closes in self._open_times(start):
            if closes is None or opens + span <= closes:
                return opens + span
            span -= closes - opens
        raise AssertionError("the times have no end")

    def _open_s(self, start: datetime, end: datetime) -> float:
        open_s = 0.0
        for opens, closes in self._open_times(start):
            open_s += max((min(closes or end, end) - opens).total_seconds(), 0.0)
            if closes is None or closes >= end:
                break
        return open_s

    def _open_times(self, start: datetime) -> Iterator[tuple[datetime, datetime | None]]:
        """The times, from `start` on, at which the send window is open; the last one, if there is one, has no end."""
        opens = start
        while True:
            if closed := self.closed_until(opens):
                opens = closed.moment
            closes = self._closes_after(opens)
            yield opens, closes
            if closes is None:
                return
            opens = closes

    def _closes_after(self, moment: datetime) -> datetime | None:
        if self.not_before is None and self.not_after is None:
            return None
        at, wall = self.not_after or time.min, moment.astimezone(self.zone)
        closes = self._moment(wall.date(), at)
        return closes if closes > moment else self._moment(wall.date() + timedelta(days=1), at)

    def _moment(self, day: date, at: time) -> datetime:
        return place(datetime.combine(day, at), self.zone)


def largest_spread(mails_per_s: float) -> int:
    """How many letters one call of spread mail may hold."""
    return max(1, math.ceil(mails_per_s * CALLS_A_MINUTE))


def _is_within(clock: time, opens: time, closes: time | None) -> bool:
    """Also where the window goes over midnight: not before 20:00, not after 06:00."""
    if closes is None:
        return clock >= opens
    return opens <= clock < closes if opens <= closes else clock >= opens or clock < closes
