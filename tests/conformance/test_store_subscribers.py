"""What every store must hold of subscribers: who left stays away, whoever writes at the same moment."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from newsletter.models import SubscriberState
from newsletter.store import tables
from newsletter.store.engine import reading
from newsletter.store.store import Store
from newsletter.store.subscribers import GoneState, SubscriberRow, new_id
from tests.factories import utc

NOW = utc(2023, 11, 16, 9)
LATER = NOW + timedelta(hours=1)


def a_row(email: str = "ann@example.org", **values: Any) -> SubscriberRow:
    defaults: dict[str, Any] = {
        "id": new_id(),
        "email": email,
        "email_key": email.lower(),
        "name": "Ann Other",
        "state": SubscriberState.ACTIVE,
        "topics": ("news", "diary"),
        "attributes": {"city": "Århus"},
        "consent": "at the fair",
        "created_at": NOW,
        "changed_at": NOW,
        "digests": ("weekly",),
    }
    return SubscriberRow(**(defaults | values))


def saved(store: Store, *rows: SubscriberRow) -> None:
    with store.subscribers.changing() as roster:
        roster.save(rows)


def leave(store: Store, row: SubscriberRow, digest: str | None) -> None:
    with store.subscribers.changing() as roster:
        roster.leave(row.id, digest, now=LATER)


def now_of(store: Store, row: SubscriberRow) -> SubscriberRow:
    found = store.subscribers.get(row.id)
    assert found is not None
    return found


def test_a_subscriber_is_read_back_as_written_by_id_and_by_address(store: Store) -> None:
    row = a_row("Ann@example.org", digests=("monthly", "weekly"))

    saved(store, row)

    assert store.subscribers.get(row.id) == row
    assert store.subscribers.find("ann@example.org") == row
    assert store.subscribers.find("Ann@example.org") is None


def test_a_list_of_several_pages_has_everybody_once_in_order(store: Store) -> None:
    rows = [a_row(f"reader{number:04}@example.org") for number in range(2500)]
    saved(store, *reversed(rows))

    listed = list(store.subscribers.list())

    assert [row.email for row in listed] == [row.email for row in rows]


def test_a_list_shows_only_the_state_or_the_digest_asked_for(store: Store) -> None:
    ann, bob, eve = (
        a_row("ann@example.org", digests=("weekly", "monthly")),
        a_row("bob@example.org", digests=("monthly",)),
        a_row("eve@example.org", digests=("weekly",), state=SubscriberState.BOUNCED),
    )
    saved(store, ann, bob, eve)
    leave(store, ann, "monthly")

    bounced = list(store.subscribers.list(state=SubscriberState.BOUNCED))
    monthly = list(store.subscribers.list(digest="monthly"))

    assert [row.email for row in bounced] == ["eve@example.org"]
    assert [row.email for row in monthly] == ["bob@example.org"]


def test_as_many_addresses_as_a_table_has_are_found_at_once(store: Store) -> None:
    rows = [a_row(f"reader{number:05}@example.org") for number in range(5200)]
    saved(store, *rows)

    with store.subscribers.changing() as roster:
        found = roster.find([row.email_key for row in rows])

    assert len(found) == 5200


def test_who_leaves_one_digest_still_gets_the_other(store: Store) -> None:
    ann = a_row(digests=("monthly", "weekly"))
    saved(store, ann)

    leave(store, ann, "weekly")

    left = now_of(store, ann)
    assert left.state is SubscriberState.ACTIVE
    assert (left.digests, left.left_digests) == (("monthly",), ("weekly",))


def test_who_leaves_the_last_digest_is_unsubscribed(store: Store) -> None:
    ann = a_row(digests=("monthly", "weekly"))
    saved(store, ann)

    leave(store, ann, "weekly")
    leave(store, ann, "monthly")

    left = now_of(store, ann)
    assert left.state is SubscriberState.UNSUBSCRIBED
    assert left.changed_at == LATER


def test_who_leaves_everything_gets_no_digest(store: Store) -> None:
    ann = a_row(digests=("monthly", "weekly"))
    saved(store, ann)

    leave(store, ann, None)

    left = now_of(store, ann)
    assert left.state is SubscriberState.UNSUBSCRIBED
    assert (left.digests, left.left_digests) == ((), ("monthly", "weekly"))


def test_leaving_again_keeps_the_first_time(store: Store) -> None:
    ann = a_row()
    saved(store, ann)
    leave(store, ann, None)

    with store.subscribers.changing() as roster:
        roster.leave(ann.id, None, now=LATER + timedelta(days=1))

    assert now_of(store, ann).changed_at == LATER
    with reading(store.engine) as connection:
        assert connection.scalar(select(tables.subscription.c.left_at)) == LATER


def test_a_complaint_stays_a_complaint_when_the_person_also_leaves(store: Store) -> None:
    ann = a_row(state=SubscriberState.COMPLAINED)
    saved(store, ann)

    leave(store, ann, None)

    assert now_of(store, ann).state is SubscriberState.COMPLAINED


def test_writing_a_subscriber_again_does_not_bring_back_a_digest_that_was_left(store: Store) -> None:
    ann = a_row(digests=("monthly", "weekly"))
    saved(store, ann)
    leave(store, ann, "weekly")

    saved(store, ann._replace(name="Ann Else"))

    again = now_of(store, ann)
    assert again.name == "Ann Else"
    assert (again.digests, again.left_digests) == (("monthly",), ("weekly",))


@pytest.mark.parametrize("first", [SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED, SubscriberState.COMPLAINED])
def test_who_is_gone_is_not_marked_again(store: Store, first: GoneState) -> None:
    ann = a_row()
    saved(store, ann)

    with store.subscribers.changing() as roster:
        marks = [roster.mark(ann.id, state, now=LATER) for state in (first, SubscriberState.BOUNCED)]

    assert marks == [True, False]
    assert now_of(store, ann).state is first


def test_of_an_erased_person_only_the_hash_is_left_in_the_database(store: Store) -> None:
    ann = a_row("ann.other@example.org", name="Ann Other", attributes={"city": "Århus"}, consent="Ann's own words")
    saved(store, ann)
    leave(store, ann, "weekly")

    with store.subscribers.changing() as roster:
        roster.erase(ann.id, "f" * 64, now=LATER)

    with reading(store.engine) as connection:
        everything = [str(row) for table in tables.metadata.sorted_tables for row in connection.execute(select(table))]
    assert not [row for row in everything if "ann" in row.lower() or "Århus" in row or ann.id in row]
    assert store.subscribers.is_suppressed(["0" * 64, "f" * 64])
    assert not store.subscribers.is_suppressed(["0" * 64])


def test_an_import_that_read_somebody_as_active_does_not_undo_that_she_left_meanwhile(store: Store) -> None:
    ann = a_row()
    saved(store, ann)

    with store.subscribers.changing() as importing:
        known = importing.find([ann.email_key])[ann.email_key]
        leaving = threading.Thread(target=leave, args=(store, ann, None))
        leaving.start()
        leaving.join(timeout=0.3)  # long enough to be done, if nothing held it up
        importing.save([known._replace(name="Ann Else")])
    leaving.join()

    left = now_of(store, ann)
    assert (left.name, left.state, left.digests) == ("Ann Else", SubscriberState.UNSUBSCRIBED, ())


def test_two_imports_of_a_new_address_at_once_make_one_subscriber(store: Store) -> None:
    at_once = threading.Barrier(2)

    def take_in() -> None:
        at_once.wait()
        with store.subscribers.changing() as roster:
            if not roster.find(["ann@example.org"]):
                roster.save([a_row()])

    threads = [threading.Thread(target=take_in) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(list(store.subscribers.list())) == 1
