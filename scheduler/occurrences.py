"""Which due times have come: walked from the newest one noted, each noted once.

The wall time is an occurrence's identity and the walk is in wall order, so that a night on which the clocks change
has as many occurrences as any other. The instant only decides when one is due.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from newsletter.models import Occurrence, OccurrenceState
from newsletter.schedules import LONGEST_JUMP, Schedule, instant, wall_time
from newsletter.settings import DigestSettings, Settings
from newsletter.store.occurrences import OccurrencesStore

SET_BACK_TOLERANCE = timedelta(minutes=10)
"""How far the clock may be behind the newest change in the store: several machines never agree to the second."""

MIN_CATCH_UP = timedelta(minutes=10)
"""Ticks are half a minute apart, or five with cron: with `catch_up = "0m"` nothing would ever be in time."""

_CLOCK_NEVER_SET = 2000
"""A clock that shows an earlier year has not been set since the machine started."""


def newly_due(
    digest: str,
    schedule: Schedule,
    *,
    zone: ZoneInfo,
    valid_from: datetime,
    newest_wall: datetime | None,
    now: datetime,
    catch_up: timedelta | None,
) -> list[Occurrence]:
    """The occurrences that have come since `newest_wall` and not before `valid_from`, oldest first.

    Each is DUE, or MISSED when it came longer ago than `catch_up` (None: when its successor has come). Which of
    several that are due at once acts is decided in `steps`, where it is known what became of their issues.
    """
    walls = _walls_due(schedule, zone, valid_from=valid_from, newest_wall=newest_wall, now=now)
    return [_occurrence(digest, wall, schedule, zone, now=now, catch_up=catch_up) for wall in walls]


def note_due(store: OccurrencesStore, settings: Settings, *, now: datetime) -> list[Occurrence]:
    """Write down what has come due in every digest; returns those that this call wrote, and nobody else did."""
    return [one for name, digest in settings.digests.items() for one in _note(store, name, digest, settings, now)]


def allowed_delay(schedule: Schedule, wall: datetime, catch_up: timedelta | None) -> timedelta:
    """How late the occurrence of `wall` may begin: by default until its successor comes, so the newest one can always
    be caught up."""
    if catch_up is not None:
        return max(catch_up, MIN_CATCH_UP)
    return next(schedule.after(wall), wall + timedelta(days=366)) - wall


def lateness(wall: datetime, now: datetime, zone: ZoneInfo) -> timedelta:
    """How long ago `wall` was, on the clock on the wall or by the hours that really passed: the shorter, so that a
    change of the clocks never makes an occurrence late."""
    return min(wall_time(now, zone) - wall, now.astimezone(UTC) - instant(wall, zone))


def clock_problem(newest_change: datetime | None, now: datetime) -> str | None:
    """Why this machine's clock cannot be trusted, in words; None: it can.

    Rows make sure that nothing happens twice even then; but what is due is not known while the clock is wrong.
    """
    if now.year < _CLOCK_NEVER_SET:
        return f"the clock of this machine shows the year {now.year}"
    if newest_change is not None and now < newest_change - SET_BACK_TOLERANCE:
        return (
            f"the clock of this machine shows {now:%Y-%m-%d %H:%M} UTC, but the scheduler was already at work at "
            f"{newest_change:%Y-%m-%d %H:%M} UTC: it was set back, or was ahead then"
        )
    return None


def in_words(span: timedelta) -> str:
    """`3 days`, `5 hours`, `20 minutes`: the largest unit of which there are at least two, else minutes."""
    for unit, size in (("days", timedelta(days=1)), ("hours", timedelta(hours=1))):
        if span >= 2 * size:
            return f"{span // size} {unit}"
    return f"{span // timedelta(minutes=1)} minutes"


def _note(
    store: OccurrencesStore, name: str, digest: DigestSettings, settings: Settings, now: datetime
) -> list[Occurrence]:
    zone = settings.site.zone
    # Another zone is another schedule: neither may make wall times due that passed before the change.
    seen_as = f"{digest.schedule} in {zone.key}" if digest.schedule else ""
    valid_from = store.valid_from(name, seen_as, now=now)
    if not digest.schedule:
        return []
    due = newly_due(
        name,
        Schedule.parse(digest.schedule),
        zone=zone,
        valid_from=valid_from,
        newest_wall=store.newest_wall_time(name),
        now=now,
        catch_up=digest.catch_up,
    )
    return store.note(due, now=now) if due else []


def _walls_due(
    schedule: Schedule, zone: ZoneInfo, *, valid_from: datetime, newest_wall: datetime | None, now: datetime
) -> list[datetime]:
    start = wall_time(valid_from, zone) - LONGEST_JUMP
    end = wall_time(now, zone) + LONGEST_JUMP
    walk = takewhile(lambda wall: wall <= end, schedule.after(max(start, newest_wall or start)))
    walls = [wall for wall in walk if instant(wall, zone) >= valid_from.astimezone(UTC)]
    # 01:30 of a night without that time is placed at 02:30, after 02:00. It counts as come with 02:00 all the same:
    # the walk goes on from the newest wall time, so one that is left behind would be lost.
    come = [number for number, wall in enumerate(walls, start=1) if instant(wall, zone) <= now.astimezone(UTC)]
    return walls[: come[-1]] if come else []


def _occurrence(
    digest: str, wall: datetime, schedule: Schedule, zone: ZoneInfo, *, now: datetime, catch_up: timedelta | None
) -> Occurrence:
    one = Occurrence(digest=digest, wall_time=wall, due_at=instant(wall, zone), state=OccurrenceState.DUE)
    allowed = allowed_delay(schedule, wall, catch_up)
    late = lateness(wall, now, zone)
    if late <= allowed:
        return one
    note = f"noticed {in_words(late)} late; catch_up is {in_words(allowed)}"
    return one.model_copy(update={"state": OccurrenceState.MISSED, "note": note})
