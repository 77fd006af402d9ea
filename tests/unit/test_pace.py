"""Pace, quotas, windows, keys: decisions that need no clock."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.breaker import Breaker
from newsletter.delivery.keys import is_valid, key_of
from newsletter.delivery.manner import Manner
from newsletter.delivery.pace import Limits, Pace, Patience, Step
from newsletter.delivery.quotas import Rules
from newsletter.providers.base import Answer, Outcome
from newsletter.store.batches import Claim
from tests.factories import utc

LONDON = ZoneInfo("Europe/London")
TAKEN, BUSY, UNSURE = Answer(Outcome.ACCEPTED), Answer(Outcome.BUSY, retry_after_s=10), Answer(Outcome.UNSURE)


def a_manner(**limits: float) -> Manner:
    return Manner(Step.first(100), Patience(1800), Pace(Limits(**limits)), Breaker())


def begins(pace: Pace, calls: int, *, mails: int) -> list[float]:
    """When each of so many calls begins that all want to begin at once."""
    moments = []
    for _ in range(calls):
        pace, wait_s = pace.reserve(mails, now_s=0.0)
        moments.append(wait_s)
    return moments


def test_calls_of_all_lanes_keep_the_rate_for_mails_together() -> None:
    assert begins(Pace(Limits(mails_per_s=50)), 4, mails=100) == [0, 2, 4, 6]


def test_a_limit_for_calls_counts_where_it_is_the_slower_one() -> None:
    assert begins(Pace(Limits(mails_per_s=1000, calls_per_s=2)), 3, mails=100) == [0, 0.5, 1]


def test_a_turn_for_more_than_was_mailed_is_given_back() -> None:
    pace, _ = Pace(Limits(mails_per_s=10)).reserve(100, now_s=0.0)

    assert pace.give_back(100, unused=90).wait_s(0.0) == pytest.approx(1.0)


def test_a_busy_answer_halves_the_pace_and_it_climbs_back_to_none() -> None:
    pace = Pace()
    for second in range(8):
        pace = pace.after_progress(now_s=float(second))
    slowed = pace.after_busy(now_s=8.0)
    again = slowed
    for second in range(29):
        again = again.after_progress(now_s=8.0 + second)

    assert slowed.slowed_to_per_s == pytest.approx(0.5)
    assert slowed.after_busy(now_s=8.0).slowed_to_per_s == pytest.approx(0.25)
    assert again.slowed_to_per_s is None


def test_a_run_opens_with_a_few_letters_until_somebody_is_answered() -> None:
    opening = Step.first(1000)

    assert (opening.size, opening.is_soft) == (16, True)
    assert opening.after(doubtful=False, answered=False) == opening
    assert opening.after(doubtful=False, answered=True).size == 1000
    assert opening.after(doubtful=True).after(doubtful=False).size == 2
    assert Step.first(10).size == 10
    assert Step.first(1000, in_doubt=True).size == 1


def test_of_sixteen_lanes_that_were_told_to_wait_only_the_first_is_news() -> None:
    manner = a_manner()
    for _ in range(8):
        manner, _, _ = manner.after([TAKEN] * 100, attempt=1, reserved=100, news=0, now_s=manner.pace.measured_calls)
    busy = manner
    for _ in range(16):
        busy, ended, _ = busy.after([BUSY] * 100, attempt=1, reserved=100, news=manner.news, now_s=10.0)
        assert ended is None

    assert busy.pace.slowed_to_per_s == manner.pace.after_busy(now_s=10.0).slowed_to_per_s
    assert busy.patience.waited_s == 10
    assert busy.gate_s(10.0) == 10


def test_a_pause_that_the_rate_headers_ask_for_holds_the_next_call() -> None:
    taken = [Answer(Outcome.ACCEPTED, pause_s=30.0)] * 10

    manner, ended, _ = a_manner().after(taken, attempt=1, reserved=10, news=0, now_s=5.0)

    assert ended is None
    assert manner.gate_s(5.0) == 30


def test_doubts_of_calls_that_were_under_way_together_are_one_doubt() -> None:
    manner = a_manner()
    for _ in range(16):
        manner, ended, _ = manner.after([UNSURE] * 100, attempt=1, reserved=100, news=0, now_s=0.0)
        assert ended is None

    assert (manner.step.size, manner.step.doubts_in_a_row) == (1, 1)


def test_an_answer_to_a_call_from_before_the_doubt_does_not_lift_the_caution() -> None:
    manner, _, _ = a_manner().after([UNSURE] * 100, attempt=1, reserved=100, news=0, now_s=0.0)

    after, _, _ = manner.after([TAKEN] * 100, attempt=1, reserved=100, news=0, now_s=0.0)

    assert after.step == manner.step


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (utc(2026, 7, 1, 6, 59), utc(2026, 7, 1, 7)),
        (utc(2026, 7, 1, 7), None),
        (utc(2026, 7, 1, 18, 59), None),
        (utc(2026, 7, 1, 19), utc(2026, 7, 2, 7)),
        (utc(2026, 10, 24, 19, 30), utc(2026, 10, 25, 8)),
    ],
)
def test_the_window_is_that_of_the_wall_clock(now: datetime, opens: datetime | None) -> None:
    closed = Rules(zone=LONDON, not_before=time(8), not_after=time(20)).closed_until(now)

    assert (closed.moment if closed else None) == opens


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.times(),
    st.times(),
)
def test_a_window_opens_at_the_moment_that_it_names(now: datetime, opens: time, closes: time) -> None:
    opens, closes = opens.replace(second=0, microsecond=0), closes.replace(second=0, microsecond=0)
    if opens == closes:
        return
    rules = Rules(zone=LONDON, not_before=opens, not_after=closes)

    closed = rules.closed_until(now)

    if closed:
        assert now < closed.moment <= now + timedelta(hours=25)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        (utc(2026, 11, 19, 9), 4, utc(2026, 11, 19, 13)),
        (utc(2026, 11, 19, 5), 2, utc(2026, 11, 19, 10)),
        (utc(2026, 11, 19, 19), 4, utc(2026, 11, 20, 11)),
        (utc(2026, 11, 19, 8), 30, utc(2026, 11, 21, 14)),
        (utc(2027, 3, 27, 19), 2, utc(2027, 3, 28, 8)),
    ],
    ids=["within", "before the window", "over the night", "over days", "over the night of the change"],
)
def test_a_spread_counts_the_hours_of_the_window_alone(start: datetime, hours: int, end: datetime) -> None:
    rules = Rules(zone=LONDON, not_before=time(8), not_after=time(20))

    until = rules.after_open(start, timedelta(hours=hours))

    assert until == end
    spread = dataclasses.replace(rules, spread_until=until)
    assert spread.spread_per_s(3600 * hours, start) == pytest.approx(1.0)


def test_without_a_window_a_spread_counts_every_hour() -> None:
    assert Rules(zone=LONDON).after_open(utc(2026, 11, 19, 22), timedelta(hours=4)) == utc(2026, 11, 20, 2)


@pytest.mark.parametrize(
    ("warm_up", "per_day", "ceilings"),
    [((50, 100), None, [50, 100, None]), ((50, 100), 80, [50, 80, 80]), ((), None, [None] * 3)],
)
def test_a_warm_up_ends_with_its_list(
    warm_up: tuple[int, ...], per_day: int | None, ceilings: list[int | None]
) -> None:
    rules = Rules(warm_up=warm_up, per_day=per_day)

    assert [rules.ceiling(day) for day in range(3)] == ceilings


def test_a_day_begins_at_midnight_on_the_wall_and_not_before_the_window() -> None:
    rules = Rules(zone=LONDON, not_before=time(8), per_day=10)

    assert rules.next_day(utc(2026, 7, 1, 22), ceiling=10).moment == utc(2026, 7, 2, 7)
    assert rules.next_day(utc(2026, 7, 1, 23, 30), ceiling=10).moment == utc(2026, 7, 3, 7)


@pytest.mark.parametrize(("age_s", "valid"), [(0, True), (79, True), (81, False), (-1, False)])
def test_a_key_is_used_while_it_is_certainly_valid(age_s: float, valid: bool) -> None:
    began = utc(2026, 7, 1)

    assert is_valid(began, now=began + timedelta(seconds=age_s), key_valid_s=100) is valid
    assert not is_valid(None, now=began, key_valid_s=100)


def test_a_call_made_of_anything_else_has_another_key() -> None:
    claim = Claim("weekly-2026-11-19", 3, "me", 1, 10)

    assert key_of(claim, "a" * 64) != key_of(claim, "b" * 64)
    assert key_of(claim, "a" * 64) != key_of(claim._replace(attempt=2), "a" * 64)
    assert key_of(claim, "a" * 64) == key_of(claim._replace(owner="another", size=9), "a" * 64)
