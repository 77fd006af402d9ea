from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.errors import BadInput, NewsletterError, NotFound, NotPossible
from newsletter.models import SubscriberState
from newsletter.store.store import Store
from newsletter.store.subscribers import GoneState
from newsletter.subscribers.entries import Verdict
from newsletter.subscribers.links import Leaving
from newsletter.subscribers.roster import Roster
from tests.factories import utc

NOW = utc(2023, 11, 16, 9)
LATER = NOW + timedelta(days=1)
KEY = b"k" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A new database."""
    opened = Store("sqlite:///data/newsletter.db", folder=tmp_path)
    yield opened
    opened.close()


def a_roster(store: Store, *digests: str, key: bytes = KEY) -> Roster:
    return Roster(store.subscribers, keys=[key], digests=digests or ("monthly", "weekly"))


def test_somebody_added_is_active_and_gets_every_digest(store: Store) -> None:
    roster = a_roster(store)

    added = roster.add("Ann@Example.org", name="Ann Other", consent="at the fair", now=NOW)

    assert added.verdict is Verdict.ADDED
    found = roster.show("ann@example.org")
    assert (found.email, found.name, found.consent) == ("Ann@example.org", "Ann Other", "at the fair")
    assert (found.state, found.digests) == (SubscriberState.ACTIVE, ("monthly", "weekly"))


def test_a_digest_that_comes_later_is_not_given_to_those_already_there(store: Store) -> None:
    a_roster(store, "weekly").add("ann@example.org", now=NOW)

    later = a_roster(store, "weekly", "daily")

    assert later.show("ann@example.org").digests == ("weekly",)


def test_adding_again_changes_nothing(store: Store) -> None:
    roster = a_roster(store)
    roster.add("ann@example.org", name="Ann", now=NOW)

    again = roster.add("ANN@example.org", now=LATER)

    assert again.verdict is Verdict.UNCHANGED
    assert roster.show("ann@example.org").changed_at == NOW


def test_adding_again_with_another_digest_gives_that_one_too(store: Store) -> None:
    roster = a_roster(store)
    roster.add("ann@example.org", digests=["weekly"], now=NOW)

    again = roster.add("ann@example.org", name="Ann", digests=["Monthly"], now=LATER)

    assert again.verdict is Verdict.UPDATED
    assert again.subscriber.digests == ("monthly", "weekly")
    assert again.subscriber.name == "Ann"


def test_a_name_with_a_line_break_becomes_one_line(store: Store) -> None:
    added = a_roster(store).add("ann@example.org", name="Ann\r\nBcc: eve@example.org", now=NOW)

    assert added.subscriber.name == "Ann Bcc: eve@example.org"


def test_an_unknown_digest_is_refused_by_name(store: Store) -> None:
    with pytest.raises(BadInput, match=r"no digest 'wekly'; there are: monthly, weekly"):
        a_roster(store).add("ann@example.org", digests=["wekly"], now=NOW)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (SubscriberState.UNSUBSCRIBED, "has unsubscribed"),
        (SubscriberState.BOUNCED, "cannot be reached"),
        (SubscriberState.COMPLAINED, "unwanted"),
    ],
)
def test_who_is_gone_cannot_be_added_again(store: Store, state: GoneState, why: str) -> None:
    roster = a_roster(store)
    ann = roster.add("ann@example.org", now=NOW).subscriber
    with store.subscribers.changing() as transaction:
        transaction.mark(ann.id, state, now=NOW)

    with pytest.raises(NotPossible, match=why):
        roster.add("Ann@example.org", name="Another name", now=LATER)

    assert roster.show("ann@example.org").state is state
    assert roster.show("ann@example.org").name == ""


def test_a_digest_that_somebody_left_is_not_given_back(store: Store) -> None:
    roster = a_roster(store)
    roster.add("ann@example.org", now=NOW)
    roster.unsubscribe("ann@example.org", "weekly", now=NOW)

    with pytest.raises(NotPossible, match="has left weekly"):
        roster.add("ann@example.org", digests=["weekly"], now=LATER)

    assert roster.add("ann@example.org", now=LATER).subscriber.digests == ("monthly",)


def test_errors_show_no_whole_address(store: Store) -> None:
    roster = a_roster(store)
    roster.add("ann.other@example.org", now=NOW)
    roster.unsubscribe("ann.other@example.org", now=NOW)

    with pytest.raises(NewsletterError) as refused:
        roster.add("ann.other@example.org", now=NOW)

    assert "ann.other" not in f"{refused.value.problem} {refused.value.fix}"
    assert "a…@example.org" in refused.value.problem


def test_a_subscriber_is_found_by_id_too(store: Store) -> None:
    roster = a_roster(store)
    ann = roster.add("ann@example.org", now=NOW).subscriber

    assert roster.unsubscribe(ann.id, now=LATER).state is SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize("who", ["nobody@example.org", "0123456789abcdef", "o'; drop table subscriber; --"])
def test_an_unknown_person_is_said_to_be_unknown(store: Store, who: str) -> None:
    with pytest.raises(NotFound, match="there is no subscriber"):
        a_roster(store).show(who)


def test_leaving_a_digest_that_there_never_was_is_refused(store: Store) -> None:
    roster = a_roster(store)
    roster.add("ann@example.org", now=NOW)

    with pytest.raises(NotFound, match="no digest 'daily'"):
        roster.unsubscribe("ann@example.org", "daily", now=NOW)


def test_a_digest_that_left_the_settings_can_still_be_left(store: Store) -> None:
    a_roster(store, "daily", "weekly").add("ann@example.org", now=NOW)

    left = a_roster(store, "weekly").unsubscribe("ann@example.org", "daily", now=LATER)

    assert left.digests == ("weekly",)


def test_a_link_in_a_mail_of_one_digest_leaves_only_that_one(store: Store) -> None:
    roster = a_roster(store)
    ann = roster.add("ann@example.org", now=NOW).subscriber

    left = roster.leave(Leaving(ann.id, "weekly-2023-11-16"), now=LATER)

    assert left is not None
    assert (left.state, left.digests) == (SubscriberState.ACTIVE, ("monthly",))


def test_a_link_in_a_mail_outside_any_issue_leaves_everything(store: Store) -> None:
    roster = a_roster(store)
    ann = roster.add("ann@example.org", now=NOW).subscriber

    left = roster.leave(Leaving(ann.id, "test"), now=LATER)

    assert left is not None
    assert left.state is SubscriberState.UNSUBSCRIBED


def test_an_erased_person_is_unknown_and_stays_out(store: Store) -> None:
    roster = a_roster(store)
    roster.add("ann@example.org", now=NOW)

    assert roster.erase("Ann@Example.org", now=NOW)

    assert list(roster.list()) == []
    with pytest.raises(NotFound, match="was erased"):
        roster.show("ann@example.org")
    with pytest.raises(NotPossible, match="was erased"):
        roster.add("ann@example.org", now=LATER)


def test_erasing_again_does_nothing_and_is_no_error(store: Store) -> None:
    roster = a_roster(store)
    roster.add("ann@example.org", now=NOW)
    roster.erase("ann@example.org", now=NOW)

    assert not roster.erase("ann@example.org", now=LATER)


def test_an_erased_address_is_known_again_after_the_key_changed(store: Store) -> None:
    before = a_roster(store)
    before.add("ann@example.org", now=NOW)
    before.erase("ann@example.org", now=NOW)

    after = Roster(store.subscribers, keys=[b"n" * 32, KEY], digests=["weekly"])

    with pytest.raises(NotPossible, match="was erased"):
        after.add("ann@example.org", now=LATER)
