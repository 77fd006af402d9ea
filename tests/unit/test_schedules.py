from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import NotFound
from newsletter.issues.naming import IssueName, issue_id, split_issue_id, wall_times
from newsletter.schedules import Schedule, place, wall_time

LONDON = ZoneInfo("Europe/London")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
APIA = ZoneInfo("Pacific/Apia")

SCHEDULES = (
    "thu 09:00",
    "mon,thu 07:30",
    "weekdays 08:00",
    "fri-mon 08:00",
    "daily 01:30",
    "daily 01:30,02:15",
    "1st 09:00",
    "15th,31st 09:00",
    "last day 23:59",
    "2nd tue 10:00",
    "1st,3rd mon 10:00",
    "last fri 16:00",
    "0 9 * * 4",
    "30 1 * * *",
    "*/20 0-3 1,15 * 0",
    "0 9 29 2 *",
)
schedules = st.sampled_from(SCHEDULES)
walls = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1))


def due(text: str, *, after: datetime, count: int) -> list[datetime]:
    return list(islice(Schedule.parse(text).after(after), count))


# --- what the words mean --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thu 09:00", [datetime(2026, 1, 29, 9), datetime(2026, 2, 5, 9)]),
        ("Thursday 9:00", [datetime(2026, 1, 29, 9), datetime(2026, 2, 5, 9)]),
        ("MON, Thu  07:30", [datetime(2026, 1, 29, 7, 30), datetime(2026, 2, 2, 7, 30)]),
        ("weekdays 08:00", [datetime(2026, 1, 29, 8), datetime(2026, 1, 30, 8), datetime(2026, 2, 2, 8)]),
        ("fri-mon 08:00", [datetime(2026, 1, 30, 8), datetime(2026, 1, 31, 8), datetime(2026, 2, 1, 8)]),
        ("daily 18:00,07:00", [datetime(2026, 1, 28, 18), datetime(2026, 1, 29, 7)]),
        ("1st 09:00", [datetime(2026, 2, 1, 9), datetime(2026, 3, 1, 9)]),
        ("last day 09:00", [datetime(2026, 1, 31, 9), datetime(2026, 2, 28, 9)]),
        ("2nd tue 10:00", [datetime(2026, 2, 10, 10), datetime(2026, 3, 10, 10)]),
        ("last fri 16:00", [datetime(2026, 1, 30, 16), datetime(2026, 2, 27, 16)]),
        ("1st,last mon 16:00", [datetime(2026, 2, 2, 16), datetime(2026, 2, 23, 16)]),
        ("0 9 * * 4", [datetime(2026, 1, 29, 9), datetime(2026, 2, 5, 9)]),
    ],
)
def test_a_schedule_is_due_when_its_words_say(text: str, expected: list[datetime]) -> None:
    wednesday = datetime(2026, 1, 28, 9)

    assert due(text, after=wednesday, count=len(expected)) == expected


@pytest.mark.parametrize("day", ["29th", "30th", "31st"])
def test_no_month_is_left_out_because_it_is_short(day: str) -> None:
    months = due(f"{day} 09:00", after=datetime(2026, 12, 31, 10), count=12)

    assert [wall.month for wall in months] == list(range(1, 13))
    assert months[1] == datetime(2027, 2, 28, 9)


def test_the_30th_and_the_31st_are_one_day_where_a_month_has_28() -> None:
    assert due("30th,31st 09:00", after=datetime(2026, 2, 1), count=2) == [
        datetime(2026, 2, 28, 9),
        datetime(2026, 3, 30, 9),
    ]


@pytest.mark.parametrize("sunday", ["0", "7", "sun"])
def test_in_a_crontab_line_both_0_and_7_are_sunday(sunday: str) -> None:
    assert due(f"0 8 * * {sunday}", after=datetime(2026, 1, 28), count=1) == [datetime(2026, 2, 1, 8)]


