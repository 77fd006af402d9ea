"""The next due times of every digest, and the issues that there are for them already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from newsletter.issues.naming import issue_id
from newsletter.models import IssueState
from newsletter.schedules import LONGEST_JUMP, Schedule, instant, place, wall_time
from newsletter.settings import Settings
from newsletter.store.issues import IssuesStore


class Upcoming(NamedTuple):
    digest: str
    due_at: datetime
    """Aware, in the site's zone."""
    issue: str
    """The id that its issue has or will have."""
    state: IssueState | None
    """None: no issue yet."""


def upcoming(settings: Settings, issues: IssuesStore, *, now: datetime, count: int) -> list[Upcoming]:
    """The next `count` occurrences of each digest after `now`, soonest first; none of digests built by hand."""
    found = [
        one
        for name, digest in settings.digests.items()
        if digest.schedule
        for one in islice(_of_digest(name, Schedule.parse(digest.schedule), settings.site.zone, issues, now), count)
    ]
    return sorted(found, key=lambda one: (one.due_at.astimezone(UTC), one.digest))


def _of_digest(
    digest: str, schedule: Schedule, zone: ZoneInfo, issues: IssuesStore, now: datetime
) -> Iterator[Upcoming]:
    for wall in schedule.after(wall_time(now, zone) - LONGEST_JUMP):
        if instant(wall, zone) > now.astimezone(UTC):
            issue = issue_id(digest, wall, several_a_day=schedule.several_a_day)
            row = issues.get(issue)
            yield Upcoming(digest, place(wall, zone), issue, row.state if row else None)
