"""The sending loop with a real store and the fake provider: who is mailed, and what it does in trouble."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from newsletter.delivery.pace import Limits
from newsletter.delivery.send import Ended, Ending, Run
from newsletter.errors import NotPossible, StoreUnusable
from newsletter.models import Counts, DeliveryState, IssueState
from newsletter.providers.base import Answer, Letter, Outcome, Provider
from newsletter.providers.fake import Fake
from newsletter.providers.lots import one_by_one
from newsletter.providers.misbehaviour import Fault, Misbehaviour
from newsletter.store.batches import Claim
from newsletter.store.store import Store
from tests.desks import MovingClock, a_desk, a_subscriber_row, an_approved_issue
from tests.factories import utc

NOW = utc(2023, 11, 16, 9)


def begin(store: Store, issue: str, provider: Provider) -> None:
    begun = store.deliveries.begin(
        issue,
        digest="weekly",
        provider=provider.name,
        batch_size=provider.abilities.batch_size,
        manifest_sha256="0" * 64,
        now=NOW,
    )
    assert begun


def send(store: Store, issue: str, provider: Provider, **values: Any) -> Ended:
    begin(store, issue, provider)
    return Run(a_desk(store, provider, issue, **values)).go()


def test_everyone_gets_one_letter(store: Store) -> None:
    issue = an_approved_issue(store, readers=250)
    provider = Fake(batch_size=100)

    ended = send(store, issue, provider)

    assert ended.ending is Ending.FINISHED
    assert provider.calls == 4  # a few alone, the rest of their batch, and the two others
    assert provider.taken_ids() == Counter({f"{issue}.s{number:06d}": 1 for number in range(250)})
    assert store.deliveries.counts(issue) == Counts(recipients=250, sent=250)


def test_sending_again_mails_nobody(store: Store) -> None:
    issue = an_approved_issue(store, readers=30)
    send(store, issue, Fake(batch_size=10))
    provider = Fake(batch_size=10)

    ended = send(store, issue, provider)

    assert ended.ending is Ending.FINISHED
    assert provider.calls == 0


class Choosy(Fake):
    """Refuses a call as a whole for one bad letter, and leaves it to the run to halve it."""

    def __init__(self, *bad: int, **values: Any) -> None:
        super().__init__(**values)
        self._bad = {f"s{number:06d}" for number in bad}
        self.sizes: list[int] = []

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        self.sizes.append(len(letters))
        if not any(letter.delivery_id.rpartition(".")[2] in self._bad for letter in letters):
            return super().send(letters, issue=issue, key=key)
        answer = Answer(Outcome.BUSY, in_halves=True) if len(letters) > 1 else Answer(Outcome.REFUSED, reason="no such")
        return [answer] * len(letters)


@pytest.mark.parametrize("connections", [1, 4])
def test_bad_letters_are_singled_out_of_calls_that_are_refused_as_a_whole(store: Store, connections: int) -> None:
    issue = an_approved_issue(store, readers=100)
    provider = Choosy(7, 8, 61, batch_size=32)

    ended = send(store, issue, provider, connections=connections)

    assert ended.ending is Ending.FINISHED
    assert store.deliveries.counts(issue) == Counts(recipients=100, sent=97, refused=3)
    assert set(provider.taken_ids().values()) == {1}
    assert len(provider.sizes) < 60  # a call a letter would be a hundred


def test_a_provider_that_refuses_one_letter_after_the_other_stops_the_run(store: Store) -> None:
    issue = an_approved_issue(store, readers=100)
    provider = Choosy(*range(100), batch_size=32)

    ended = send(store, issue, provider)

    assert ended.ending is Ending.DENIED
    assert "one letter after the other was refused: no such" in ended.reason
    assert store.deliveries.counts(issue) == Counts(recipients=100, pending=94, refused=6)


def test_only_active_subscribers_of_the_digest_are_planned(store: Store) -> None:
    issue = an_approved_issue(store, readers=3)
    with store.subscribers.changing() as roster:
        roster.save([a_subscriber_row(10, digests=("monthly",)), a_subscriber_row(11)])
        roster.leave("s000011", None, now=NOW)

    send(store, issue, Fake())

    assert store.deliveries.counts(issue).recipients == 3


def test_who_joins_after_the_plan_does_not_get_the_issue(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=2), Fake()
    begin(store, issue, provider)
    with store.subscribers.changing() as roster:
        roster.save([a_subscriber_row(10)])

    send(store, issue, provider)

    assert store.deliveries.counts(issue) == Counts(recipients=2, sent=2)


def test_who_leaves_during_the_sending_gets_nothing_more(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=30), Fake(batch_size=10)

    def leave_after_first_batch(counts: Counts) -> None:
        if counts.sent == 10:
            with store.subscribers.changing() as roster:
                roster.leave("s000025", None, now=NOW)

    send(store, issue, provider, report=leave_after_first_batch)

    assert f"{issue}.s000025" not in provider.taken_ids()
    assert store.deliveries.counts(issue) == Counts(recipients=30, sent=29, skipped=1)


def test_an_erased_person_counts_as_skipped(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=3), Fake()
    begin(store, issue, provider)
    with store.subscribers.changing() as roster:
        roster.erase("s000001", "0" * 64, now=NOW)

    send(store, issue, provider)

    assert store.deliveries.counts(issue) == Counts(recipients=3, sent=2, skipped=1)


def test_one_refused_of_five_hundred_is_a_receipt_and_the_others_are_sent(store: Store) -> None:
    issue = an_approved_issue(store, readers=500)
    provider = Fake(script=[None] * 123 + [Fault.REFUSE], batch_size=500)

    ended = send(store, issue, provider)

    assert ended.ending is Ending.FINISHED
    assert store.deliveries.counts(issue) == Counts(recipients=500, sent=499, refused=1)
    refused = list(store.deliveries.list(issue, state=DeliveryState.REFUSED))
    assert [(one.email, one.reason) for one in refused] == [("reader123@example.org", "the fake provider was asked to")]


def test_a_busy_provider_is_waited_for_as_long_as_it_says(store: Store) -> None:
    issue, clock = an_approved_issue(store, readers=20), MovingClock(NOW)
    provider = Fake(Misbehaviour.parse("call-busy=@1, retry-after=40s"), batch_size=20)

    ended = send(store, issue, provider, now=clock.now, monotonic_s=clock.monotonic_s, wait=clock.wait)

    assert ended.ending is Ending.FINISHED
    assert 40 <= clock.waited_s < 41
    assert store.deliveries.counts(issue).sent == 20


def test_a_provider_that_is_busy_for_long_is_waited_for_aloud_and_once(store: Store) -> None:
    issue, said = an_approved_issue(store, readers=20), list[str]()
    busy = Fake(Misbehaviour.parse("call-busy=@2+"), batch_size=10)

    send(store, issue, busy, patience_s=120, tell=said.append)

    assert said == ["fake is waited for, up to 2 minutes: the fake provider was asked to"]


def test_a_short_wait_is_no_news(store: Store) -> None:
    issue, said = an_approved_issue(store, readers=20), list[str]()

    send(store, issue, Fake(Misbehaviour.parse("call-busy=@1, retry-after=5s"), batch_size=10), tell=said.append)

    assert said == []


def test_a_provider_that_stays_busy_ends_the_run_and_the_next_one_goes_on(store: Store) -> None:
    issue = an_approved_issue(store, readers=20)
    busy = Fake(Misbehaviour.parse("call-busy=@1+, retry-after=60s"), batch_size=10)

    ended = send(store, issue, busy, patience_s=200)

    assert ended.ending is Ending.BUSY
    assert store.deliveries.counts(issue) == Counts(recipients=20, pending=20)
    later = MovingClock(NOW + timedelta(hours=1))
    send(store, issue, Fake(), now=later.now, monotonic_s=later.monotonic_s, wait=later.wait)
    assert store.deliveries.counts(issue).sent == 20


def test_one_busy_recipient_does_not_hold_up_the_others(store: Store) -> None:
    issue, order = an_approved_issue(store, readers=30), []
    provider = Fake(script=[Fault.BUSY], batch_size=10)

    send(store, issue, provider, report=lambda counts: order.append(counts.sent))

    assert order == [9, 19, 29, 30]


def test_a_denied_call_stops_the_run_at_once_and_leaves_the_rest_pending(store: Store) -> None:
    issue = an_approved_issue(store, readers=40)
    provider = Fake(Misbehaviour.parse("call-denied=@2+"), batch_size=10)

    ended = send(store, issue, provider)

    assert ended == Ended(Ending.DENIED, "the fake provider was asked to")
    assert provider.calls == 2
    assert store.deliveries.counts(issue) == Counts(recipients=40, sent=10, pending=30)


def test_three_unsure_calls_in_a_row_stop_the_run_with_a_handful_in_doubt(store: Store) -> None:
    issue = an_approved_issue(store, readers=1000)
    provider = Fake(Misbehaviour.parse("call-unsure-unsent=@2+"), batch_size=100)

    ended = send(store, issue, provider)

    assert ended.ending is Ending.DOUBTFUL
    assert store.deliveries.counts(issue) == Counts(recipients=1000, sent=16, unsure=84 + 2, pending=898)


def test_an_outage_from_the_first_call_on_leaves_a_handful_in_doubt_and_not_the_list(store: Store) -> None:
    issue = an_approved_issue(store, readers=1300)
    provider = Fake(Misbehaviour.parse("call-unsure-sent=@1+"), batch_size=1000)

    ended = send(store, issue, provider, connections=4)

    assert ended.ending is Ending.DOUBTFUL
    assert store.deliveries.counts(issue) == Counts(recipients=1300, unsure=16 + 2, pending=1282)
    assert provider.taken_ids().total() == 18


def test_after_a_doubt_calls_grow_step_by_step(store: Store) -> None:
    issue, sizes = an_approved_issue(store, readers=100), []
    provider = Fake(Misbehaviour.parse("call-unsure-sent=@1"), batch_size=20)
    before = Counts(recipients=100, pending=100)

    def note(counts: Counts) -> None:
        nonlocal before
        if before.pending != counts.pending:
            sizes.append(before.pending - counts.pending)
        before = counts

    send(store, issue, provider, report=note)

    assert sizes[:6] == [16, 1, 2, 1, 8, 12]  # as far as a batch goes
    assert store.deliveries.counts(issue) == Counts(recipients=100, unsure=16, sent=84)


def test_a_look_up_clears_a_doubt(store: Store) -> None:
    issue = an_approved_issue(store, readers=30)
    provider = Fake(Misbehaviour.parse("call-unsure-sent=@1, call-unsure-unsent=@2, lookup=yes"), batch_size=10)

    ended = send(store, issue, provider)

    assert ended.ending is Ending.FINISHED
    assert store.deliveries.counts(issue) == Counts(recipients=30, sent=30)
    assert max(provider.taken_ids().values()) == 1


def test_doubts_of_an_earlier_run_are_looked_up_by_the_next(store: Store) -> None:
    issue = an_approved_issue(store, readers=10)
    provider = Fake(Misbehaviour.parse("call-unsure-sent=@1, lookup=lagging"), batch_size=10)
    send(store, issue, provider)
    assert store.deliveries.counts(issue).unsure == 10

    send(store, issue, provider)

    assert store.deliveries.counts(issue) == Counts(recipients=10, sent=10)


def test_another_providers_look_up_says_nothing_about_a_doubt(store: Store) -> None:
    issue = an_approved_issue(store, readers=10)
    send(store, issue, Fake(Misbehaviour.parse("call-unsure-sent=@1"), batch_size=10))

    class Other(Fake):
        name = "other"

    other = Other(Misbehaviour.parse("lookup=yes"))
    send(store, issue, other)

    assert other.calls == 0
    assert store.deliveries.counts(issue) == Counts(recipients=10, unsure=10)


def test_a_person_decides_about_doubts(store: Store) -> None:
    issue = an_approved_issue(store, readers=10)
    send(store, issue, Fake(Misbehaviour.parse("call-unsure-unsent=@1"), batch_size=10))

    decided = store.deliveries.resolve(issue, as_sent=False, reason="a person decided: unsent", now=NOW)
    provider = Fake(batch_size=10)
    send(store, issue, provider)

    assert decided == 10
    assert provider.taken_ids().total() == 10
    assert store.deliveries.counts(issue) == Counts(recipients=10, sent=10)


def test_a_pause_from_elsewhere_stops_after_the_batch_in_hand(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=50), Fake(batch_size=10)

    def pause(counts: Counts) -> None:
        if counts.sent == 20:
            store.issues.move(issue, {IssueState.SENDING}, IssueState.PAUSED, now=NOW, paused_by="person")

    ended = send(store, issue, provider, report=pause)

    assert ended.ending is Ending.HELD
    assert store.deliveries.counts(issue) == Counts(recipients=50, sent=20, pending=30)
    store.issues.move(issue, {IssueState.PAUSED}, IssueState.SENDING, now=NOW)
    provider_after = Fake(batch_size=10)
    send(store, issue, provider_after)
    assert store.deliveries.counts(issue).sent == 50


def test_a_stop_ends_between_batches_and_nothing_is_held(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=50), Fake(batch_size=10)

    ended = send(store, issue, provider, stop=lambda: provider.calls == 2)

    assert ended.ending is Ending.STOPPED
    assert store.deliveries.counts(issue) == Counts(recipients=50, sent=20, pending=30)
    send(store, issue, Fake(batch_size=10), owner="owner-2")
    assert store.deliveries.counts(issue).sent == 50


def test_two_senders_share_an_issue_without_doubling(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=60), Fake(batch_size=10)
    begin(store, issue, provider)
    other = Run(a_desk(store, provider, issue, owner="owner-2", is_alive=lambda _owner: True))

    def let_the_other_in(counts: Counts) -> None:
        if counts.sent == 20:
            other.go()

    Run(a_desk(store, provider, issue, is_alive=lambda _owner: True, report=let_the_other_in)).go()

    assert max(provider.taken_ids().values()) == 1
    assert store.deliveries.counts(issue).sent == 60


def test_a_batch_that_another_owner_is_calling_is_left_alone(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=20), Fake(batch_size=10)
    begin(store, issue, provider)
    claim = store.batches.claim(issue, owner="frozen", limit=10, now=NOW)
    assert claim is not None
    store.batches.attempt(claim, digest="weekly", provider="fake", now=NOW)

    ended = Run(a_desk(store, provider, issue, is_alive=lambda owner: owner == "frozen", patience_s=5)).go()

    assert ended.ending is Ending.SHARED
    assert provider.taken_ids().total() == 10
    assert store.deliveries.counts(issue) == Counts(recipients=20, sent=10, pending=10)


def test_an_owner_whose_claim_was_taken_over_cannot_call(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=10), Fake(batch_size=10)
    begin(store, issue, provider)
    stale = store.batches.claim(issue, owner="frozen", limit=10, now=NOW - timedelta(hours=1))
    assert stale is not None
    Run(a_desk(store, provider, issue)).go()

    begun = store.batches.attempt(stale, digest="weekly", provider="fake", now=NOW)

    assert begun is None
    assert provider.taken_ids().total() == 10


def test_the_true_answer_of_an_owner_held_for_dead_replaces_the_doubt(store: Store) -> None:
    from newsletter.store.receipts import Result

    issue, provider = an_approved_issue(store, readers=3), Fake(batch_size=10)
    begin(store, issue, provider)
    claim = store.batches.claim(issue, owner="slow", limit=10, now=NOW)
    assert claim is not None
    store.batches.attempt(claim, digest="weekly", provider="fake", now=NOW)
    Run(a_desk(store, provider, issue)).go()
    assert store.deliveries.counts(issue).unsure == 3

    results = [Result(f"s{number:06d}", DeliveryState.SENT, "id") for number in range(3)]
    store.batches.finish(claim, provider="fake", results=results, now=NOW)

    assert store.deliveries.counts(issue) == Counts(recipients=3, sent=3)
    assert provider.calls == 0


def test_a_call_holds_no_more_bytes_than_the_provider_takes(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=10), Fake(batch_size=10)
    provider.abilities = provider.abilities._replace(batch_bytes=3)

    send(store, issue, provider)

    assert provider.calls == 4
    assert store.deliveries.counts(issue).sent == 10


def test_a_provider_with_the_wrong_number_of_answers_leaves_doubt_not_doubles(store: Store) -> None:
    class Forgetful(Fake):
        def send(self, letters: Any, *, issue: str, key: str = "") -> Any:
            return super().send(letters, issue=issue, key=key)[:-1]

    issue, provider = an_approved_issue(store, readers=10), Forgetful(batch_size=10)

    send(store, issue, provider)
    send(store, issue, provider)

    assert provider.taken_ids().total() == 10
    assert store.deliveries.counts(issue) == Counts(recipients=10, unsure=10)


def test_one_letter_that_is_denied_again_and_again_keeps_nobody_from_being_mailed(store: Store) -> None:
    issue = an_approved_issue(store, readers=40)

    class Particular(Fake):
        """Called for each letter by itself, and never content with one of them."""

        def send(self, letters: Any, *, issue: str, key: str = "") -> list[Answer]:
            return one_by_one(letters, lambda letter: self._alone(letter, issue))

        def _alone(self, letter: Letter, issue: str) -> Answer:
            if letter.email == "reader12@example.org":
                return Answer(Outcome.DENIED, reason="no such template")
            return super().send([letter], issue=issue)[0]

    provider = Particular(batch_size=10)
    ends = [send(store, issue, provider).ending for _ in range(3)]

    assert ends == [Ending.DENIED] * 3
    assert store.deliveries.counts(issue) == Counts(recipients=40, sent=39, pending=1)
    assert provider.taken_ids().total() == 39


def test_a_letter_that_cannot_be_composed_is_not_in_doubt(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=10), Fake(batch_size=10)

    def broken(_readers: Any) -> Any:
        raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError):
        send(store, issue, provider, compose_at=lambda _moment: broken)

    assert store.deliveries.counts(issue) == Counts(recipients=10, pending=10)
    send(store, issue, provider)
    assert store.deliveries.counts(issue).sent == 10


def test_a_rate_is_kept(store: Store) -> None:
    issue, clock = an_approved_issue(store, readers=100), MovingClock(NOW)
    provider = Fake(batch_size=10)

    send(
        store,
        issue,
        provider,
        limits=Limits(mails_per_s=5),
        now=clock.now,
        monotonic_s=clock.monotonic_s,
        wait=clock.wait,
    )

    assert clock.waited_s == pytest.approx(18, abs=0.5)


def test_a_batch_that_waits_long_for_its_turn_is_not_taken_for_forgotten(store: Store) -> None:
    issue, clock = an_approved_issue(store, readers=20), MovingClock(NOW)
    provider, taken = Fake(batch_size=10), []

    def wait(seconds: float) -> None:
        clock.wait(seconds)
        taken.append(store.batches.claim(issue, owner="another", limit=10, now=clock.now()))

    ended = send(
        store, issue, provider, limits=Limits(mails_per_s=0.1), now=clock.now, monotonic_s=clock.monotonic_s, wait=wait
    )

    assert ended.ending is Ending.FINISHED
    assert clock.waited_s == pytest.approx(100, abs=0.5)
    assert set(taken) == {None}
    assert store.deliveries.counts(issue).sent == 20


def test_a_wait_that_the_provider_named_is_not_longer_than_the_patience(store: Store) -> None:
    issue = an_approved_issue(store, readers=20)
    send(store, issue, Fake(Misbehaviour.parse("call-busy=@2+, retry-after=3600s"), batch_size=10))
    clock = MovingClock(NOW)

    ended = send(store, issue, Fake(), now=clock.now, monotonic_s=clock.monotonic_s, wait=clock.wait)

    assert ended == Ended(Ending.BUSY, "until 2023-11-16 10:00 UTC")
    assert clock.waited_s == 0


def test_a_provider_that_is_busy_and_says_come_at_once_ends_the_run_all_the_same(store: Store) -> None:
    issue = an_approved_issue(store, readers=20)
    provider = Fake(Misbehaviour.parse("call-busy=@1+, retry-after=0s"), batch_size=10)

    ended = send(store, issue, provider, patience_s=60)

    assert ended.ending is Ending.BUSY
    assert provider.calls < 100


@pytest.mark.parametrize("named", [1e10, 1e300, float("inf"), float("nan"), -5.0])
def test_a_wait_that_makes_no_sense_loses_no_answer(store: Store, named: float) -> None:
    class Odd(Fake):
        def send(self, letters: Any, *, issue: str, key: str = "") -> Any:
            accepted, *_ = super().send(letters, issue=issue, key=key)
            return [accepted, *[Answer(Outcome.BUSY, retry_after_s=named)] * (len(letters) - 1)]

    issue = an_approved_issue(store, readers=10)

    send(store, issue, Odd(batch_size=10), patience_s=5)

    counts = store.deliveries.counts(issue)
    assert (counts.unsure, counts.sent >= 1, counts.sent + counts.pending) == (0, True, 10)


def test_a_run_begins_softly_where_an_earlier_one_left_doubts(store: Store) -> None:
    issue = an_approved_issue(store, readers=1000)
    broken = "call-unsure-unsent=@1+"
    send(store, issue, Fake(Misbehaviour.parse(broken), batch_size=100))

    send(store, issue, Fake(Misbehaviour.parse(broken), batch_size=100))

    assert store.deliveries.counts(issue) == Counts(recipients=1000, unsure=18 + 3, pending=979)


def test_a_pause_ends_a_wait_for_a_busy_provider(store: Store) -> None:
    issue, clock = an_approved_issue(store, readers=10), MovingClock(NOW)
    provider = Fake(Misbehaviour.parse("call-busy=@1, retry-after=600s"), batch_size=10)

    def wait(seconds: float) -> None:
        clock.wait(seconds)
        store.issues.move(issue, {IssueState.SENDING}, IssueState.PAUSED, now=NOW, paused_by="person")

    ended = send(store, issue, provider, now=clock.now, monotonic_s=clock.monotonic_s, wait=wait)

    assert ended.ending is Ending.HELD
    assert clock.waited_s < 10


def test_a_pause_ends_the_wait_for_another_process(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=10), Fake(batch_size=10)
    begin(store, issue, provider)
    claim = store.batches.claim(issue, owner="frozen", limit=10, now=NOW)
    assert claim is not None
    store.batches.attempt(claim, digest="weekly", provider="fake", now=NOW)
    store.issues.move(issue, {IssueState.SENDING}, IssueState.PAUSED, now=NOW, paused_by="person")

    ended = Run(a_desk(store, provider, issue, is_alive=lambda owner: owner == "frozen")).go()

    assert ended.ending is Ending.HELD


def test_a_stop_during_the_wait_for_the_rate_sends_no_further_batch(store: Store) -> None:
    issue, provider, clock = an_approved_issue(store, readers=50), Fake(batch_size=10), MovingClock(NOW)

    ended = send(
        store, issue, provider, limits=Limits(mails_per_s=1), stop=lambda: clock.waited_s > 0,
        now=clock.now, monotonic_s=clock.monotonic_s, wait=clock.wait,
    )  # fmt: skip

    assert ended.ending is Ending.STOPPED
    assert provider.calls == 1
    assert store.deliveries.counts(issue) == Counts(recipients=50, sent=10, pending=40)


def test_a_claim_that_was_given_back_meanwhile_is_claimed_again(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=30), Fake(batch_size=10)

    def hold_all_for_dead(_counts: Counts) -> None:
        for claim in store.batches.claimed(issue):
            store.batches.give_back(claim, now=NOW)

    ended = send(store, issue, provider, report=hold_all_for_dead)

    assert ended.ending is Ending.FINISHED
    assert store.deliveries.counts(issue).sent == 30
    assert max(provider.taken_ids().values()) == 1


def test_an_answer_that_the_database_does_not_take_is_recorded_later_and_not_sent_again(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=30), Fake(batch_size=10)
    said: list[str] = []
    finish, troubles = store.batches.finish, iter([StoreUnusable("the database is locked")] * 5)

    def troubled(*args: Any, **values: Any) -> Any:
        for trouble in troubles:
            raise trouble
        return finish(*args, **values)

    store.batches.finish = troubled  # type: ignore[method-assign]

    ended = send(store, issue, provider, tell=said.append)

    assert ended.ending is Ending.FINISHED
    assert len(said) == 1
    assert provider.taken_ids().total() == 30
    assert store.deliveries.counts(issue) == Counts(recipients=30, sent=30)


def test_a_commit_whose_confirmation_was_lost_is_made_once(store: Store) -> None:
    issue, provider, clock = (
        an_approved_issue(store, readers=30),
        Fake(script=[Fault.BUSY], batch_size=10),
        MovingClock(NOW),
    )
    finish, lost = store.batches.finish, iter([True])

    def unconfirmed(*args: Any, **values: Any) -> Any:
        following = finish(*args, **values)
        if next(lost, False):
            raise StoreUnusable("the connection broke")
        return following

    store.batches.finish = unconfirmed  # type: ignore[method-assign]

    ended = send(store, issue, provider, now=clock.now, monotonic_s=clock.monotonic_s, wait=clock.wait)

    assert ended.ending is Ending.FINISHED
    assert provider.taken_ids().total() == 30
    assert store.deliveries.counts(issue) == Counts(recipients=30, sent=30)


def test_a_call_that_could_not_be_noted_is_not_made_and_leaves_nobody_in_doubt(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=10), Fake(batch_size=10)

    def full_disk(_attempts: int) -> None:
        raise NotPossible("the disk is full")

    with pytest.raises(NotPossible):
        send(store, issue, provider, note_attempts=full_disk)

    assert provider.calls == 0
    assert store.deliveries.counts(issue) == Counts(recipients=10, pending=10)


def test_who_was_resolved_as_unsent_is_never_left_behind_in_a_sent_issue(store: Store) -> None:
    issue = an_approved_issue(store, readers=10)
    send(store, issue, Fake(Misbehaviour.parse("call-unsure-unsent=@1"), batch_size=10))
    assert store.deliveries.end(issue, now=NOW)

    store.deliveries.resolve(issue, as_sent=False, reason="a person decided: unsent", now=NOW)

    row = store.issues.get(issue)
    assert row is not None
    assert (row.state, row.ended_at) == (IssueState.SENDING, None)
    assert not store.deliveries.end(issue, now=NOW)


def test_smaller_batches_from_now_on_go_to_everyone_once(store: Store) -> None:
    issue = an_approved_issue(store, readers=500)
    send(store, issue, Fake(Misbehaviour.parse("call-denied=@2+"), batch_size=200))
    provider = Fake(batch_size=16)

    send(store, issue, provider)

    assert provider.taken_ids().total() == 484
    assert store.deliveries.counts(issue) == Counts(recipients=500, sent=500)


def test_a_sending_does_not_begin_with_what_was_approved_before(store: Store) -> None:
    issue = an_approved_issue(store, readers=3)
    store.issues.withdraw(issue, now=NOW)
    store.issues.approve(issue, manifest_sha256="1" * 64, post_ids=["b"], left_over=[], now=NOW)

    with pytest.raises(AssertionError):
        begin(store, issue, Fake())

    assert store.deliveries.counts(issue) == Counts()


def test_a_persons_pause_in_the_moment_of_the_beginning_holds(store: Store) -> None:
    issue = an_approved_issue(store, readers=3)
    store.issues.move(issue, {IssueState.APPROVED}, IssueState.PAUSED, now=NOW, paused_by="person")

    with pytest.raises(AssertionError):
        begin(store, issue, Fake())

    row = store.issues.get(issue)
    assert row is not None
    assert (row.state, row.paused_by) == (IssueState.PAUSED, "person")


def test_senders_that_cut_batches_at_one_moment_take_different_numbers(store: Store) -> None:
    issue = an_approved_issue(store, readers=400)
    begin(store, issue, Fake(batch_size=100))

    def cut(number: int) -> list[Claim | None]:
        owner = f"owner-{number}"
        return [store.batches.claim(issue, owner=owner, limit=5, now=NOW) for _ in range(15)]

    with ThreadPoolExecutor(4) as pool:
        claims = [claim for found in pool.map(cut, range(4)) for claim in found]

    numbers = [claim.number for claim in claims if claim]
    assert len(numbers) == len(set(numbers)) == 60


def test_a_clock_that_was_ahead_keeps_nobody_waiting_for_months(store: Store) -> None:
    issue = an_approved_issue(store, readers=20)
    ahead = MovingClock(NOW + timedelta(days=300))
    busy = Fake(Misbehaviour.parse("call-busy=@1+, retry-after=3600s"), batch_size=10)
    send(store, issue, busy, now=ahead.now, monotonic_s=ahead.monotonic_s, wait=ahead.wait)

    ended = send(store, issue, Fake())

    assert ended.ending is Ending.FINISHED
    assert store.deliveries.counts(issue).sent == 20


def test_connections_that_the_server_breaks_during_a_call_lose_and_repeat_nothing(store: Store) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no connections that break")

    class Breaking(Fake):
        def send(self, letters: Any, *, issue: str, key: str = "") -> Any:
            with create_engine(store.engine.url).connect() as connection:
                others = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
                connection.execute(text(f"{others} and datname = current_database()"))
            return super().send(letters, issue=issue, key=key)

    issue, provider = an_approved_issue(store, readers=30), Breaking(batch_size=10)

    ended = send(store, issue, provider)

    assert ended.ending is Ending.FINISHED
    assert provider.taken_ids().total() == 30
    assert store.deliveries.counts(issue) == Counts(recipients=30, sent=30)
