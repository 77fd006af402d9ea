"""Claiming batches and recording answers, on each database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from newsletter.errors import StoreUnusable
from newsletter.models import Counts, Delivery, DeliveryState, Reader
from newsletter.store.batches import STALE_CLAIM, Claim
from newsletter.store.engine import writing
from newsletter.store.receipts import ROWS_AT_ONCE, Result
from newsletter.store.store import Store
from tests.desks import a_subscriber_row, an_approved_issue
from tests.factories import utc

NOW = utc(2023, 11, 16, 9)
HARD = 'He said: "no", {so}, \\ 100 % of it;\nÀ 🎉 %s ? :name \t$1'
"""Words of a provider that hold what SQL, JSON and drivers have a meaning for."""


def planned(store: Store, *, readers: int, batch_size: int) -> str:
    issue = an_approved_issue(store, readers=readers)
    assert store.deliveries.begin(
        issue, digest="weekly", provider="fake", batch_size=batch_size, manifest_sha256="0" * 64, now=NOW
    )
    return issue


def claimed(store: Store, issue: str, *, owner: str = "a", limit: int = 10_000) -> Claim:
    claim = store.batches.claim(issue, owner=owner, limit=limit, now=NOW)
    assert claim is not None
    return claim


def recorded(store: Store, claim: Claim, results: list[Result]) -> None:
    assert store.batches.attempt(claim, digest="weekly", provider="fake", now=NOW)
    store.batches.finish(claim, provider="fake", results=results, now=NOW)


def test_every_answer_of_a_large_batch_is_recorded_as_it_was_given(store: Store) -> None:
    count = 2 * ROWS_AT_ONCE + 1
    issue = planned(store, readers=count, batch_size=count)
    results = [
        Result(f"s{number:06d}", DeliveryState.SENT, f"id-{number}")
        if number % 2
        else Result(f"s{number:06d}", DeliveryState.REFUSED, reason=f"{number}: {HARD}")
        for number in range(count)
    ]

    recorded(store, claimed(store, issue), results)

    found = {one.email: one for one in store.deliveries.list(issue)}
    assert found == {
        f"reader{number}@example.org": Delivery(f"reader{number}@example.org", one.state, NOW, *one[2:])
        for number, one in enumerate(results)
    }


def test_the_readers_of_a_call_are_as_they_were_saved_and_in_the_order_of_their_ids(store: Store) -> None:
    names = ["", HARD, "\x01\x1f\u2028 ]", '"', "null", "O'Brien"]
    issue = an_approved_issue(store, readers=len(names))
    with store.subscribers.changing() as roster:
        roster.save(
            [a_subscriber_row(number, name=name, attributes={"a": name}) for number, name in enumerate(names) if name]
        )
    assert store.deliveries.begin(
        issue, digest="weekly", provider="fake", batch_size=10, manifest_sha256="0" * 64, now=NOW
    )

    begun = store.batches.attempt(claimed(store, issue), digest="weekly", provider="fake", now=NOW)

    assert begun
    assert begun.readers == [
        Reader(f"s{number:06d}", f"reader{number}@example.org", name, {"a": name} if name else {})
        for number, name in enumerate(names)
    ]


def test_a_second_answer_replaces_a_doubt_and_nothing_else(store: Store) -> None:
    issue = planned(store, readers=2, batch_size=2)
    claim = claimed(store, issue)
    recorded(store, claim, [Result("s000000", DeliveryState.UNSURE), Result("s000001", DeliveryState.SENT, "first")])

    later = NOW + timedelta(minutes=1)
    late = [Result("s000000", DeliveryState.SENT, "late"), Result("s000001", DeliveryState.REFUSED, reason="late")]
    store.batches.finish(claim, provider="fake", results=late, now=later)

    assert [(one.state, one.at, one.provider_id) for one in store.deliveries.list(issue)] == [
        (DeliveryState.SENT, later, "late"),
        (DeliveryState.SENT, NOW, "first"),
    ]


def test_a_time_is_kept_to_the_microsecond(store: Store) -> None:
    issue = planned(store, readers=1, batch_size=1)
    claim, exactly = claimed(store, issue), NOW + timedelta(microseconds=123457)
    store.batches.attempt(claim, digest="weekly", provider="fake", now=NOW)

    store.batches.finish(claim, provider="fake", results=[Result("s000000", DeliveryState.UNSURE)], now=exactly)

    assert store.deliveries.unsure(issue, provider="fake") == {"s000000": exactly}


def test_answers_of_an_issue_that_the_database_does_not_know_are_refused(store: Store) -> None:
    claim = Claim("weekly-2023-11-30", 1, "a", 1, 1)

    with pytest.raises(StoreUnusable, match="weekly-2023-11-30"):
        store.batches.finish(claim, provider="fake", results=[Result("s000000", DeliveryState.SENT)], now=NOW)


def test_a_stale_claim_is_taken_over_when_nothing_else_is_pending(store: Store) -> None:
    issue = planned(store, readers=3, batch_size=1)
    forgotten = claimed(store, issue)
    later = NOW + STALE_CLAIM

    others = [store.batches.claim(issue, owner="b", limit=10, now=later) for _ in range(4)]

    assert [one and one.number for one in others] == [2, 3, forgotten.number, None]
    assert store.batches.attempt(forgotten, digest="weekly", provider="fake", now=later) is None
    assert store.deliveries.counts(issue) == Counts(recipients=3, pending=3)


def test_two_issues_share_no_delivery(store: Store) -> None:
    first = planned(store, readers=2, batch_size=2)
    second = an_approved_issue(store, readers=2, issue="weekly-2023-11-23")
    assert store.deliveries.begin(
        second, digest="weekly", provider="fake", batch_size=1, manifest_sha256="0" * 64, now=NOW
    )

    recorded(store, claimed(store, second), [Result("s000000", DeliveryState.SENT, "x")])

    assert store.deliveries.counts(first) == Counts(recipients=2, pending=2)
    assert store.deliveries.counts(second) == Counts(recipients=2, pending=1, sent=1)
    assert list(store.deliveries.list(second, state=DeliveryState.SENT)) == [
        Delivery("reader0@example.org", DeliveryState.SENT, NOW, "x", None)
    ]


def test_a_database_that_cannot_answer_says_so_in_one_line_without_the_statement(store: Store) -> None:
    issue = planned(store, readers=1, batch_size=1)

    with (
        pytest.raises(StoreUnusable) as said,
        writing(store.engine) as connection,
    ):
        connection.execute(text(f"update batch set no_such_column = '{issue}'"))

    assert "no_such_column" in said.value.problem
    assert "\n" not in said.value.problem
    assert issue not in said.value.problem
