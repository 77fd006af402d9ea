"""Which due times have come, and what is next for them: decided without a store, a clock or a pipeline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.models import IssueState, Occurrence, OccurrenceState
from newsletter.schedules import Schedule, place, wall_time
from newsletter.store.issues import BY_PERSON, BY_PRODUCT
from scheduler.occurrences import clock_problem, in_words, newly_due
from scheduler.outcomes import Kind, News, Outcome, line
from scheduler.steps import Standing, Step, next_step

LONDON = ZoneInfo("Europe/London")
WEEK = timedelta(days=7)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def due(
    schedule: str,
    *,
    now: datetime,
    seen: datetime,
    newest: datetime | None = None,
    zone: ZoneInfo = LONDON,
    catch_up: timedelta | None = timedelta(days=4000),
) -> list[Occurrence]:
    return newly_due(
        "weekly", Schedule.parse(schedule), zone=zone, valid_from=seen, newest_wall=newest, now=now, catch_up=catch_up
    )


def walls(occurrences: list[Occurrence]) -> list[datetime]:
    return [one.wall_time for one in occurrences]


# --- which have come ------------------------------------------------------------------------------------------


def test_an_occurrence_has_come_at_its_very_moment_and_not_a_second_before() -> None:
    nine = utc(2023, 11, 16, 9, 0)

    before = due("thu 09:00", seen=utc(2023, 11, 15), now=nine - timedelta(seconds=1))
    at = due("thu 09:00", seen=utc(2023, 11, 15), now=nine)

    assert before == []
    assert walls(at) == [datetime(2023, 11, 16, 9, 0)]
    assert at[0].due_at == nine


def test_what_passed_before_the_digest_was_first_seen_has_not_come() -> None:
    late = due("thu 09:00", seen=utc(2023, 11, 16, 9, 0, 1), now=utc(2023, 11, 22))
    in_time = due("thu 09:00", seen=utc(2023, 11, 16, 9, 0), now=utc(2023, 11, 22))

    assert late == []
    assert walls(in_time) == [datetime(2023, 11, 16, 9, 0)]


def test_what_was_noted_has_not_come_again() -> None:
    noted = datetime(2023, 11, 16, 9, 0)

    again = due("thu 09:00", seen=utc(2023, 11, 1), newest=noted, now=utc(2023, 11, 23, 8, 59))

    assert again == []


def test_after_three_weeks_only_the_newest_is_due_and_the_others_are_missed() -> None:
    found = due("thu 09:00", seen=utc(2023, 10, 30), now=utc(2023, 11, 23, 12, 0), catch_up=WEEK)

    assert [one.state for one in found] == [OccurrenceState.MISSED] * 3 + [OccurrenceState.DUE]
    assert found[0].note == "noticed 21 days late; catch_up is 7 days"


def test_catch_up_is_by_default_until_the_next_occurrence() -> None:
    monday = utc(2023, 11, 20, 7, 30)

    before_monday = due("mon,thu 07:30", seen=utc(2023, 11, 15), now=monday - timedelta(seconds=1), catch_up=None)
    after_monday = due("mon,thu 07:30", seen=utc(2023, 11, 15), now=monday + timedelta(seconds=1), catch_up=None)

    assert [one.state for one in before_monday] == [OccurrenceState.DUE]
    assert [one.state for one in after_monday] == [OccurrenceState.MISSED, OccurrenceState.DUE]


def test_an_occurrence_as_old_as_catch_up_is_due_and_an_older_one_is_not() -> None:
    limit = utc(2023, 11, 16, 12, 0)

    at_limit = due("thu 09:00", seen=utc(2023, 11, 15), now=limit, catch_up=timedelta(hours=3))
    later = due("thu 09:00", seen=utc(2023, 11, 15), now=limit + timedelta(seconds=1), catch_up=timedelta(hours=3))

    assert at_limit[0].state is OccurrenceState.DUE
    assert later[0].state is OccurrenceState.MISSED


def test_without_any_catch_up_an_occurrence_is_in_time_for_the_next_ticks() -> None:
    soon = due("thu 09:00", seen=utc(2023, 11, 15), now=utc(2023, 11, 16, 9, 5), catch_up=timedelta(0))
    later = due("thu 09:00", seen=utc(2023, 11, 15), now=utc(2023, 11, 16, 9, 11), catch_up=timedelta(0))

    assert (soon[0].state, later[0].state) == (OccurrenceState.DUE, OccurrenceState.MISSED)


def test_an_absurdly_long_catch_up_is_no_error() -> None:
    found = due("thu 09:00", seen=utc(2023, 11, 15), now=utc(2023, 11, 17), catch_up=timedelta(weeks=9_999_999))

    assert found[0].state is OccurrenceState.DUE


# --- nights on which the clocks change ------------------------------------------------------------------------


def noted_by_ticks(
    schedule: str, zone: ZoneInfo, *, first: datetime, last: datetime, step: timedelta
) -> list[Occurrence]:
    noted: list[Occurrence] = []
    now = first
    while now <= last:
        noted += due(schedule, zone=zone, seen=first, now=now, newest=noted[-1].wall_time if noted else None)
        now += step
    return noted


def test_the_hour_that_comes_twice_in_autumn_is_due_once() -> None:
    noted = noted_by_ticks(
        "daily 01:30", LONDON, first=utc(2026, 10, 24), last=utc(2026, 10, 27), step=timedelta(minutes=5)
    )

    assert walls(noted) == [datetime(2026, 10, day, 1, 30) for day in (24, 25, 26)]
    assert noted[1].due_at == utc(2026, 10, 25, 0, 30)


def test_a_restart_in_the_second_of_the_two_hours_does_not_repeat_it() -> None:
    noted = datetime(2026, 10, 25, 1, 30)

    again = due("daily 01:30", seen=utc(2026, 10, 1), newest=noted, now=utc(2026, 10, 25, 1, 30))

    assert again == []


def test_a_scheduler_first_seen_between_the_two_hours_does_not_catch_up_the_first() -> None:
    found = due("daily 01:30", seen=utc(2026, 10, 25, 0, 45), now=utc(2026, 10, 25, 12, 0))

    assert found == []


def test_the_hour_that_is_skipped_in_spring_is_due_when_the_clocks_have_moved() -> None:
    before = due("daily 01:30", seen=utc(2027, 3, 27, 12, 0), now=utc(2027, 3, 28, 1, 29))
    at = due("daily 01:30", seen=utc(2027, 3, 27, 12, 0), now=utc(2027, 3, 28, 1, 30))

    assert before == []
    assert walls(at) == [datetime(2027, 3, 28, 1, 30)]


def test_every_half_hour_of_the_spring_night_is_due_once_though_two_swap_their_order() -> None:
    noted = noted_by_ticks(
        "*/30 * * * *",
        LONDON,
        first=utc(2027, 3, 28),
        last=utc(2027, 3, 28, 3, 0),
        step=timedelta(minutes=1),
    )

    midnight = datetime(2027, 3, 28)
    assert walls(noted) == [midnight + n * timedelta(minutes=30) for n in range(9)]


# --- any schedule, any zone, any down time --------------------------------------------------------------------

SCHEDULES = [
    "thu 09:00",
    "daily 01:30",
    "mon,thu 07:30,18:00",
    "*/30 * * * *",
    "last fri 02:15",
    "0 0 * * *",
    "daily 00:00,02:00,02:30,23:59",
]
# Half an hour of daylight saving; a day that never was; midnights that do not exist; none at all.
ZONES = [
    ("Europe/London", utc(2026, 10, 23)),
    ("Europe/London", utc(2027, 3, 26)),
    ("Australia/Lord_Howe", utc(2026, 4, 3)),
    ("Australia/Lord_Howe", utc(2026, 10, 2)),
    ("Pacific/Apia", utc(2011, 12, 28)),
    ("America/Santiago", utc(2026, 9, 4)),
    ("UTC", utc(2026, 2, 27)),
]


@given(
    schedule=st.sampled_from(SCHEDULES),
    zone_and_start=st.sampled_from(ZONES),
    pauses_min=st.lists(st.integers(1, 2500), min_size=1, max_size=40),
    catch_up=st.none() | st.integers(0, 4000).map(lambda minutes: timedelta(minutes=minutes)),
)
@settings(deadline=None, max_examples=300)
def test_each_wall_time_comes_once_and_none_is_lost(
    schedule: str, zone_and_start: tuple[str, datetime], pauses_min: list[int], catch_up: timedelta | None
) -> None:
    zone, start = ZoneInfo(zone_and_start[0]), zone_and_start[1]
    noted: list[Occurrence] = []

    now = start
    for pause_min in pauses_min:
        now += timedelta(minutes=pause_min)
        newest = noted[-1].wall_time if noted else None
        new = due(schedule, zone=zone, seen=start, newest=newest, now=now, catch_up=catch_up)
        for one in new:
            if catch_up is not None:
                late = min(wall_time(now, zone) - one.wall_time, now - place(one.wall_time, zone))
                assert (one.state is OccurrenceState.DUE) == (late <= max(catch_up, timedelta(minutes=10)))
        assert catch_up is not None or not new or new[-1].state is OccurrenceState.DUE
        noted += new

    a_day = timedelta(days=2)
    candidates = takewhile(
        lambda wall: wall < wall_time(now, zone) + a_day, Schedule.parse(schedule).after(wall_time(start, zone) - a_day)
    )
    expected = [wall for wall in candidates if start <= place(wall, zone) <= now]
    found = walls(noted)
    assert found == sorted(set(found))
    assert set(expected) <= set(found)
    # Only the wall times of a gap may come before the instant at which they are placed.
    assert all(wall in expected or wall_time(place(wall, zone), zone) != wall for wall in found)


# --- what is next ---------------------------------------------------------------------------------------------

EVERY_STANDING = [
    Standing(*parts)
    for parts in product(
        [None, *IssueState], [None, BY_PERSON, BY_PRODUCT], [True, False], [True, False], [True, False], [True, False]
    )
]


def standing(
    state: IssueState | None,
    *,
    paused_by: str | None = None,
    is_built: bool = False,
    is_automatic: bool = False,
    is_newest: bool = True,
    is_late: bool = False,
) -> Standing:
    return Standing(state, paused_by, is_built, is_automatic, is_newest, is_late)


@pytest.mark.parametrize(
    ("at", "step"),
    [
        (standing(None), Step.BUILD),
        (standing(IssueState.DRAFT), Step.BUILD),
        (standing(IssueState.SKIPPED), Step.BUILD),
        (standing(IssueState.SKIPPED, is_built=True), Step.SKIP),
        (standing(IssueState.DRAFT, is_built=True), Step.WAIT),
        (standing(IssueState.DRAFT, is_built=True, is_automatic=True), Step.APPROVE),
        (standing(IssueState.APPROVED), Step.SEND),
        (standing(IssueState.SENDING), Step.SEND),
        (standing(IssueState.PAUSED, paused_by=BY_PERSON), Step.LEAVE),
        (standing(IssueState.PAUSED, paused_by=BY_PRODUCT), Step.ASK),
        (standing(IssueState.SENT), Step.END),
        (standing(IssueState.CANCELLED), Step.END),
    ],
)
def test_what_is_next_for_an_issue(at: Standing, step: Step) -> None:
    assert next_step(at) is step


def test_an_editor_has_as_long_as_she_likes() -> None:
    waiting = standing(IssueState.DRAFT, is_built=True, is_late=True, is_newest=False)

    assert next_step(waiting) is Step.WAIT


def test_an_occurrence_that_was_noted_in_time_and_then_slept_through_is_missed() -> None:
    assert next_step(standing(None, is_late=True)) is Step.MISS
    assert next_step(standing(IssueState.DRAFT, is_automatic=True, is_built=True, is_late=True)) is Step.MISS
    assert next_step(standing(IssueState.APPROVED, is_late=True)) is Step.MISS


def test_of_several_only_the_newest_acts_unless_an_older_one_holds_somebodys_work() -> None:
    assert next_step(standing(None, is_newest=False)) is Step.MERGE
    assert next_step(standing(IssueState.DRAFT, is_automatic=True, is_newest=False)) is Step.MERGE
    assert next_step(standing(IssueState.APPROVED, is_newest=False)) is Step.SEND
    assert next_step(standing(IssueState.DRAFT, is_newest=False)) is Step.BUILD


@pytest.mark.parametrize("at", [at for at in EVERY_STANDING if at.state is IssueState.SENDING])
def test_what_is_being_sent_is_always_gone_on_with(at: Standing) -> None:
    assert next_step(at) is Step.SEND


def test_nothing_is_ever_sent_that_is_not_approved() -> None:
    senders = {at.state for at in EVERY_STANDING if next_step(at) is Step.SEND}
    approvers = {(at.state, at.is_automatic) for at in EVERY_STANDING if next_step(at) is Step.APPROVE}

    assert senders == {IssueState.APPROVED, IssueState.SENDING}
    assert approvers == {(IssueState.DRAFT, True)}


# --- the clock, and words -------------------------------------------------------------------------------------


def test_a_clock_that_was_set_back_is_told_and_a_few_seconds_are_not() -> None:
    newest_change = utc(2023, 11, 16, 9, 0)

    assert clock_problem(newest_change, newest_change - timedelta(seconds=20)) is None
    problem = clock_problem(newest_change, newest_change - timedelta(hours=1))
    assert problem is not None
    assert "2023-11-16 08:00" in problem


def test_a_clock_that_was_never_set_is_told() -> None:
    assert clock_problem(None, utc(2023, 11, 16)) is None
    assert clock_problem(None, utc(1970, 1, 1)) == "the clock of this machine shows the year 1970"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(days=21, hours=3), "21 days"),
        (timedelta(days=1, hours=12), "36 hours"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(seconds=20), "0 minutes"),
    ],
)
def test_a_span_is_told_in_its_largest_sensible_unit(span: timedelta, words: str) -> None:
    assert in_words(span) == words


def test_a_thing_is_said_once_and_again_when_it_comes_back() -> None:
    news = News()
    waits = Outcome("weekly", "weekly-2023-11-16", Kind.WAITS, "waits for approval")

    said = [news.fresh([waits]), news.fresh([waits]), news.fresh([]), news.fresh([waits])]

    assert said == [[waits], [], [], [waits]]


def test_an_outcome_is_one_line_however_it_was_written() -> None:
    outcome = Outcome("weekly", "weekly-2023-11-16", Kind.FAILED, "two bad places:\n  a.md:3\n  b.md", "mend them")

    assert line(outcome) == "weekly-2023-11-16: two bad places: a.md:3 b.md (fix: mend them)"
