"""Daily ceilings, warm-up, the send window, spreading, the breaker, a second provider: with a real store."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from newsletter.delivery.breaker import Breaker
from newsletter.delivery.quotas import Rules
from newsletter.delivery.send import Ended, Ending, Run
from newsletter.models import Counts
from newsletter.providers.fake import Fake
from newsletter.providers.misbehaviour import Misbehaviour
from newsletter.store.store import Store
from tests.desks import MovingClock, a_desk, an_approved_issue
from tests.factories import utc

NOW = utc(2023, 11, 16, 9)
LONDON = ZoneInfo("Europe/London")


def begin(store: Store, issue: str) -> None:
    begun = {"digest": "weekly", "provider": "fake", "manifest_sha256": "0" * 64, "now": NOW}
    assert store.deliveries.begin(issue, batch_size=10, **begun)  # type: ignore[arg-type]


def send(store: Store, issue: str, provider: Fake, *, clock: MovingClock | None = None, **values: Any) -> Ended:
    begin(store, issue)
    clock = clock or MovingClock(NOW)
    return Run(
        a_desk(store, provider, issue, now=clock.now, monotonic_s=clock.monotonic_s, wait=clock.wait, **values)
    ).go()


def under(ceiling: int) -> Any:
    return {"ceiling": lambda _day: ceiling, "rules": Rules(zone=LONDON, per_day=ceiling)}


def test_at_the_days_ceiling_the_run_stops_and_goes_on_the_next_day(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=60), Fake(batch_size=10)

    ended = send(store, issue, provider, **under(25))

    assert (ended.ending, ended.until) == (Ending.LATER, utc(2023, 11, 17))
    assert store.deliveries.counts(issue) == Counts(recipients=60, sent=25, pending=35)
    assert send(store, issue, provider, **under(25)).ending is Ending.LATER
    assert provider.taken_ids().total() == 25
    tomorrow = MovingClock(NOW + timedelta(days=1))
    send(store, issue, provider, clock=tomorrow, **under(25))
    assert store.deliveries.counts(issue).sent == 50


def test_the_ceiling_is_for_all_issues_of_a_day(store: Store) -> None:
    first = an_approved_issue(store, readers=20)
    send(store, first, Fake(batch_size=10))
    second = an_approved_issue(store, readers=20, issue="weekly-2023-11-23")

    send(store, second, Fake(batch_size=10), **under(25))

    assert store.deliveries.counts(second) == Counts(recipients=20, sent=5, pending=15)


def test_what_was_not_taken_does_not_count(store: Store) -> None:
    issue = an_approved_issue(store, readers=30)
    provider = Fake(Misbehaviour.parse("call-busy=@1"), batch_size=10)

    send(store, issue, provider, **under(30))

    assert store.deliveries.counts(issue).sent == 30
    assert store.days.mailed(date(2023, 11, 16), provider="fake") == 30


def test_what_was_not_taken_before_a_crash_does_not_count(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=30), Fake(Misbehaviour.parse("lookup=yes"), batch_size=10)
    begin(store, issue)
    claim = store.batches.claim(issue, owner="dead", limit=10, now=NOW)
    assert claim is not None
    store.batches.attempt(claim, digest="weekly", provider="fake", now=NOW, day=date(2023, 11, 16), ceiling=30)

    send(store, issue, provider, **under(30))

    assert store.deliveries.counts(issue).sent == 30
    assert store.days.mailed(date(2023, 11, 16), provider="fake") == provider.taken_ids().total() == 30


def test_two_senders_at_one_moment_stay_under_one_ceiling(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=60), Fake(batch_size=10)
    begin(store, issue)
    other = Run(a_desk(store, provider, issue, owner="owner-2", is_alive=lambda _owner: True, **under(25)))

    def let_the_other_in(counts: Counts) -> None:
        if counts.sent == 10:
            other.go()

    Run(a_desk(store, provider, issue, is_alive=lambda _owner: True, report=let_the_other_in, **under(25))).go()

    assert provider.taken_ids().total() == 25


def test_a_full_day_is_noticed_in_the_transaction_that_begins_the_call(store: Store) -> None:
    issue = an_approved_issue(store, readers=20)
    begin(store, issue)
    claims = [store.batches.claim(issue, owner="one", limit=10, now=NOW) for _ in range(2)]
    about = {"digest": "weekly", "provider": "fake", "now": NOW, "day": date(2023, 11, 16), "ceiling": 15}

    begun = [store.batches.attempt(claim, **about) for claim in claims if claim]  # type: ignore[arg-type]

    assert begun[0] is not None
    assert begun[1] is None
    assert len(store.batches.attempting(issue)) == 1


def test_a_warm_up_counts_the_days_on_which_mail_left(store: Store) -> None:
    days, monday = store.days, date(2023, 11, 13)
    since = days.warm_up_since("example.org", day=monday)
    issue = an_approved_issue(store, readers=10)
    send(store, issue, Fake(batch_size=10))  # on Thursday

    assert since == days.warm_up_since("example.org", day=date(2023, 11, 20)) == monday
    assert days.before(date(2023, 11, 16), since=since) == 0
    assert days.before(date(2023, 11, 20), since=since) == 1
    assert days.warm_up_since("example.net", day=date(2023, 11, 20)) == date(2023, 11, 20)


@pytest.mark.parametrize(
    ("hour", "until"), [(7, utc(2023, 11, 16, 8)), (20, utc(2023, 11, 17, 8))], ids=["before", "after"]
)
def test_outside_of_the_send_window_nothing_leaves(store: Store, hour: int, until: Any) -> None:
    issue, provider = an_approved_issue(store, readers=10), Fake(batch_size=10)
    rules = Rules(zone=LONDON, not_before=time(8), not_after=time(20))

    ended = send(store, issue, provider, rules=rules, clock=MovingClock(utc(2023, 11, 16, hour)))

    assert (ended.ending, ended.until) == (Ending.LATER, until)
    assert provider.calls == 0


def test_a_window_that_closes_stops_between_two_calls(store: Store) -> None:
    issue, clock = an_approved_issue(store, readers=100), MovingClock(utc(2023, 11, 16, 19, 59))
    provider = Fake(batch_size=10)
    rules = Rules(zone=LONDON, not_after=time(20), spread_until=utc(2023, 11, 17, 1))

    ended = send(store, issue, provider, rules=rules, clock=clock)

    assert ended.ending is Ending.LATER
    assert 0 < store.deliveries.counts(issue).sent < 10


def test_spread_mail_leaves_evenly_until_its_end(store: Store) -> None:
    issue, clock = an_approved_issue(store, readers=100), MovingClock(NOW)
    provider = Fake(batch_size=100)

    ended = send(store, issue, provider, rules=Rules(spread_until=NOW + timedelta(hours=1)), clock=clock)

    assert ended.ending is Ending.FINISHED
    assert 3300 < clock.waited_s < 3601
    assert provider.calls >= 50


def test_too_many_refusals_pause_the_sending(store: Store) -> None:
    issue = an_approved_issue(store, readers=200)
    provider = Fake(Misbehaviour.parse("refuse=@6+"), batch_size=10)

    ended = send(store, issue, provider, breaker=Breaker(0.2, 20))

    counts = store.deliveries.counts(issue)
    assert ended.ending is Ending.TRIPPED
    assert "25 of 30" in ended.reason
    assert (counts.refused, counts.pending) == (25, 170)


def test_a_few_refusals_trip_nothing(store: Store) -> None:
    issue = an_approved_issue(store, readers=3)

    ended = send(store, issue, Fake(Misbehaviour.parse("refuse=@1"), batch_size=10), breaker=Breaker(0.1, 50))

    assert ended.ending is Ending.FINISHED


def test_who_goes_on_after_the_breaker_tripped_is_not_stopped_by_the_same_refusals(store: Store) -> None:
    issue, breaker = an_approved_issue(store, readers=200), Breaker(0.2, 20)
    send(store, issue, Fake(Misbehaviour.parse("refuse=@6+"), batch_size=10), breaker=breaker)

    ended = send(store, issue, Fake(batch_size=10), breaker=breaker)

    assert ended.ending is Ending.FINISHED


def test_what_is_pending_is_cut_anew_and_what_is_under_way_is_not(store: Store) -> None:
    issue = an_approved_issue(store, readers=105)
    begin(store, issue)
    claims = [store.batches.claim(issue, owner="other", limit=10, now=NOW) for _ in range(2)]
    assert claims[0] is not None
    store.batches.attempt(claims[0], digest="weekly", provider="fake", now=NOW)

    store.batches.cut_anew(issue, size=50, now=NOW)

    sizes = []
    while claim := store.batches.claim(issue, owner="me", limit=1000, now=NOW):
        sizes.append(claim.size)
    assert sizes == [50, 35]
    assert len(store.batches.attempting(issue)[0].subscriber_ids) == 10


def test_a_look_up_asks_the_provider_that_was_called(store: Store) -> None:
    issue = an_approved_issue(store, readers=10)
    first = Fake(Misbehaviour.parse("call-unsure-sent=@1, lookup=lagging"), batch_size=10)
    send(store, issue, first)
    second = Fake(Misbehaviour.parse("lookup=yes"), batch_size=10)

    send(store, issue, second, called="fake (fallback)", others={"fake": first})

    assert second.calls == 0
    assert store.deliveries.counts(issue) == Counts(recipients=10, sent=10)
