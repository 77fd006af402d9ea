"""How a run behaves towards the provider, learnt from its answers: pure. Times are monotonic seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from newsletter.delivery.answers import Tally, reason_of
from newsletter.delivery.breaker import Breaker
from newsletter.delivery.desk import Desk, Ended, Ending
from newsletter.delivery.pace import Pace, Patience, Step, wait_s
from newsletter.models import Counts
from newsletter.providers.base import Answer, Outcome


class Lesson(NamedTuple):
    """What the answers to one call mean for the run."""

    manner: Manner
    ended: Ended | None
    again_in_s: float
    """Until those who were told to come again are tried; 0: nobody was."""


@dataclass(frozen=True, slots=True)
class Manner:
    step: Step
    patience: Patience
    pace: Pace
    breaker: Breaker
    not_before_s: float = 0.0
    """No call begins before: the provider was busy, or wants a pause."""
    news: int = 0
    """Counts doubts, busy answers and calls refused as a whole. What a call that was begun before the last of them says
    about it is no news: of sixteen connections that break at once, the first is a doubt and the others are that one."""

    @classmethod
    def first(cls, desk: Desk, counts: Counts, *, in_doubt: bool) -> Manner:
        """At the beginning of a run; `in_doubt`: the run before it ended with a call unanswered."""
        answered = counts.sent + counts.refused
        return cls(
            step=Step.first(desk.form.batch_size, in_doubt=in_doubt),
            patience=Patience(desk.patience_s),
            pace=Pace(desk.limits),
            breaker=Breaker.set_to(desk.breaker.rate, desk.breaker.at_least, refused=counts.refused, answered=answered),
        )

    def softly(self) -> Manner:
        return replace(self, step=self.step.softly())

    def moved(self, desk: Desk) -> Manner:
        """The same behaviour under changed settings."""
        largest, step = desk.form.batch_size, self.step
        size = min(step.size, largest) if step.is_soft else largest
        return replace(
            self,
            step=replace(step, largest=largest, size=size),
            patience=replace(self.patience, total_s=desk.patience_s),
            pace=replace(self.pace, limits=desk.limits, not_before_s=0.0),
            breaker=replace(self.breaker, rate=desk.breaker.rate, at_least=desk.breaker.at_least),
        )

    def gate_s(self, now_s: float) -> float:
        return max(self.not_before_s - now_s, 0.0)

    def after(self, answers: Sequence[Answer], *, attempt: int, reserved: int, news: int, now_s: float) -> Lesson:
        """`attempt`: of the batch; `reserved`: how many letters its turn was taken for; `news`: as it was when the call
        was begun."""
        is_new, tally = news == self.news, Tally.of(answers)
        if tally.busy and any(answer.in_halves for answer in answers):
            halved = replace(self, step=self.step.halved(len(answers)), news=self.news + 1)
            return Lesson(*halved._paused(answers, now_s=now_s), 0.0)
        manner = self._stepped(is_new, tally)
        manner = manner._adapted(tally, reserved, is_new=is_new, now_s=now_s)
        if ended := manner._why_end(tally, answers):
            return Lesson(manner, ended, 0.0)
        seconds = manner._busy_wait_s(answers, attempt, is_new=is_new) if tally.busy else 0.0
        if tally.all_busy:
            busy = Ended(Ending.BUSY, reason_of(answers, Outcome.BUSY))
            manner, ended = manner._held(seconds, busy, now_s=now_s)
        if not ended:
            manner, ended = manner._paused(answers, now_s=now_s)
        return Lesson(manner, ended, seconds)

    def _stepped(self, is_new: bool, tally: Tally) -> Manner:
        doubtful = tally.unsure > 0
        if is_new:
            refused_alone = tally.refused == tally.total == 1
            answered = tally.accepted + tally.refused > 0
            step = self.step.after(doubtful=doubtful, answered=answered, refused_alone=refused_alone)
            return replace(self, step=step, news=self.news + doubtful)
        return self.softly() if doubtful else self

    def _adapted(self, tally: Tally, reserved: int, *, is_new: bool, now_s: float) -> Manner:
        pace = self.pace.give_back(reserved, unused=reserved - tally.total)
        if answered := tally.refused + tally.accepted:
            pace = pace.after_progress(now_s=now_s)
            breaker = self.breaker.after(refused=tally.refused, answered=answered)
            return replace(self, pace=pace, breaker=breaker, patience=self.patience.after_progress())
        if tally.all_busy and is_new:
            return replace(self, pace=pace.after_busy(now_s=now_s), news=self.news + 1)
        return replace(self, pace=pace)

    def _paused(self, answers: Sequence[Answer], *, now_s: float) -> tuple[Manner, Ended | None]:
        """However the call ended, its rate headers may want no other one for a while."""
        pause_s = max([answer.pause_s for answer in answers if answer.pause_s], default=0.0)
        if not pause_s:
            return self, None
        return self._held(pause_s, Ended(Ending.BUSY, "its rate limit is used up"), now_s=now_s)

    def _held(self, seconds: float, otherwise: Ended, *, now_s: float) -> tuple[Manner, Ended | None]:
        """No call for so long; `otherwise` where that is longer than the patience."""
        longer_s = max(now_s + seconds - max(self.not_before_s, now_s), 0.0)
        if not longer_s and seconds:
            return self, None
        if not self.patience.allows(longer_s):
            return self, otherwise
        return replace(self, patience=self.patience.after_busy(longer_s), not_before_s=now_s + seconds), None

    def _why_end(self, tally: Tally, answers: Sequence[Answer]) -> Ended | None:
        if tally.denied:
            return Ended(Ending.DENIED, reason_of(answers, Outcome.DENIED))
        if self.step.must_pause:
            return Ended(Ending.DOUBTFUL, reason_of(answers, Outcome.UNSURE))
        if self.step.is_refused_by_all:
            reason = reason_of(answers, Outcome.REFUSED)
            return Ended(Ending.DENIED, f"one letter after the other was refused: {reason}")
        return Ended(Ending.TRIPPED, self.breaker.reason) if self.breaker.has_tripped else None

    def _busy_wait_s(self, answers: Sequence[Answer], attempt: int, *, is_new: bool) -> float:
        """Where the provider took others in the same call, only those who were not wait, and longer each time."""
        busy = [answer for answer in answers if answer.outcome is Outcome.BUSY]
        named = [answer.retry_after_s for answer in busy if answer.retry_after_s is not None]
        tried = max(self.patience.waits + is_new, 1) if len(busy) == len(answers) else attempt
        return wait_s(tried=tried, retry_after_s=max(named, default=None))