def test_in_a_crontab_line_the_day_of_the_month_or_of_the_week_is_enough() -> None:
    fridays_and_the_13th = due("0 9 13 * 5", after=datetime(2026, 5, 8, 10), count=3)

    assert fridays_and_the_13th == [datetime(2026, 5, 13, 9), datetime(2026, 5, 15, 9), datetime(2026, 5, 22, 9)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "days and a time are wanted"),
        ("thursday", "days and a time are wanted"),
        ("thu 25:00", "'25:00' is no time"),
        ("thu 9am", "days and a time are wanted"),
        ("thi 09:00", "'thi' is no day of the week"),
        ("th 09:00", "'th' is no day of the week"),
        ("5th tue 09:00", 'write "last"'),
        ("0th 09:00", "not between 1 and 31"),
        ("32nd 09:00", "not between 1 and 31"),
        ("mon,15th 09:00", "'15th' is no day of the week"),
        ("every other mon 09:00", "too many words"),
        ("0 9 30 2 *", "never be due"),
        ("0 9 31 4,6 *", "never be due"),
        ("0 9 32 * *", "bad day-of-month"),
        ("0 9 * 13 *", "bad month"),
        ("61 9 * * *", "bad minute"),
        ("0 0 9 * * 4", "days and a time are wanted"),
        ("@weekly", "days and a time are wanted"),
    ],
)
def test_a_bad_schedule_is_explained_with_examples(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        Schedule.parse(text)

    assert '"thu 09:00"' in str(caught.value)


@given(st.text(alphabet="0123456789:,-*/#lw @\n montuewedsafriyhl²٣", max_size=30))
def test_any_text_is_a_schedule_or_a_value_error(text: str) -> None:
    try:
        schedule = Schedule.parse(text)
    except ValueError:
        return

    assert next(schedule.after(datetime(2026, 1, 1)), None) is not None


# --- walking --------------------------------------------------------------------------------------------------


@given(schedules, walls)
def test_due_times_only_grow_and_come_after_the_start(text: str, wall: datetime) -> None:
    times = due(text, after=wall, count=20)

    assert all(earlier < later for earlier, later in pairwise([wall, *times]))


@given(schedules, walls)
def test_before_walks_the_way_of_after_backwards(text: str, wall: datetime) -> None:
    forward = due(text, after=wall, count=10)

    backward = list(islice(Schedule.parse(text).before(forward[-1]), 9))

    assert backward == forward[-2::-1]


@given(schedules, walls)
def test_nothing_is_due_between_the_one_before_and_the_one_after(text: str, wall: datetime) -> None:
    schedule = Schedule.parse(text)
    before, after = next(schedule.before(wall)), next(schedule.after(wall))

    due_between = [at for at in islice(schedule.after(before), 2) if at < after]

    assert before < wall < after
    assert due_between == ([wall] if schedule.is_due_at(wall) else [])


@given(schedules, walls)
def test_a_day_has_the_due_times_that_the_walk_finds_on_it(text: str, wall: datetime) -> None:
    schedule = Schedule.parse(text)
    found = next(schedule.after(wall))

    on_that_day = schedule.due_on(found.date())

    assert found in on_that_day
    assert {at.date() for at in on_that_day} == {found.date()}
    assert all(schedule.is_due_at(at) and not schedule.is_due_at(at + timedelta(seconds=1)) for at in on_that_day)
    assert len(on_that_day) == 1 or schedule.several_a_day


@given(schedules, walls)
def test_a_period_leads_back_to_the_due_time_before(text: str, wall: datetime) -> None:
    schedule = Schedule.parse(text)
    first, second = islice(schedule.after(wall), 2)

    assert second - schedule.period_before(second) == first


@pytest.mark.parametrize("text", ["thu 09:00", "0 9 * * 4"])
def test_the_walk_ends_with_the_calendar(text: str) -> None:
    schedule = Schedule.parse(text)

    assert len(list(schedule.after(datetime(9999, 12, 1)))) == 5
    assert list(schedule.before(datetime(1, 1, 2))) == []
    assert schedule.due_on(date.min) == []


# --- on the clock of a place ----------------------------------------------------------------------------------


def test_a_time_that_the_clocks_skip_moves_forward() -> None:
    assert place(datetime(2027, 3, 28, 1, 30), LONDON).isoformat() == "2027-03-28T02:30:00+01:00"
    assert place(datetime(2026, 10, 4, 2, 15), LORD_HOWE).isoformat() == "2026-10-04T02:45:00+11:00"


def test_a_time_that_comes_twice_is_its_first() -> None:
    assert place(datetime(2026, 10, 25, 1, 30), LONDON).isoformat() == "2026-10-25T01:30:00+01:00"
    assert place(datetime(2026, 4, 5, 1, 45), LORD_HOWE).isoformat() == "2026-04-05T01:45:00+11:00"


def test_a_day_that_a_country_skips_moves_to_the_next() -> None:
    assert place(datetime(2011, 12, 30, 9), APIA).isoformat() == "2011-12-31T09:00:00+14:00"


@pytest.mark.parametrize("zone", [LONDON, LORD_HOWE, APIA])
@pytest.mark.parametrize("year", [2011, 2012, 2026])
def test_every_occurrence_of_a_year_has_its_own_key_and_none_goes_back(zone: ZoneInfo, year: int) -> None:
    times = Schedule.parse("daily 01:30,01:45,02:15,02:30")
    keys = [wall for wall in islice(times.after(datetime(year, 1, 1)), 365 * 4) if wall.year == year]

    instants = [place(wall, zone).timestamp() for wall in keys]

    assert len(set(keys)) == len(keys) == 365 * 4
    # A skipped hour pushes its times behind those that follow it, by no more than the hour (in Apia the day).
    longest_gap_s = 24 * 3600 if zone == APIA else 3600
    assert all(later - earlier >= -longest_gap_s for earlier, later in pairwise(instants))


@given(walls, st.sampled_from([LONDON, LORD_HOWE, APIA]))
def test_a_placed_time_shows_the_wall_time_unless_the_clocks_skip_it(wall: datetime, zone: ZoneInfo) -> None:
    placed = place(wall, zone)

    shown = wall_time(placed, zone)

    exists = wall.replace(tzinfo=zone).utcoffset() == wall.replace(tzinfo=zone, fold=1).utcoffset() or shown == wall
    assert shown == wall if exists else shown > wall
    assert place(shown, zone).timestamp() == placed.timestamp()


# --- the names of issues --------------------------------------------------------------------------------------


def test_an_issue_is_named_by_its_digest_and_date() -> None:
    assert issue_id("weekly", datetime(2023, 11, 16, 9), several_a_day=False) == "weekly-2023-11-16"


def test_an_issue_has_its_time_where_the_digest_is_due_more_than_once_a_day() -> None:
    schedule = Schedule.parse("daily 09:00,18:00")

    name = issue_id("brief", datetime(2023, 11, 16, 9), several_a_day=schedule.several_a_day)

    assert name == "brief-2023-11-16T0900"


@given(
    schedules,
    walls,
    st.from_regex(r"[a-z0-9]+(-[a-z0-9]+){0,3}", fullmatch=True),
)
def test_an_issues_name_leads_back_to_its_digest_and_due_time(text: str, wall: datetime, digest: str) -> None:
    schedule = Schedule.parse(text)
    at = next(schedule.after(wall))

    name = split_issue_id(issue_id(digest, at, several_a_day=schedule.several_a_day), {digest})

    assert name.digest == digest
    assert wall_times(name, schedule) == [at]


def test_a_digest_may_be_named_like_an_issue() -> None:
    name = split_issue_id("review-2023-11-16-2024-01-04T0730", ["review-2023-11-16"])

    assert name == IssueName("review-2023-11-16", date(2024, 1, 4), time(7, 30))


def test_a_digest_without_a_schedule_takes_its_whole_day() -> None:
    assert wall_times(IssueName("special", date(2023, 11, 16)), None) == [datetime(2023, 11, 16, 23, 59)]


def test_a_date_on_which_nothing_is_due_means_no_time() -> None:
    assert wall_times(IssueName("weekly", date(2023, 11, 17)), Schedule.parse("thu 09:00")) == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("weekly", "named like weekly-2023-11-16"),
        ("weekly-2023-02-30", "no such day"),
        ("weekly-2023-11-16T2500", "no such day or time"),
        ("wekly-2023-11-16", "did you mean weekly"),
        ("../../etc-2023-11-16", "named like"),
    ],
)
def test_what_names_no_issue_is_not_found_and_explained(name: str, problem: str) -> None:
    with pytest.raises(NotFound, match=problem):
        split_issue_id(name, ["weekly", "monthly"])
