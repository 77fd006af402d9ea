"""One lane, that is one connection: claim → attempt → compose → provider → record, until the run is over.

A lane may be killed at any point and its batch taken further by anybody: what was begun and not answered is repeated
under its key, looked up or unsure, never repeated blindly.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.delivery.answers import Tally, not_mailed, results_of
from newsletter.delivery.call import Call, answers_to, composed, made_of
from newsletter.delivery.conductor import Conductor
from newsletter.delivery.desk import Desk, Ended, Ending
from newsletter.errors import StoreUnusable
from newsletter.providers.base import Answer
from newsletter.store.batches import Begun, Claim

RECORD_TRIES, RECORD_WAIT_S = 12, 5.0
"""How often, and how far apart, a database that does not take an answer is tried (SQLite: 30 s each for a lock)."""
KEEP_EVERY_S = 20.0
"""How often a lane that waits with a batch in its hands shows that it wants it."""

_log = logging.getLogger(__name__)


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
                self.claim = self._batch(found)
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

    # --- one batch ---

    def _batch(self, claim: Claim) -> Claim | None:
        """Mail one batch; the batch that the commit of its answer claimed."""
        desk = self.conductor.desk
        self.claim = claim
        news = self.conductor.turn(claim.size, wait=lambda seconds: self._wait_with(claim, seconds))
        if news is None:
            self._let_go()
            return None
        self.claim = None
        now = desk.now()
        begun = self._begun(desk, claim, now)
        if begun is None or not begun.readers:
            return None
        call = self._ready(desk, claim, begun, now)
        began_s = desk.monotonic_s()
        answers = answers_to(desk, call, wait=self.conductor.wait)
        following = self._recorded(desk, call, answers, news)
        _tell(desk, call, answers, desk.monotonic_s() - began_s)
        return following

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
        begun = desk.batches.attempt(
            claim,
            digest=desk.digest,
            provider=desk.name,
            now=now,
            day=day,
            ceiling=desk.ceiling(day),
            fingerprint=(lambda readers: made_of(desk, readers, now)) if desk.has_keys else None,
        )
        if begun is not None:
            self.conductor.count(skipped=claim.size - len(begun.readers))
            return begun
        desk.batches.give_back(claim, now=desk.now())
        if not desk.batches.is_sending(desk.issue_id):
            self.conductor.end(Ended(Ending.HELD))
        return None

    def _ready(self, desk: Desk, claim: Claim, begun: Begun, now: datetime) -> Call:
        """The letters of the call. Where that fails nobody is in doubt: nothing was sent."""
        try:
            desk.note_attempts(begun.attempts)
            return composed(desk, claim, begun.readers, now)
        except BaseException:
            ids = [reader.subscriber_id for reader in begun.readers]
            desk.batches.finish(
                claim, provider=desk.name, results=(), again=ids, now=desk.now(), day=desk.rules.day(now)
            )
            raise

    def _recorded(self, desk: Desk, call: Call, answers: Sequence[Answer], news: int) -> Claim | None:
        again_in_s = self.conductor.take_in(call, answers, news=news)
        following = self._finished(desk, call, answers, again_in_s)
        self.conductor.note_doubts(call, answers)
        self.conductor.count(answers)
        return following

    def _finished(self, desk: Desk, call: Call, answers: Sequence[Answer], again_in_s: float) -> Claim | None:
        """The answers are known nowhere else, so a database that does not take them is tried again and again."""
        for tries_left in reversed(range(RECORD_TRIES)):
            now = desk.now()
            try:
                return desk.batches.finish(
                    call.claim,
                    provider=desk.name,
                    results=results_of(call.readers, answers),
                    again=not_mailed(call.readers, answers),
                    not_before=now + timedelta(seconds=again_in_s) if again_in_s else None,
                    now=now,
                    day=desk.rules.day(call.attempted_at),
                    next_limit=self.conductor.next_limit(),
                )
            except StoreUnusable as error:
                if desk.stop() or not tries_left:
                    raise
                if tries_left == RECORD_TRIES - 1:
                    desk.tell(f"{error.problem}: what the provider answered cannot be recorded yet, trying again")
                desk.wait(RECORD_WAIT_S)
        return None


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
