"""When a digest is due: `thu 09:00`, `mon,thu 07:30`, `1st 09:00`, `last fri 16:00`, or a crontab line.

Wall times are walked on a floating clock (without a zone) and placed in the site's zone afterwards, each once: a
time that the clocks skip in spring moves forward, one that comes twice in autumn is its first (APScheduler's own cron
fires twice then, see docs/design.md).
"""

from __future__ import annotations

import calendar
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

EXAMPLES = (
    'write for example "thu 09:00", "mon,thu 07:30", "weekdays 08:00", "daily 07:00", "1st 09:00", "last day 09:00", '
    '"2nd tue 10:00", "last fri 16:00", or a crontab line such as "0 9 * * 4"'
)

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LAST = -1
_LAST_DAY = 31
# The fourth is the highest that every month has; from the fifth on a month would be left out without a word.
_HIGHEST_NTH_WEEKDAY = 4

LONGEST_JUMP = timedelta(hours=25)
"""A zone's clocks have never jumped by more than a day (Samoa, 2011-12-30), so no wall time is further than this from
the place where an unchanged clock would have had it."""

DayRule = Callable[[date], bool]


class Schedule(ABC):
    """A parsed schedule. Wall times in and out are naive; `place` makes one an instant."""

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Raises ValueError with what is wrong and examples of what is right."""
        try:
            return _parse(text)
        except _NotASchedule as error:
            raise ValueError(f"is no schedule: {error}; {EXAMPLES}") from error

    @abstractmethod
    def after(self, wall: datetime) -> Iterator[datetime]:
        """The wall times after `wall` (not at it), in order, without end (but that of the calendar, 9999)."""

    @abstractmethod
    def before(self, wall: datetime) -> Iterator[datetime]:
        """The wall times before `wall` (not at it), newest first."""

    @property
    @abstractmethod
    def several_a_day(self) -> bool:
        """There are days with more than one due time, so a date alone does not name an issue."""

    def is_due_at(self, wall: datetime) -> bool:
        return wall in self.due_on(wall)

    def due_on(self, day: date) -> list[datetime]:
        """The wall times on the date of `day` (a date or a datetime)."""
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - wall times have no zone
        from_midnight = self.after(midnight - timedelta(seconds=1)) if midnight > datetime.min else self.after(midnight)  # noqa: DTZ901
        return list(takewhile(lambda wall: wall.date() == midnight.date(), from_midnight))

    def period_before(self, wall: datetime) -> timedelta:
        """Wall-clock time from the occurrence before `wall` to `wall`."""
        return wall - next(self.before(wall), wall)


def place(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall time in `zone`, aware.

    A time that the clocks skip is moved forward by what they skip (01:30 in London's spring is 02:30), one that comes
    twice is the first. So two wall times may share an instant: the wall time is an occurrence's identity, not this.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC).astimezone(zone)


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When an occurrence is due, in UTC: Python compares two times of one zone as the wall shows them, which is wrong
    in the hour that comes twice."""
    return place(wall, zone).astimezone(UTC)


