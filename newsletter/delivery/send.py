"""The sending loop: claim → attempt → compose → provider → record, until nothing is pending.

It may be killed at any point and run again by anybody: what was begun and not answered is looked up or unsure, never
repeated. It knows nothing of templates; `compose` makes a letter from a reader.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from newsletter.delivery.pace import Pace, Patience, Step, wait_s
from newsletter.models import Counts, DeliveryState, Reader
from newsletter.providers.base import Answer, Letter, Outcome, Provider
from newsletter.store.batches import Attempted, BatchesStore, Claim
from newsletter.store.deliveries import DeliveriesStore
from newsletter.store.receipts import Result

IDLE_POLL_S = 0.5
"""How often a run that has nothing to claim looks whether another process has finished its batches."""


class Ending(StrEnum):
    FINISHED = "finished"
    STOPPED = "stopped"
    """Asked to stop (a signal); resumable."""
    HELD = "held"
    """Paused or cancelled by a person meanwhile."""
    DENIED = "denied"
    DOUBTFUL = "doubtful"
    """Three unsure calls in a row."""
    BUSY = "busy"
    """The provider stayed busy longer than `patience`."""
    SHARED = "shared"
    """The rest is in the hands of another process that does not go on."""


class Ended(NamedTuple):
    ending: Ending
    reason: str = ""
    """The provider's own words, where it has any."""


