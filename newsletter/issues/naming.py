"""An issue's id: `weekly-2023-11-16`, or `weekly-2023-11-16T0900` where the digest is due more than once a day.

The id is made of the wall time of the occurrence, so it is the same whatever the clocks do that night.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from datetime import date, datetime, time
from typing import NamedTuple

from newsletter.errors import NotFound
from newsletter.schedules import Schedule

# An issue of a digest without a schedule takes what was published up to the end of its day.
BY_HAND = time(23, 59)

_ID = re.compile(r"(?P<digest>[a-z0-9-]+)-(?P<day>\d{4}-\d{2}-\d{2})(?:T(?P<hour>\d{2})(?P<minute>\d{2}))?", re.ASCII)


class IssueName(NamedTuple):
    """What an issue's id says."""

    digest: str
    day: date
    at: time | None = None
    """None: the digest is due once a day, its schedule knows when."""


def issue_id(digest: str, wall: datetime, *, several_a_day: bool) -> str:
    """The id of the issue of `digest` that is due at `wall` (naive, the clock on the site's wall)."""
    return f"{digest}-{wall:%Y-%m-%d}" + (f"T{wall:%H%M}" if several_a_day else "")


def split_issue_id(text: str, digests: Collection[str] | None = None) -> IssueName:
    """The digest and the wall time in an issue's id; raises `NotFound` for what is no id, or of no known digest.

    Without `digests` any digest's name is taken, for issues whose digest is no longer in the settings.
    """
    found = _ID.fullmatch(text.strip())
    if not found:
        raise NotFound(f"there is no issue {text!r}: an issue is named like weekly-2023-11-16", fix=_SEE_STATUS)
    if digests is not None and found["digest"] not in digests:
        near = difflib.get_close_matches(found["digest"], digests, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(digests))}"
        raise NotFound(f"there is no issue {text!r}: no digest is named {found['digest']!r}{hint}", fix=_SEE_STATUS)
    try:
        at = time(int(found["hour"]), int(found["minute"])) if found["hour"] else None
        return IssueName(found["digest"], date.fromisoformat(found["day"]), at)
    except ValueError as error:
        raise NotFound(f"there is no issue {text!r}: the calendar has no such day or time", fix=_SEE_STATUS) from error


def on_of(issue: str) -> str:
    """What `newsletter build --on` wants for this issue: `2023-11-16`, or `2023-11-16T07:30`."""
    name = split_issue_id(issue)
    return f"{name.day}T{name.at:%H:%M}" if name.at else f"{name.day}"


def wall_times(name: IssueName, schedule: Schedule | None) -> list[datetime]:
    """The wall times that `name` can mean: one as a rule; none: the digest is not due then; several: the id lacks
    its time. Without a schedule the issue is built by hand and takes the posts up to the end of its day."""
    if schedule is None:
        return [datetime.combine(name.day, name.at or BY_HAND)]
    return [wall for wall in schedule.due_on(name.day) if name.at in (None, wall.time())]


_SEE_STATUS = "run `newsletter status` to see the issues"
