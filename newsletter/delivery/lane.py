"""One lane, that is one connection: claim → attempt → compose → provider → record, until the run is over.

A lane may be killed at any point and its batch taken further by anybody: what was begun and not answered is repeated
under its key, looked up or unsure, never repeated blindly.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from newsletter.delivery.answers import Tally, not_mailed, results_of
from newsletter.delivery.call import Call, answers_to, composed, made_of
from newsletter.delivery.conductor import Conductor
from newsletter.delivery.desk import Desk, Ended, Ending
from newsletter.errors import StoreUnusable
from newsletter.providers.base import Answer
from newsletter.store.batches import Beginning, Begun, Claim

RECORD_TRIES, RECORD_WAIT_S = 12, 5.0
"""How often, and how far apart, a database that does not take an answer is tried (SQLite: 30 s each for a lock)."""
KEEP_EVERY_S = 20.0
"""How often a lane that waits with a batch in its hands shows that it wants it."""

_log = logging.getLogger(__name__)


class Started(NamedTuple):
    """A call that is durable as begun and not made yet."""

    desk: Desk
    """At which it was begun; the settings may have changed since."""
    begun: Begun
    at: datetime
    news: int
    """As the conductor had them then."""


@dataclass
class Lane:
    conductor: Conductor
    number: int
    """From 0; the first is there to the end, another one leaves when the settings want fewer."""
    claim: Claim | None = None

    def go(self) -> None:
        try:
            while self.number < self.conductor.lanes and not self.conductor.is_over():
                self._one_turn()
        except BaseException as error:  # it ends the other lanes, and is raised again in the main thread
            self.conductor.fail(error)
            raise
        self._let_go()

    def _one_turn(self) -> None:
        limit = self.conductor.admit(holds_claim=self.claim is not None)
        if not limit:
            self._let_go()
            return
        found = None
        try:
            found = self._claimed(limit)
            if found:
                self._batches(found)
        finally:
            self.conductor.leave(found=found is not None)
        if not found:
            self.conductor.idle()

    def _claimed(self, limit: int) -> Claim | None:
        """The batch in hand, unless it is too large by now; else another."""
        if self.claim and self.claim.size > limit:
            self._let_go()
        desk = self.conductor.desk
        return self.claim or desk.batches.claim(desk.issue_id, owner=desk.owner, limit=limit, now=desk.now())

    def _let_go(self) -> None:
        if self.claim is not None:
            desk, claim, self.claim = self.conductor.desk, self.claim, None
            desk.batches.give_back(claim, now=desk.now())

    # --- one batch after the other ---

    def _batches(self, claim: Claim) -> None:
        """Mail this batch, and those whose calls were begun with the answers of the one before."""
        self.claim = claim
        started = self._started(claim)
        while started:
            started = self._mailed(started)

    def _started(self, claim: Claim) -> Started | None:
        """Its call when its turn has come, durable as begun. None: it may not be made, or not now."""
        desk = self.conductor.desk
        news = self.conductor.turn(claim.size, wait=lambda seconds: self._wait_with(claim, seconds))
        if news is None:
            self._let_go()
            return None
        self.claim = None
        now = desk.now()
        begun = self._begun(desk, claim, now)
        return self._to_call(Started(desk, begun, now, news)) if begun else None

    def _to_call(self, started: Started) -> Started | None:
        """None: everyone in the batch has left, so there is nothing to call for."""
        if started.begun.readers:
            return started
        self.conductor.count(skipped=started.begun.claim.size)
        return None

    def _mailed(self, started: Started) -> Started | None:
        """Make the call and record its answer; the call that was begun with that."""
        desk, began_s = started.desk, started.desk.monotonic_s()
        call = self._ready(started)
        answers = answers_to(desk, call, wait=self.conductor.wait)
        again_in_s = self.conductor.take_in(call, answers, news=started.news)
        self.conductor.note_doubts(call, answers)
        self.conductor.count(answers)
        _tell(desk, call, answers, desk.monotonic_s() - began_s)
        return self._recorded(desk, call, answers, again_in_s)

    def _wait_with(self, claim: Claim, seconds: float) -> bool:
        """Wait for the turn of a batch and keep it meanwhile: two lanes that take each other's batches for forgotten
        would do so for ever. False: the run ended, or the batch is in other hands."""
        while seconds > KEEP_EVERY_S:
            desk = self.conductor.desk
            if not self.conductor.wait(KEEP_EVERY_S) or not desk.batches.keep(claim, now=desk.now()):
                return False
            seconds -= KEEP_EVERY_S
        return self.conductor.wait(seconds)

    def _begun(self, desk: Desk, claim: Claim, now: datetime) -> Begun | None:
        """The call made durable as begun. None: the issue was paused or cancelled, another process took the batch, or
        the day is full."""
        day = desk.rules.day(now)
        how = _beginning(desk, now)._replace(ceiling=desk.ceiling(day))
        begun = desk.batches.attempt(claim, now=now, **how._asdict())
        if begun is None:
            desk.batches.give_back(claim, now=desk.now())
            if not desk.batches.is_sending(desk.issue_id):
                self.conductor.end(Ended(Ending.HELD))
        return begun

    def _ready(self, started: Started) -> Call:
        """The letters of the call. Where that fails nobody is in doubt: nothing was sent."""
        desk, begun, now, _ = started
        try:
            self.conductor.count(skipped=begun.claim.size - len(begun.readers))
            desk.note_attempts(begun.attempts)
            return composed(desk, begun.claim, begun.readers, now)
        except BaseException:
            ids = [reader.subscriber_id for reader in begun.readers]
            desk.batches.finish(
                begun.claim, provider=desk.name, results=(), again=ids, now=desk.now(), day=desk.rules.day(now)
            )
            raise

    def _recorded(self, desk: Desk, call: Call, answers: Sequence[Answer], again_in_s: float) -> Started | None:
        """Record the answers, and with them claim the next batch or even begin its call.

        The answers are known nowhere else, so a database that does not take them is tried again and again."""
        for tries_left in reversed(range(RECORD_TRIES)):
            now, (again, denied) = desk.now(), not_mailed(call.readers, answers)
            goes_on = not again and not denied and self.conductor.goes_on(desk, self.number)
            try:
                following, begun = desk.batches.finish(
                    call.claim,
                    provider=desk.name,
                    results=results_of(call.readers, answers),
                    again=again,
                    last=denied,
                    not_before=now + timedelta(seconds=again_in_s) if again_in_s else None,
                    now=now,
                    day=desk.rules.day(call.attempted_at),
                    next_limit=self.conductor.next_limit(),
                    beginning=_beginning(desk, now) if goes_on else None,
                )
                if begun:
                    return self._to_call(Started(desk, begun, now, self.conductor.manner.news))
                self.claim = following
                return None
            except StoreUnusable as error:
                if desk.stop() or not tries_left:
                    raise
                if tries_left == RECORD_TRIES - 1:
                    desk.tell(f"{error.problem}: what the provider answered cannot be recorded yet, trying again")
                desk.wait(RECORD_WAIT_S)
        return None


def _beginning(desk: Desk, now: datetime) -> Beginning:
    return Beginning(
        digest=desk.digest,
        provider=desk.name,
        day=desk.rules.day(now),
        fingerprint=(lambda readers: made_of(desk, readers, now)) if desk.has_keys else None,
    )


def _tell(desk: Desk, call: Call, answers: Sequence[Answer], seconds: float) -> None:
    """One line a batch, without addresses."""
    if _log.isEnabledFor(logging.INFO):
        facts = {
            "issue": desk.issue_id,
            "batch": call.claim.number,
            "attempt": call.claim.attempt,
            "provider": desk.name,
            "letters": len(call.letters),
            **Tally.of(answers)._asdict(),
            "seconds": round(seconds, 3),
            "bytes": call.size_bytes,
        }
        _log.info("batch", extra={"facts": facts})