@dataclass(frozen=True)
class Desk:
    """All that one run of sending needs, handed in so that a test can replace each."""

    issue_id: str
    digest: str
    owner: str
    deliveries: DeliveriesStore
    batches: BatchesStore
    is_alive: Callable[[str], bool]
    provider: Provider
    compose: Callable[[Reader], Letter]
    delivery_id: Callable[[str], str]
    """subscriber id → delivery id"""
    note_attempts: Callable[[int], None]
    """Called after a call was made durable as begun and before it is made (see `Journal`)."""
    now: Callable[[], datetime]
    monotonic_s: Callable[[], float]
    wait: Callable[[float], None]
    """Waits that long, or until `stop`."""
    stop: Callable[[], bool]
    report: Callable[[Counts], None]
    """Called after each batch, for the progress bar."""
    patience_s: float = 1800.0
    rate_per_s: float | None = None


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
        self.step = Step.first(self.desk.provider.abilities.batch_size)
        self.patience = Patience(self.desk.patience_s)
        self.pace = Pace(self.desk.rate_per_s)
        self.counts = self.desk.deliveries.counts(self.desk.issue_id)

    def go(self) -> Ended:
        self._look_up_doubts()
        if self._recover():
            self.step = Step.first(self.step.largest, in_doubt=True)
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
        if self._recover():
            self.step = Step.first(self.step.largest, in_doubt=True)
            return None
        if self.desk.deliveries.counts(self.desk.issue_id).pending == 0:
            return Ended(Ending.FINISHED)
        moment = self.desk.batches.next_moment(self.desk.issue_id)
        if moment is not None:
            self.desk.wait(max((moment - self.desk.now()).total_seconds(), 0.01))
            return None
        if not self.patience.allows(IDLE_POLL_S):
            return Ended(Ending.SHARED)
        self.patience = self.patience.after_busy(IDLE_POLL_S)
        self.desk.wait(IDLE_POLL_S)
        return None

    # --- one batch ---

    def _batch(self, claim: Claim) -> tuple[Claim | None, Ended | None]:
        desk = self.desk
        desk.wait(self.pace.wait_s(desk.monotonic_s()))
        begun = desk.batches.attempt(claim, digest=desk.digest, provider=desk.provider.name, now=desk.now())
        if begun is None:
            desk.batches.give_back(claim, now=desk.now())
            return None, self._lost(claim)
        readers, attempts = begun
        self._count(skipped=claim.size - len(readers))
        if not readers:
            return None, None
        desk.note_attempts(attempts)
        began_s = desk.monotonic_s()
        letters = self._compose(claim, readers)
        answers = self._call(letters)
        self.pace = self.pace.after(len(letters), began_s=began_s)
        return self._record(claim, readers, answers)

    def _lost(self, claim: Claim) -> Ended | None:
        """Why the batch could not be begun: the issue was paused or cancelled, or another process took the batch."""
        taken = self.desk.batches.is_taken_from(claim)
        return None if taken else Ended(Ending.HELD)

    def _compose(self, claim: Claim, readers: Sequence[Reader]) -> list[Letter]:
        """As many letters as fit into one call, at least one."""
        try:
            letters = [self.desk.compose(reader) for reader in readers]
        except BaseException:
            ids = [reader.subscriber_id for reader in readers]
            self.desk.batches.finish(claim, provider="", results=(), again=ids, now=self.desk.now())
            raise
        return letters[: _fitting(letters, self.desk.provider.abilities.batch_bytes)]

    def _call(self, letters: Sequence[Letter]) -> list[Answer]:
        answers = self.desk.provider.send(letters, issue=self.desk.issue_id)
        if len(answers) != len(letters):
            reason = f"{self.desk.provider.name} gave {len(answers)} answers for {len(letters)} letters"
            return [Answer(Outcome.UNSURE, reason=reason)] * len(letters)
        if any(answer.outcome is Outcome.UNSURE for answer in answers):
            return self._looked_up(letters, answers)
        return answers

    def _looked_up(self, letters: Sequence[Letter], answers: Sequence[Answer]) -> list[Answer]:
        doubtful = [letter.delivery_id for letter, answer in zip(letters, answers, strict=True) if _unsure(answer)]
        found = self.desk.provider.look_up(doubtful, issue=self.desk.issue_id)
        pairs = zip(letters, answers, strict=True)
        return [found.get(letter.delivery_id, answer) if _unsure(answer) else answer for letter, answer in pairs]

    def _record(
        self, claim: Claim, readers: Sequence[Reader], answers: Sequence[Answer]
    ) -> tuple[Claim | None, Ended | None]:
        self._take_in(answers)
        ended = self._must_end(answers)
        all_busy = all(answer.outcome is Outcome.BUSY for answer in answers)
        seconds = 0.0 if ended else self._busy_wait_s(claim, answers)
        if all_busy:
            if not self.patience.allows(seconds):
                ended = Ended(Ending.BUSY, _reason(answers, Outcome.BUSY))
            self.patience = self.patience.after_busy(seconds)
        now = self.desk.now()
        following = self.desk.batches.finish(
            claim,
            provider=self.desk.provider.name,
            results=[result for result in map(_result, readers, answers) if result],
            again=_not_mailed(readers, answers),
            not_before=now + timedelta(seconds=seconds) if seconds else None,
            now=now,
            next_limit=0 if ended or all_busy else self.step.size,
        )
        outcomes = [answer.outcome for answer in answers]
        self._count(**{state.value: outcomes.count(outcome) for outcome, state in _STATES.items()})
        if all_busy and not ended:
            self.desk.wait(seconds)
        return following, ended

    def _count(self, **more: int) -> None:
        if not any(more.values()):
            return
        values = {name: getattr(self.counts, name) + count for name, count in more.items()}
        values["pending"] = self.counts.pending - sum(more.values())
        self.counts = self.counts.model_copy(update=values)
        self.desk.report(self.counts)

    def _take_in(self, answers: Sequence[Answer]) -> None:
        self.step = self.step.after(doubtful=any(map(_unsure, answers)))
        if any(answer.outcome in (Outcome.ACCEPTED, Outcome.REFUSED) for answer in answers):
            self.patience = self.patience.after_progress()

    def _must_end(self, answers: Sequence[Answer]) -> Ended | None:
        if any(answer.outcome is Outcome.DENIED for answer in answers):
            return Ended(Ending.DENIED, _reason(answers, Outcome.DENIED))
        if self.step.must_pause:
            return Ended(Ending.DOUBTFUL, _reason(answers, Outcome.UNSURE))
        return None

    def _busy_wait_s(self, claim: Claim, answers: Sequence[Answer]) -> float:
        """Seconds until those who were told to come again are tried; 0 when nobody was.

        Where the provider took others in the same call, only these wait, and longer each time.
        """
        busy = [answer.retry_after_s for answer in answers if answer.outcome is Outcome.BUSY]
        named = [seconds for seconds in busy if seconds is not None]
        return wait_s(tried=claim.attempt, retry_after_s=max(named, default=None)) if busy else 0.0

    # --- after a crash ---

    def _recover(self) -> bool:
        """Take back what dead owners held, settle what they had begun; says whether a doubt is left."""
        for claim in self.desk.batches.claimed(self.desk.issue_id):
            if self._is_dead(claim.owner):
                self.desk.batches.give_back(claim, now=self.desk.now())
        begun = self.desk.batches.attempting(self.desk.issue_id)
        doubts = [self._settle(one) for one in begun if self._is_dead(one.claim.owner)]
        return any(doubts)

    def _is_dead(self, owner: str) -> bool:
        return owner != self.desk.owner and not self.desk.is_alive(owner)

    def _settle(self, one: Attempted) -> bool:
        found = self._find(one.subscriber_ids) if one.provider == self.desk.provider.name else {}
        reason = "the sending process ended during the call"
        doubt = Answer(Outcome.UNSURE, reason=reason)
        answers = [found.get(subscriber_id, doubt) for subscriber_id in one.subscriber_ids]
        readers = [Reader(subscriber_id, "", "", {}) for subscriber_id in one.subscriber_ids]
        self.desk.batches.finish(
            one.claim,
            provider=one.provider,
            results=[result for result in map(_result, readers, answers) if result],
            again=_not_mailed(readers, answers),
            now=self.desk.now(),
        )
        return any(map(_unsure, answers))

    def _look_up_doubts(self) -> None:
        """Ask again about those that an earlier run left in doubt; what is not found stays in doubt."""
        name = self.desk.provider.name
        ids = self.desk.deliveries.unsure(self.desk.issue_id, provider=name)
        found = self._find(ids) if ids else {}
        taken = {key: answer for key, answer in found.items() if answer.outcome is Outcome.ACCEPTED}
        results = [Result(key, DeliveryState.SENT, answer.provider_id) for key, answer in taken.items()]
        if results:
            self.desk.deliveries.settle(self.desk.issue_id, provider=name, results=results, now=self.desk.now())

    def _find(self, subscriber_ids: Sequence[str]) -> dict[str, Answer]:
        """What the provider's look-up knows, by subscriber."""
        by_delivery = {self.desk.delivery_id(subscriber_id): subscriber_id for subscriber_id in subscriber_ids}
        found = self.desk.provider.look_up(list(by_delivery), issue=self.desk.issue_id)
        return {by_delivery[delivery_id]: answer for delivery_id, answer in found.items()}


