"""Store and sender through random interleavings of claims, calls, crashes, look-ups and decisions, against a model.

The provider's own list of what it took is the truth. Whatever happens: nobody is mailed twice, whoever left is not
mailed any more, the counts add up, and every mail of which nothing is recorded is in doubt by name. In the end, with
everything repaired, nobody is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from newsletter.delivery.answers import not_mailed, results_of
from newsletter.delivery.call import Call, composed, made_of
from newsletter.delivery.send import Desk, Run
from newsletter.models import DeliveryState, IssueState
from newsletter.providers.base import Answer
from newsletter.providers.fake import Fake
from newsletter.providers.misbehaviour import Fault, Misbehaviour
from newsletter.store.batches import Beginning, Claim
from newsletter.store.store import Store
from newsletter.store.tables import metadata
from tests.desks import MovingClock, a_desk, an_approved_issue
from tests.factories import utc
from tests.faults import IS_LONG

NOW = utc(2023, 11, 16, 9)
READERS, BATCH = 24, 4
OWNERS = ("anna", "boris")
WORDS = {"blind": "", "looks-up": "lookup=yes", "has-keys": "keys=24h", "lags": "lookup=lagging, lookup-lag=30s"}


class Killed(BaseException):
    pass


class Truth(Fake):
    """One provider for all owners; each call has the fate that was set, and may be the last thing its process does."""

    def __init__(self, words: str) -> None:
        super().__init__(Misbehaviour.parse(words), batch_size=BATCH)
        self.fates: list[tuple[Fault | None, bool]] = []
        self.known_since: dict[str, datetime] = {}

    def forget_old_keys(self, now: datetime) -> None:
        """After a day, as is documented."""
        for key in self._bodies:
            self.known_since.setdefault(key, now)
        too_old = [key for key, since in self.known_since.items() if now - since > timedelta(hours=24)]
        for key in too_old:
            self._bodies.pop(key, None)

    def send(self, letters: Any, *, issue: str, key: str = "") -> list[Answer]:
        fault, kills = self.fates.pop(0) if self.fates else (None, False)
        self._script = repeat(fault)
        answers = super().send(letters, issue=issue, key=key)
        if kills:
            raise Killed
        return answers


class Held(NamedTuple):
    claim: Claim
    call: Call | None = None
    answers: list[Answer] | None = None


class Sending(RuleBasedStateMachine):
    make_store: Callable[[], Store]

    @initialize(words=st.sampled_from(sorted(WORDS)))
    def begin(self, words: str) -> None:
        self.store = type(self).make_store()
        self.clock = MovingClock(NOW)
        self.provider = Truth(WORDS[words])
        self.issue = an_approved_issue(self.store, readers=READERS)
        self.incarnation = dict.fromkeys(OWNERS, 0)
        self.held: dict[str, Held] = {}
        self.gone: dict[str, int] = {}
        """Who left, and how often he had been mailed then, or may be by a call under way."""
        self._open()

    def _open(self) -> None:
        self.store.deliveries.begin(
            self.issue, digest="weekly", provider="fake", batch_size=BATCH, manifest_sha256="0" * 64, now=NOW
        )

    def _name(self, owner: str) -> str:
        return f"{owner}-{self.incarnation[owner]}"

    def _desk(self, owner: str, **values: Any) -> Desk:
        alive = {self._name(one) for one in OWNERS}
        defaults: dict[str, Any] = {
            "owner": self._name(owner),
            "is_alive": lambda name: name in alive,
            "now": self.clock.now,
            "monotonic_s": self.clock.monotonic_s,
            "wait": self.clock.wait,
            "patience_s": 5.0,
        }
        return a_desk(self.store, self.provider, self.issue, **(defaults | values))

    def _is_sending(self) -> bool:
        return self.store.batches.is_sending(self.issue)

    # --- one owner, step by step ---

    @rule(owner=st.sampled_from(OWNERS), limit=st.integers(1, BATCH))
    def claim(self, owner: str, limit: int) -> None:
        if owner in self.held:
            return
        found = self.store.batches.claim(self.issue, owner=self._name(owner), limit=limit, now=self.clock.now())
        if found:
            self.held[owner] = Held(found)

    @rule(owner=st.sampled_from(OWNERS))
    def attempt(self, owner: str) -> None:
        held, desk, now = self.held.get(owner), self._desk(owner), self.clock.now()
        if held is None or held.call is not None:
            return
        prints = (lambda readers: made_of(desk, readers, now)) if desk.has_keys else None
        begun = self.store.batches.attempt(
            held.claim, digest="weekly", provider="fake", now=now, day=now.date(), fingerprint=prints
        )
        if begun is None or not begun.readers:
            del self.held[owner]
        else:
            self.held[owner] = held._replace(call=composed(desk, held.claim, begun.readers, now))

    @rule(owner=st.sampled_from(OWNERS), fault=st.sampled_from([None, *Fault]))
    def call(self, owner: str, fault: Fault | None) -> None:
        held = self.held.get(owner)
        if held is None or held.call is None or held.answers is not None:
            return
        self.provider.fates = [(fault, False)]
        answers = self.provider.send(held.call.letters, issue=self.issue, key=held.call.key)
        self.held[owner] = held._replace(answers=answers)

    @rule(owner=st.sampled_from(OWNERS), next_limit=st.integers(0, BATCH), begins=st.booleans())
    def record(self, owner: str, next_limit: int, begins: bool) -> None:
        held, desk, now = self.held.get(owner), self._desk(owner), self.clock.now()
        if held is None or held.call is None or held.answers is None:
            return
        prints = (lambda readers: made_of(desk, readers, now)) if desk.has_keys else None
        again, denied = not_mailed(held.call.readers, held.answers)
        following, begun = self.store.batches.finish(
            held.claim,
            provider="fake",
            results=results_of(held.call.readers, held.answers),
            again=again,
            last=denied,
            now=now,
            day=now.date(),
            next_limit=next_limit,
            beginning=Beginning("weekly", "fake", now.date(), fingerprint=prints) if begins else None,
        )
        del self.held[owner]
        if following and (begun is None or begun.readers):
            call = composed(desk, following, begun.readers, now) if begun else None
            self.held[owner] = Held(following, call)

    @rule(owner=st.sampled_from(OWNERS))
    def crash(self, owner: str) -> None:
        """Wherever it was."""
        self.incarnation[owner] += 1
        self.held.pop(owner, None)

    # --- whole runs ---

    @rule(
        owner=st.sampled_from(OWNERS),
        fates=st.lists(st.tuples(st.sampled_from([None, None, *Fault]), st.booleans()), min_size=1, max_size=4),
        lanes=st.sampled_from([1, 1, 3]),
    )
    def run(self, owner: str, fates: list[tuple[Fault | None, bool]], lanes: int) -> None:
        """A sending process, until it dies in the middle of a call or is stopped after some."""
        self.crash(owner)
        if not self._is_sending():
            return
        self.provider.fates = fates
        with suppress(Killed):
            Run(self._desk(owner, connections=lanes, stop=lambda: not self.provider.fates)).go()
        self.provider.fates = []
        self.crash(owner)

    # --- the world around ---

    @rule(number=st.integers(0, READERS - 1))
    def leave(self, number: int) -> None:
        reader = f"s{number:06d}"
        if reader in self.gone:
            return
        with self.store.subscribers.changing() as roster:
            roster.leave(reader, None, now=self.clock.now())
        self.gone[reader] = max(self._taken(reader), int(self._is_under_way(reader)))

    def _is_under_way(self, reader: str) -> bool:
        calls = [held.call for held in self.held.values() if held.call is not None]
        return any(one.subscriber_id == reader for call in calls for one in call.readers)

    def _taken(self, reader: str) -> int:
        return self.provider.taken_ids()[f"{self.issue}.{reader}"]

    @rule(then_act=st.sampled_from(["attempt", "run", "crash"]), owner=st.sampled_from(OWNERS))
    def pause(self, then_act: str, owner: str) -> None:
        """Nothing leaves meanwhile, whatever anybody does."""
        self.store.issues.move(self.issue, {IssueState.SENDING}, IssueState.PAUSED, now=NOW, paused_by="person")
        before = self.provider.taken_ids().total()
        if then_act == "run":
            Run(self._desk(owner)).go()
        else:
            getattr(self, then_act)(owner)
        assert self.provider.taken_ids().total() == before
        self.resume()

    def resume(self) -> None:
        self.store.issues.move(self.issue, {IssueState.PAUSED}, IssueState.SENDING, now=NOW)

    @rule(size=st.integers(1, 5))
    def cut_anew(self, size: int) -> None:
        """As when another provider takes over."""
        self.store.batches.cut_anew(self.issue, size=size, now=self.clock.now())

    @rule(minutes=st.one_of(st.integers(-120, 300), st.integers(1000, 3000)))
    def jump(self, minutes: int) -> None:
        """The clock is set, or the machine slept."""
        self.provider.forget_old_keys(self.clock.now())
        self.clock._now += timedelta(minutes=minutes)
        self.provider.forget_old_keys(self.clock.now())

    @rule()
    def look_into_the_providers_log(self) -> None:
        """A person decides, where one word is true of everyone in doubt."""
        in_doubt = self.store.deliveries.unsure(self.issue, provider="fake")
        verdicts = {bool(self._taken(reader)) for reader in in_doubt}
        if len(verdicts) == 1:
            self.store.deliveries.resolve(self.issue, as_sent=verdicts.pop(), reason="looked up", now=self.clock.now())

    @rule()
    def end(self) -> None:
        # No precondition: what is held may depend on which of three lanes was the first.
        if self.held:
            return
        self.store.deliveries.end(self.issue, now=self.clock.now())

    # --- what must hold ---

    @invariant()
    def nobody_is_mailed_twice(self) -> None:
        assert max(self.provider.taken_ids().values(), default=0) <= 1

    @invariant()
    def who_left_is_not_mailed_after(self) -> None:
        assert all(self._taken(reader) <= before for reader, before in self.gone.items())

    @invariant()
    def the_counts_add_up(self) -> None:
        counts = self.store.deliveries.counts(self.issue)
        parts = (counts.pending, counts.sent, counts.refused, counts.unsure, counts.skipped)
        assert (counts.recipients, min(parts) >= 0) == (sum(parts), True)
        assert counts.recipients == READERS

    @invariant()
    def every_mail_is_recorded_or_in_doubt_by_name(self) -> None:
        states = self._states()
        attempting = {one for batch in self.store.batches.attempting(self.issue) for one in batch.subscriber_ids}
        for reader, state in states.items():
            if self._taken(reader):
                assert state in (DeliveryState.SENT, DeliveryState.UNSURE) or reader in attempting, (reader, state)
            else:
                assert state is not DeliveryState.SENT, reader

    def _states(self) -> dict[str, DeliveryState]:
        listed = self.store.deliveries.list(self.issue)
        return {f"s{int(one.email.partition('@')[0][6:]):06d}": one.state for one in listed}

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        for owner in OWNERS:
            self.crash(owner)
        self.resume()
        self.clock._now = max(self.clock._now, NOW) + timedelta(days=2)
        if self._is_sending():
            Run(self._desk("anna")).go()
            assert self.store.deliveries.counts(self.issue).pending == 0
            self.nobody_is_mailed_twice()
            self.who_left_is_not_mailed_after()
            self.every_mail_is_recorded_or_in_doubt_by_name()


def emptied(store: Store) -> Store:
    with store.engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name != "meta":
                connection.execute(table.delete())
    return store


def interleaved(store: Store, *, examples: int, steps: int) -> None:
    class OnThisStore(Sending):
        make_store = staticmethod(lambda: emptied(store))

    run_state_machine_as_test(
        OnThisStore,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=not IS_LONG,
            phases=list(Phase) if IS_LONG else [Phase.generate],  # to make a failure short takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Store]:
    """A database in a file."""
    opened = Store("sqlite:///data/newsletter.db", folder=tmp_path)
    yield opened
    opened.close()


def test_nobody_twice_and_nobody_missing_on_sqlite(sqlite: Store) -> None:
    interleaved(sqlite, examples=400 if IS_LONG else 25, steps=60 if IS_LONG else 30)


def test_nobody_twice_and_nobody_missing_on_postgresql(new_database: Callable[[], str], tmp_path: Path) -> None:
    store = Store(new_database(), folder=tmp_path)
    interleaved(store, examples=60 if IS_LONG else 4, steps=50 if IS_LONG else 25)
    store.close()
