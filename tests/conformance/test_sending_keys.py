"""Calls without an answer, with a provider that takes a call once however often it comes under its key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from newsletter.delivery.send import Ended, Ending, Run
from newsletter.models import Counts, IssueState
from newsletter.providers.base import Answer, Letter, Outcome
from newsletter.providers.fake import Fake
from newsletter.providers.misbehaviour import Misbehaviour
from newsletter.store.store import Store
from tests.desks import MovingClock, a_desk, a_subscriber_row, an_approved_issue
from tests.factories import utc

NOW = utc(2023, 11, 16, 9)


class Recorder(Fake):
    """Also remembers key and body of every call."""

    def __init__(self, words: str = "", *, batch_size: int = 10) -> None:
        super().__init__(Misbehaviour.parse(words), batch_size=batch_size)
        self.seen: list[tuple[str, bytes]] = []

    def send(self, letters: Any, *, issue: str, key: str = "") -> list[Answer]:
        self.seen.append((key, b"".join(part for letter in letters for part in letter.parts)))
        return super().send(letters, issue=issue, key=key)


class Killed(BaseException):
    pass


class Dying(Recorder):
    """Takes the call, and the process is gone before the answer comes."""

    def send(self, letters: Any, *, issue: str, key: str = "") -> list[Answer]:
        super().send(letters, issue=issue, key=key)
        raise Killed


def begin(store: Store, issue: str, *, batch_size: int = 10) -> None:
    begun = {"digest": "weekly", "provider": "fake", "manifest_sha256": "0" * 64, "now": NOW}
    assert store.deliveries.begin(issue, batch_size=batch_size, **begun)  # type: ignore[arg-type]


def dated(issue: str) -> Any:
    """Letters that tell the moment for which they are composed."""

    def compose_at(moment: Any) -> Any:
        return lambda readers: [
            Letter(f"{issue}.{one.subscriber_id}", one.email, [f"{moment} {one.name}".encode()]) for one in readers
        ]

    return compose_at


def send(store: Store, issue: str, provider: Fake, **values: Any) -> Ended:
    begin(store, issue)
    return Run(a_desk(store, provider, issue, compose_at=dated(issue), **values)).go()


def test_an_unsure_call_is_repeated_with_the_same_key_and_bytes(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=20), Recorder("keys=1h, call-unsure-sent=@1")

    ended = send(store, issue, provider)

    assert ended.ending is Ending.FINISHED
    assert provider.seen[0] == provider.seen[1]
    assert len({key for key, _ in provider.seen}) == 2
    assert provider.taken_ids().total() == 20
    assert store.deliveries.counts(issue) == Counts(recipients=20, sent=20)


def test_what_was_not_taken_is_taken_when_it_is_repeated(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=10), Recorder("keys=1h, call-unsure-unsent=@1")

    send(store, issue, provider)

    assert store.deliveries.counts(issue) == Counts(recipients=10, sent=10)
    assert provider.taken_ids().total() == 10


def test_that_a_repeated_call_is_busy_clears_no_doubt(store: Store) -> None:
    issue = an_approved_issue(store, readers=10)
    provider = Recorder("keys=1h, call-unsure-sent=@1, call-busy=@2+")

    send(store, issue, provider)

    assert store.deliveries.counts(issue) == Counts(recipients=10, unsure=10)


def test_a_call_is_not_repeated_when_its_key_is_no_longer_valid(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=10), Recorder("keys=1s, call-unsure-unsent=@1+")

    send(store, issue, provider)

    assert len(provider.seen) == 1
    assert store.deliveries.counts(issue).unsure == 10


def test_a_call_is_not_repeated_to_somebody_who_left_meanwhile(store: Store) -> None:
    issue, clock = an_approved_issue(store, readers=10), MovingClock(NOW)
    provider = Recorder("keys=1h, call-unsure-unsent=@1+")

    def leave(seconds: float) -> None:
        clock.wait(seconds)
        with store.subscribers.changing() as roster:
            roster.leave("s000003", None, now=NOW)

    send(store, issue, provider, now=clock.now, monotonic_s=clock.monotonic_s, wait=leave)

    assert len(provider.seen) == 1
    assert store.deliveries.counts(issue).unsure == 10


def test_after_a_crash_the_call_is_repeated_byte_for_byte_and_nobody_is_unsure(store: Store) -> None:
    issue = an_approved_issue(store, readers=30)
    provider = Dying("keys=1h")
    with pytest.raises(Killed):
        send(store, issue, provider)
    after = Recorder("keys=1h")
    after.taken, after._bodies = provider.taken, provider._bodies
    later = MovingClock(NOW + timedelta(minutes=20))

    ended = send(store, issue, after, owner="owner-2", now=later.now, monotonic_s=later.monotonic_s, wait=later.wait)

    assert ended.ending is Ending.FINISHED
    assert after.seen[0] == provider.seen[0]
    assert max(after.taken_ids().values()) == 1
    assert store.deliveries.counts(issue) == Counts(recipients=30, sent=30)


@pytest.mark.parametrize("minutes", [49, -1], ids=["too-late", "clock-set-back"])
def test_after_a_crash_a_call_whose_key_may_be_forgotten_is_not_repeated(store: Store, minutes: int) -> None:
    issue = an_approved_issue(store, readers=10)
    with pytest.raises(Killed):
        send(store, issue, Dying("keys=1h"))
    later, after = MovingClock(NOW + timedelta(minutes=minutes)), Recorder("keys=1h")

    send(store, issue, after, owner="owner-2", now=later.now, monotonic_s=later.monotonic_s, wait=later.wait)

    assert after.seen == []
    assert store.deliveries.counts(issue).unsure == 10


def test_after_a_crash_a_call_that_would_be_another_one_now_is_not_repeated(store: Store) -> None:
    issue = an_approved_issue(store, readers=10)
    with pytest.raises(Killed):
        send(store, issue, Dying("keys=1h"))
    with store.subscribers.changing() as roster:
        roster.save([a_subscriber_row(4, name="Renamed")])
    after = Recorder("keys=1h")

    send(store, issue, after, owner="owner-2")

    assert after.seen == []
    assert store.deliveries.counts(issue).unsure == 10


def test_after_a_crash_a_cancelled_issue_is_repeated_to_nobody(store: Store) -> None:
    issue = an_approved_issue(store, readers=10)
    with pytest.raises(Killed):
        send(store, issue, Dying("keys=1h"))
    store.issues.move(issue, {IssueState.SENDING}, IssueState.PAUSED, now=NOW, paused_by="person")
    after = Recorder("keys=1h")

    Run(a_desk(store, after, issue, owner="owner-2", compose_at=dated(issue))).go()

    assert after.seen == []


def test_another_account_which_has_never_seen_the_key_is_asked_for_nothing(store: Store) -> None:
    issue = an_approved_issue(store, readers=10)
    with pytest.raises(Killed):
        send(store, issue, Dying("keys=1h"), account="first")
    after = Recorder("keys=1h")

    send(store, issue, after, owner="owner-2", account="second")

    assert after.seen == []
    assert store.deliveries.counts(issue).unsure == 10


def test_another_providers_key_repeats_nothing(store: Store) -> None:
    issue = an_approved_issue(store, readers=10)
    with pytest.raises(Killed):
        send(store, issue, Dying("keys=1h"))
    after = Recorder("keys=1h")

    send(store, issue, after, owner="owner-2", called="fake (fallback)")

    assert after.seen == []
    assert store.deliveries.counts(issue).unsure == 10


def test_a_doubt_is_looked_up_once_more_when_the_index_has_caught_up(store: Store) -> None:
    issue, clock = an_approved_issue(store, readers=20), MovingClock(NOW)
    provider = Fake(Misbehaviour.parse("call-unsure-sent=@1, lookup=lagging, lookup-lag=30s"), batch_size=20)

    ended = send(store, issue, provider, now=clock.now, monotonic_s=clock.monotonic_s, wait=clock.wait)

    assert ended.ending is Ending.FINISHED
    assert 30 <= clock.waited_s < 31
    assert store.deliveries.counts(issue) == Counts(recipients=20, sent=20)


def test_the_others_are_mailed_while_a_doubt_waits_for_its_second_look(store: Store) -> None:
    issue, sent = an_approved_issue(store, readers=40), []
    provider = Fake(Misbehaviour.parse("call-unsure-sent=@1, lookup=lagging, lookup-lag=30s"), batch_size=10)

    send(store, issue, provider, report=lambda counts: sent.append(counts.sent))

    assert 30 in sent
    assert store.deliveries.counts(issue) == Counts(recipients=40, sent=40)


def test_a_look_up_that_comes_after_the_end_leaves_nobody_pending_in_a_sent_issue(store: Store) -> None:
    class Overtaken(Fake):
        def look_up(self, delivery_ids: Any, *, issue: str) -> dict[str, Answer]:
            store.deliveries.end(issue, now=NOW)  # as another process does that has nobody pending either
            return super().look_up(delivery_ids, issue=issue)

    issue = an_approved_issue(store, readers=10)
    send(store, issue, Fake(Misbehaviour.parse("call-unsure-unsent=@1"), batch_size=10))

    send(store, issue, Overtaken(Misbehaviour.parse("lookup=yes"), batch_size=10), owner="owner-2")

    row = store.issues.get(issue)
    assert row is not None
    assert row.state is IssueState.SENT
    assert store.deliveries.counts(issue) == Counts(recipients=10, unsure=10)


def test_who_was_certainly_not_mailed_by_the_second_look_is_mailed(store: Store) -> None:
    class Late(Fake):
        looks = 0

        def look_up(self, delivery_ids: Any, *, issue: str) -> dict[str, Answer]:
            self.looks += 1
            return {one: Answer(Outcome.BUSY) for one in delivery_ids} if self.looks > 1 else {}

    issue = an_approved_issue(store, readers=10)
    provider = Late(Misbehaviour.parse("call-unsure-unsent=@1, lookup=yes, lookup-lag=30s"), batch_size=10)

    send(store, issue, provider)

    assert provider.taken_ids().total() == 10
    assert store.deliveries.counts(issue) == Counts(recipients=10, sent=10)