def _unsure(answer: Answer) -> bool:
    return answer.outcome is Outcome.UNSURE


def _reason(answers: Sequence[Answer], outcome: Outcome) -> str:
    return next((answer.reason for answer in answers if answer.outcome is outcome and answer.reason), "")


_STATES = {
    Outcome.ACCEPTED: DeliveryState.SENT,
    Outcome.REFUSED: DeliveryState.REFUSED,
    Outcome.UNSURE: DeliveryState.UNSURE,
}


def _result(reader: Reader, answer: Answer) -> Result | None:
    state = _STATES.get(answer.outcome)
    return Result(reader.subscriber_id, state, answer.provider_id, answer.reason) if state else None


def _not_mailed(readers: Sequence[Reader], answers: Sequence[Answer]) -> list[str]:
    """Who was certainly not mailed: told to come again, denied, or not part of the call because it was full."""
    answered = [reader for reader, answer in zip(readers, answers, strict=False) if answer.outcome not in _STATES]
    return [reader.subscriber_id for reader in (*answered, *readers[len(answers) :])]


def _fitting(letters: Sequence[Letter], batch_bytes: int | None) -> int:
    if batch_bytes is None:
        return len(letters)
    total = 0
    for count, letter in enumerate(letters):
        total += sum(map(len, letter.parts))
        if total > batch_bytes:
            return max(count, 1)
    return len(letters)