def wall_time(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall in `zone` shows at `instant`, naive."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


class _NotASchedule(Exception):
    pass


# --- in words -------------------------------------------------------------------------------------------------


class _InWords(Schedule):
    """Days that follow a rule, each with the same times."""

    def __init__(self, is_day: DayRule, times: tuple[time, ...]) -> None:
        self._is_day = is_day
        self._times = times

    @property
    def several_a_day(self) -> bool:
        return len(self._times) > 1

    def after(self, wall: datetime) -> Iterator[datetime]:
        for day in _days(wall.date(), step=1):
            if self._is_day(day):
                yield from (due for at in self._times if (due := datetime.combine(day, at)) > wall)

    def before(self, wall: datetime) -> Iterator[datetime]:
        for day in _days(wall.date(), step=-1):
            if self._is_day(day):
                yield from (due for at in reversed(self._times) if (due := datetime.combine(day, at)) < wall)


def _days(first: date, *, step: int) -> Iterator[date]:
    end = date.max if step > 0 else date.min
    return map(date.fromordinal, range(first.toordinal(), end.toordinal() + step, step))


@dataclass(frozen=True)
class _OnWeekdays:
    weekdays: frozenset[int]

    def __call__(self, day: date) -> bool:
        return day.weekday() in self.weekdays


@dataclass(frozen=True)
class _OnDaysOfMonth:
    """29th, 30th and 31st are the last day where a month is shorter, so that no month is left out."""

    numbers: frozenset[int]

    def __call__(self, day: date) -> bool:
        last = calendar.monthrange(day.year, day.month)[1]
        return day.day in self.numbers or (day.day == last and max(self.numbers) > last)


@dataclass(frozen=True)
class _OnNthWeekdays:
    nths: frozenset[int]
    weekdays: frozenset[int]

    def __call__(self, day: date) -> bool:
        is_last = day.day + 7 > calendar.monthrange(day.year, day.month)[1]
        nth = (day.day + 6) // 7
        return day.weekday() in self.weekdays and (nth in self.nths or (is_last and _LAST in self.nths))


def _parse(text: str) -> Schedule:
    words = re.sub(r"\s*,\s*", ",", text.strip().lower()).split()
    if len(words) == 5 and ":" not in text:
        return _Crontab(" ".join(words))
    if len(words) < 2 or ":" not in words[-1]:
        raise _NotASchedule("days and a time are wanted")
    times = tuple(sorted({_time(word) for word in words[-1].split(",")}))
    match words[:-1]:
        case [days]:
            return _InWords(_days_named(days.split(",")), times)
        case [nths, days]:
            return _InWords(_nth_days(nths.split(","), days.split(",")), times)
        case _:
            raise _NotASchedule("too many words before the time")


def _time(word: str) -> time:
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", word, re.ASCII)
    if not found:
        raise _NotASchedule(f"{word!r} is no time between 00:00 and 23:59")
    return time(int(found[1]), int(found[2]))


def _days_named(words: list[str]) -> DayRule:
    if all(word[:1].isdigit() for word in words):
        return _OnDaysOfMonth(frozenset(_ordinal(word, highest=_LAST_DAY) for word in words))
    return _OnWeekdays(_weekdays(words))


def _nth_days(nths: list[str], days: list[str]) -> DayRule:
    if days == ["day"]:
        numbers = (_LAST_DAY if nth == "last" else _ordinal(nth, highest=_LAST_DAY) for nth in nths)
        return _OnDaysOfMonth(frozenset(numbers))
    numbers = (_LAST if nth == "last" else _ordinal(nth, highest=_HIGHEST_NTH_WEEKDAY) for nth in nths)
    return _OnNthWeekdays(frozenset(numbers), _weekdays(days))


def _ordinal(word: str, *, highest: int) -> int:
    found = re.fullmatch(r"(\d{1,2})(st|nd|rd|th)", word, re.ASCII)
    if not found:
        raise _NotASchedule(f'{word!r} is neither "last" nor a number such as "1st" or "2nd"')
    if not 1 <= int(found[1]) <= highest:
        hint = ' (for the fifth write "last", every month has that)' if highest == _HIGHEST_NTH_WEEKDAY else ""
        raise _NotASchedule(f"{word!r} is not between 1 and {highest}{hint}")
    return int(found[1])


def _weekdays(words: list[str]) -> frozenset[int]:
    return frozenset(number for word in words for number in _weekday_range(word))


def _weekday_range(word: str) -> list[int]:
    if word == "daily":
        return list(range(7))
    if word == "weekdays":
        return list(range(5))
    first, dash, last = word.partition("-")
    start, end = _weekday(first), _weekday(last if dash else first)
    return [(start + offset) % 7 for offset in range((end - start) % 7 + 1)]


def _weekday(word: str) -> int:
    found = [number for number, name in enumerate(_WEEKDAYS) if len(word) >= 3 and name.startswith(word)]
    if not found:
        raise _NotASchedule(f"{word!r} is no day of the week")
    return found[0]


# --- a crontab line -------------------------------------------------------------------------------------------


class _Crontab(Schedule):
    """Cron's own rules, by cronsim: 0 and 7 are Sunday; a day of the month or one of the week, where both are given."""

    def __init__(self, line: str) -> None:
        self._line = line
        some_day = datetime(2000, 1, 1)  # noqa: DTZ001 - wall times have no zone
        try:
            walk = CronSim(line, some_day)
        except CronSimError as error:
            raise _NotASchedule(_crontab_problem(line, str(error))) from error
        self._several_a_day = len(walk.hours) * len(walk.minutes) > 1
        if next(self.after(some_day), None) is None:
            raise _NotASchedule("it can never be due, there is no such date")

    @property
    def several_a_day(self) -> bool:
        return self._several_a_day

    def after(self, wall: datetime) -> Iterator[datetime]:
        return self._walk(wall, reverse=False)

    def before(self, wall: datetime) -> Iterator[datetime]:
        return self._walk(wall, reverse=True)

    def _walk(self, wall: datetime, *, reverse: bool) -> Iterator[datetime]:
        try:
            yield from CronSim(self._line, wall, reverse=reverse)
        except OverflowError:  # the calendar ends: years 1 and 9999
            return


def _crontab_problem(line: str, problem: str) -> str:
    minute, hour, day, _, weekday = line.split()
    wanted = f"{problem[:1].lower()}{problem[1:]} in the crontab line"
    if "day-of-month" not in problem:
        return wanted
    # cronsim gives "Bad day-of-month" for a good day that its months never have (30 February), too.
    try:
        CronSim(f"{minute} {hour} {day} * {weekday}", datetime(2000, 1, 1))  # noqa: DTZ001 - wall times have no zone
    except CronSimError:
        return wanted
    return "it can never be due, there is no such date"
