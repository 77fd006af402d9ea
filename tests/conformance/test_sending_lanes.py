"""Several connections at a time: everything that holds for one holds for all of them together."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from newsletter.delivery.conductor import Conductor
from newsletter.delivery.pace import Limits
from newsletter.delivery.recover import Doubt
from newsletter.delivery.send import Ended, Ending, Run
from newsletter.errors import StoreUnusable
from newsletter.models import Counts, IssueState
from newsletter.providers.base import Answer, Outcome
from newsletter.providers.fake import Fake
from newsletter.providers.misbehaviour import Fault, Misbehaviour
from newsletter.store.batches import Claim
from newsletter.store.store import Store
from tests.desks import MovingClock, a_desk, an_approved_issue
from tests.factories import utc

NOW = utc(2023, 11, 16, 9)
LANES = 4


class Together(Fake):
    """Answers the first calls only when so many are under way at a time; notes how many there were at most."""

    def __init__(self, words: str = "", *, script: Any = (), batch_size: int = 10, together: int = LANES) -> None:
        super().__init__(Misbehaviour.parse(words), script=script, batch_size=batch_size)
        self._together = threading.Barrier(together)
        self._first = together
        self._counting = threading.Lock()
        self.under_way = self.most = self.number = 0
        self.alone: list[tuple[int, int]] = []
        """Size of each call, and how many were under way with it."""

    def send(self, letters: Any, *, issue: str, key: str = "") -> list[Answer]:
        with self._counting:
            self.number += 1
            number = self.number
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self.alone.append((len(letters), self.under_way))
        if number <= self._first:
            self._together.wait(timeout=60)
        try:
            return super().send(letters, issue=issue, key=key)
        finally:
            with self._counting:
                self.under_way -= 1


def begin(store: Store, issue: str) -> None:
    begun = {"digest": "weekly", "provider": "fake", "manifest_sha256": "0" * 64, "now": NOW}
    assert store.deliveries.begin(issue, batch_size=10, **begun)  # type: ignore[arg-type]


def send(store: Store, issue: str, provider: Fake, **values: Any) -> Ended:
    begin(store, issue)
    return Run(a_desk(store, provider, issue, **({"connections": LANES} | values))).go()


def test_calls_are_made_side_by_side_and_everyone_is_mailed_once(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=200), Together()

    ended = send(store, issue, provider)

    assert ended.ending is Ending.FINISHED
    assert provider.most == LANES
    assert provider.taken_ids().total() == 200
    assert max(provider.taken_ids().values()) == 1
    assert store.deliveries.counts(issue) == Counts(recipients=200, sent=200)


def test_a_handful_of_readers_needs_one_connection(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=5), Together(together=1)

    send(store, issue, provider)

    assert (provider.calls, provider.most) == (1, 1)


def test_connections_that_break_at_one_moment_are_one_doubt_and_one_lane_probes(store: Store) -> None:
    issue = an_approved_issue(store, readers=400)
    provider = Together("call-unsure-unsent=@1+")

    ended = send(store, issue, provider)

    assert ended.ending is Ending.DOUBTFUL
    assert store.deliveries.counts(issue).unsure == LANES * 10 + 2
    assert all(size == under_way == 1 for size, under_way in provider.alone[LANES:])


def test_after_a_doubt_that_clears_all_lanes_go_on(store: Store) -> None:
    issue = an_approved_issue(store, readers=400)
    provider = Together("call-unsure-sent=@1")

    ended = send(store, issue, provider)

    assert ended.ending is Ending.FINISHED
    assert provider.taken_ids().total() == 400
    assert max(provider.taken_ids().values()) == 1
    assert store.deliveries.counts(issue).unsure == 10


def test_a_denied_call_ends_all_lanes_and_nothing_is_held(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=400), Together("call-denied=@5+")

    ended = send(store, issue, provider)

    counts = store.deliveries.counts(issue)
    assert ended.ending is Ending.DENIED
    assert counts.sent == provider.taken_ids().total() == LANES * 10
    assert (store.batches.claimed(issue), store.batches.attempting(issue)) == ([], [])


def test_a_busy_answer_to_all_lanes_is_one_wait(store: Store) -> None:
    class Full(Together):
        def send(self, letters: Any, *, issue: str, key: str = "") -> list[Answer]:
            answers = super().send(letters, issue=issue, key=key)
            busy = Answer(Outcome.BUSY, retry_after_s=100)
            return [busy] * len(letters) if answers[0].outcome is Outcome.BUSY else answers

    issue = an_approved_issue(store, readers=40)
    provider = Full(script=[Fault.BUSY] * 40)

    ended = send(store, issue, provider, patience_s=150)

    assert ended.ending is Ending.FINISHED
    assert store.deliveries.counts(issue).sent == 40


def test_a_pause_from_elsewhere_holds_all_lanes(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=1000), Together()

    def pause(counts: Counts) -> None:
        if counts.sent >= 100:
            store.issues.move(issue, {IssueState.SENDING}, IssueState.PAUSED, now=NOW, paused_by="person")

    ended = send(store, issue, provider, report=pause)

    counts = store.deliveries.counts(issue)
    assert ended.ending is Ending.HELD
    assert 100 <= counts.sent <= 100 + 2 * LANES * 10
    assert store.batches.claimed(issue) == []


def test_on_sqlite_a_call_is_begun_with_the_answer_of_the_one_before(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue, provider = an_approved_issue(store, readers=100), Fake(batch_size=10)
    attempt, begun_alone = store.batches.attempt, list[Claim]()

    def noted(claim: Claim, **values: Any) -> Any:
        begun_alone.append(claim)
        return attempt(claim, **values)

    monkeypatch.setattr(store.batches, "attempt", noted)

    send(store, issue, provider, connections=1)

    assert provider.taken_ids().total() == len(provider.taken_ids()) == 100
    assert len(begun_alone) == (1 if store.engine.dialect.name == "sqlite" else 10)


def test_all_lanes_go_on_as_soon_as_the_first_few_letters_are_answered(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.delivery.conductor.IDLE_POLL_S", 60.0)  # so long as good as never
    issue = an_approved_issue(store, readers=1000)
    together = threading.Barrier(LANES)

    class Opened(Fake):
        def send(self, letters: Any, *, issue: str, key: str = "") -> list[Answer]:
            sizes.append(len(letters))
            if 1 < len(sizes) <= 1 + LANES:
                together.wait(timeout=30)
            return super().send(letters, issue=issue, key=key)

    sizes = list[int]()

    send(store, issue, Opened(batch_size=100))

    assert not together.broken
    assert sum(sizes) == 1000


@pytest.mark.parametrize("slow", [Limits(calls_per_s=1.0), Limits(mails_per_s=10.0)])
def test_a_lane_that_has_to_wait_for_its_turn_begins_no_call_before(store: Store, slow: Limits) -> None:
    issue, clock = an_approved_issue(store, readers=30), MovingClock(NOW)

    class Watching(Fake):
        def send(self, letters: Any, *, issue: str, key: str = "") -> list[Answer]:
            moments.append(clock.monotonic_s())
            return super().send(letters, issue=issue, key=key)

    moments = list[float]()
    waits = {"now": clock.now, "monotonic_s": clock.monotonic_s, "wait": clock.wait}

    send(store, issue, Watching(batch_size=10), connections=1, limits=slow, **waits)

    assert [moment - moments[0] for moment in moments] == [0.0, 1.0, 2.0]


def test_an_error_in_one_lane_ends_the_others_and_is_told(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=400), Together()
    left = iter(range(12))

    def failing(_attempts: int) -> None:
        if next(left, None) is None:
            raise StoreUnusable("the disk is full")

    with pytest.raises(StoreUnusable):
        send(store, issue, provider, note_attempts=failing)

    counts = store.deliveries.counts(issue)
    assert (counts.sent, counts.unsure) == (120, 0)
    assert provider.taken_ids().total() == 120


def test_no_lane_finds_all_done_while_another_looks_up_the_last_doubts(store: Store) -> None:
    ends: list[Ended | None] = []

    class Slow(Fake):
        def look_up(self, delivery_ids: Any, *, issue: str) -> dict[str, Answer]:
            other = threading.Thread(target=conductor.idle)
            other.start()
            other.join()
            ends.append(conductor.ended)
            return {one: Answer(Outcome.BUSY) for one in delivery_ids}

    issue, provider = an_approved_issue(store, readers=10), Slow(Misbehaviour.parse("lookup=yes"), batch_size=10)
    begin(store, issue)
    Run(a_desk(store, Fake(Misbehaviour.parse("call-unsure-unsent=@1"), batch_size=10), issue)).go()
    desk, clock = a_desk(store, provider, issue), MovingClock(NOW)
    desk = replace(desk, now=clock.now, monotonic_s=clock.monotonic_s, wait=clock.wait)
    doubt = Doubt("fake", tuple(store.deliveries.unsure(issue, provider="fake")), 30.0)
    conductor = Conductor(desk, store.deliveries.counts(issue), doubts=[doubt])
    clock.wait(31)

    conductor.admit(holds_claim=False)

    assert ends == [None]
    assert store.deliveries.counts(issue) == Counts(recipients=10, pending=10)


def test_lanes_do_not_go_on_when_the_machine_has_no_thread_for_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, left, started = threading.Thread.start, iter(range(2)), []

    def scarce(thread: threading.Thread) -> None:
        if thread.name.startswith("lane") and next(left, None) is None:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    issue, provider = an_approved_issue(store, readers=400), Fake(batch_size=10)
    monkeypatch.setattr(threading.Thread, "start", scarce)

    with pytest.raises(RuntimeError):
        send(store, issue, provider)

    assert not any(thread.is_alive() for thread in started)
    counts = store.deliveries.counts(issue)
    assert (counts.sent, counts.unsure) == (provider.taken_ids().total(), 0)


def test_two_runs_with_several_lanes_each_share_an_issue(store: Store) -> None:
    issue, provider = an_approved_issue(store, readers=600), Together(together=2 * LANES)
    begin(store, issue)
    alive = {"is_alive": lambda _owner: True, "connections": LANES}
    runs = [Run(a_desk(store, provider, issue, owner=f"owner-{number}", **alive)) for number in range(2)]
    threads = [threading.Thread(target=run.go) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert provider.most == 2 * LANES
    assert max(provider.taken_ids().values()) == 1
    assert store.deliveries.counts(issue) == Counts(recipients=600, sent=600)
