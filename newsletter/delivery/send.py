"""The sending loop: claim → attempt → compose → provider → record, until nothing is pending.

It may be killed at any point and run again by anybody: what was begun and not answered is looked up or unsure, never
repeated. It knows nothing of templates; `compose` makes a letter from a reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from newsletter.delivery.answers import STATES, fitting, is_unsure, not_mailed, reason_of, results_of
from newsletter.delivery.desk import Desk, Ended, Ending
from newsletter.delivery.pace import Pace, Patience, Step, wait_s
from newsletter.delivery.recover import look_up_doubts, recover
from newsletter.errors import StoreUnusable
from newsletter.models import Counts, Reader
from newsletter.providers.base import Answer, Letter, Outcome
from newsletter.store.batches import Claim

__all__ = ["Desk", "Ended", "Ending", "Run"]

IDLE_POLL_S = 0.5
"""How often a run that has nothing to claim looks whether another process has finished its batches."""
LOOK_AROUND_S = 5.0
"""How often a run that waits looks whether the issue was paused or cancelled meanwhile."""
RECORD_TRIES, RECORD_WAIT_S = 12, 5.0
"""How often, and how far apart, a database that does not take an answer is tried (SQLite: 30 s each for a lock)."""


@dataclass
class Run:
    """One run at a desk; `go` is called once."""

    desk: Desk
    step: Step = field(init=False)
    patience: Patience = field(init=False)
    pace: Pace = field(init=False)
    counts: Counts = field(init=False)
    """As far as this run knows; counting all receipts after each batch would cost more than the batch."""

    def __post_init__(self) -> None:
        self.step = Step.first(self.desk.form.batch_size)
        self.patience = Patience(self.desk.patience_s)
        self.pace = Pace(self.desk.rate_per_s)

    def go(self) -> Ended:
        if look_up_doubts(self.desk) | recover(self.desk):
            self._step_softly()
        self.counts = self.desk.deliveries.counts(self.desk.issue_id)
        claim: Claim | None = None
        while True:
            claim = claim or self._claim()
            if self.desk.stop():
                return self._stopped(claim)
            if claim is None:
                ended = self._idle()
            else:
                claim, ended = self._batch(claim)
            if ended:
                return ended

    def _step_softly(self) -> None:
        self.step = Step.first(self.step.largest, in_doubt=True)

    def _waited(self, seconds: float) -> bool:
        """Wait that long; False when it ended early, because of `stop`, a pause or a cancellation."""
        while seconds > 0:
            self.desk.wait(min(seconds, LOOK_AROUND_S))
            seconds -= LOOK_AROUND_S
            if self.desk.stop() or (seconds > 0 and not self._is_sending()):
                return False
        return True

    def _is_sending(self) -> bool:
        return self.desk.batches.is_sending(self.desk.issue_id)

    # --- nothing to claim ---

    def _claim(self) -> Claim | None:
        desk = self.desk
        return desk.batches.claim(desk.issue_id, owner=desk.owner, limit=self.step.size, now=desk.now())

    def _stopped(self, claim: Claim | None) -> Ended:
        if claim is not None:
            self.desk.batches.give_back(claim, now=self.desk.now())
        return Ended(Ending.STOPPED)

    def _idle(self) -> Ended | None:
        """Done, or wait: for the moment a busy provider named, or for another process that has the rest."""
        if recover(self.desk):
            self._step_softly()
            return None
        if self.desk.deliveries.counts(self.desk.issue_id).pending == 0:
            return Ended(Ending.FINISHED)
        if not self._is_sending():
            return Ended(Ending.HELD)
        moment = self.desk.batches.next_moment(self.desk.issue_id)
        seconds = max((moment - self.desk.now()).total_seconds(), 0.01) if moment else IDLE_POLL_S
        if not self.patience.allows(seconds):
            return Ended(Ending.BUSY, f"until {moment:%Y-%m-%d %H:%M} UTC") if moment else Ended(Ending.SHARED)
        self.patience = self.patience.after_busy(seconds)
        self._waited(seconds)
        return None

    # --- one batch ---

    def _batch(self, claim: Claim) -> tuple[Claim | None, Ended | None]:
        desk = self.desk
        if not self._waited(self.pace.wait_s(desk.monotonic_s())) and desk.stop():
            return claim, None
        begun = desk.batches.attempt(claim, digest=desk.digest, provider=desk.provider.name, now=desk.now())
        if begun is None:
            desk.batches.give_back(claim, now=desk.now())
            # Either the issue was paused or cancelled, or another process took the batch.
            return None, None if self._is_sending() else Ended(Ending.HELD)
        readers, attempts = begun
        if readers:
            letters = self._ready(claim, readers, attempts)
        self._count(skipped=claim.size - len(readers))
        if not readers:
            return None, None
        began_s = desk.monotonic_s()
        answers = self._call(letters)
        self.pace = self.pace.after(len(letters), began_s=began_s)
        return self._record(claim, readers, answers)

    def _ready(self, claim: Claim, readers: Sequence[Reader], attempts: int) -> list[Letter]:
        """As many letters as fit into one call, at least one. Where that fails nobody is in doubt: nothing was sent."""
        try:
            self.desk.note_attempts(attempts)
            letters = [self.desk.compose(reader) for reader in readers]
        except BaseException:
            ids = [reader.subscriber_id for reader in readers]
            self.desk.batches.finish(claim, provider="", results=(), again=ids, now=self.desk.now())
            raise
        return letters[: fitting(letters, self.desk.form.batch_bytes)]

    def _call(self, letters: Sequence[Letter]) -> list[Answer]:
        answers = self.desk.provider.send(letters, issue=self.desk.issue_id)
        if len(answers) != len(letters):
            reason = f"{self.desk.provider.name} gave {len(answers)} answers for {len(letters)} letters"
            return [Answer(Outcome.UNSURE, reason=reason)] * len(letters)
        if any(answer.outcome is Outcome.UNSURE for answer in answers):
            return self._looked_up(letters, answers)
        return answers

    def _looked_up(self, letters: Sequence[Letter], answers: Sequence[Answer]) -> list[Answer]:
        doubtful = [letter.delivery_id for letter, answer in zip(letters, answers, strict=True) if is_unsure(answer)]
        found = self.desk.provider.look_up(doubtful, issue=self.desk.issue_id)
        pairs = zip(letters, answers, strict=True)
        return [found.get(letter.delivery_id, answer) if is_unsure(answer) else answer for letter, answer in pairs]

    def _record(
        self, claim: Claim, readers: Sequence[Reader], answers: Sequence[Answer]
    ) -> tuple[Claim | None, Ended | None]:
        self._take_in(answers)
        ended = self._must_end(answers)
        all_busy = all(answer.outcome is Outcome.BUSY for answer in answers)
        seconds = 0.0 if ended else self._busy_wait_s(self.patience.waits + 1 if all_busy else claim.attempt, answers)
        if all_busy:
            if not self.patience.allows(seconds):
                ended = Ended(Ending.BUSY, reason_of(answers, Outcome.BUSY))
            self.patience = self.patience.after_busy(seconds)
        next_limit = 0 if ended or all_busy else self.step.size
        following = self._recorded(claim, readers, answers, seconds, next_limit=next_limit)
        outcomes = [answer.outcome for answer in answers]
        self._count(**{state.value: outcomes.count(outcome) for outcome, state in STATES.items()})
        if all_busy and not ended:
            self._waited(seconds)
        return following, ended

    def _recorded(
        self, claim: Claim, readers: Sequence[Reader], answers: Sequence[Answer], wait_s: float, *, next_limit: int
    ) -> Claim | None:
        """The answers are known nowhere else, so a database that does not take them is tried again and again."""
        for tries_left in reversed(range(RECORD_TRIES)):
            now = self.desk.now()
            try:
                return self.desk.batches.finish(
                    claim,
                    provider=self.desk.provider.name,
                    results=results_of(readers, answers),
                    again=not_mailed(readers, answers),
                    not_before=now + timedelta(seconds=wait_s) if wait_s else None,
                    now=now,
                    next_limit=next_limit,
                )
            except StoreUnusable as error:
                if self.desk.stop() or not tries_left:
                    raise
                if tries_left == RECORD_TRIES - 1:
                    self.desk.tell(f"{error.problem}: what the provider answered cannot be recorded yet, trying again")
                self.desk.wait(RECORD_WAIT_S)
        return None

    def _count(self, **more: int) -> None:
        if not any(more.values()):
            return
        values = {name: getattr(self.counts, name) + count for name, count in more.items()}
        values["pending"] = self.counts.pending - sum(more.values())
        self.counts = self.counts.model_copy(update=values)
        self.desk.report(self.counts)

    def _take_in(self, answers: Sequence[Answer]) -> None:
        self.step = self.step.after(doubtful=any(map(is_unsure, answers)))
        if any(answer.outcome in (Outcome.ACCEPTED, Outcome.REFUSED) for answer in answers):
            self.patience = self.patience.after_progress()

    def _must_end(self, answers: Sequence[Answer]) -> Ended | None:
        if any(answer.outcome is Outcome.DENIED for answer in answers):
            return Ended(Ending.DENIED, reason_of(answers, Outcome.DENIED))
        if self.step.must_pause:
            return Ended(Ending.DOUBTFUL, reason_of(answers, Outcome.UNSURE))
        return None

    def _busy_wait_s(self, tried: int, answers: Sequence[Answer]) -> float:
        """Seconds until those who were told to come again are tried; 0 when nobody was.

        Where the provider took others in the same call, only these wait, and longer each time.
        """
        busy = [answer.retry_after_s for answer in answers if answer.outcome is Outcome.BUSY]
        named = [seconds for seconds in busy if seconds is not None]
        return wait_s(tried=tried, retry_after_s=max(named, default=None)) if busy else 0.0
