"""What the lanes of one run share: how it behaves, its doubts, its counts, and how it ends.

A lane asks `admit` before each batch and tells `take_in` what came of it. After a doubt one lane probes alone and the
others wait; a provider that is busy is left alone by all of them. Every number changes under one lock, and nobody
holds it while he waits for the outside world.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from newsletter.delivery.answers import STATES, reason_of, unsure_ones
from newsletter.delivery.call import Call
from newsletter.delivery.desk import Desk, Ended, Ending
from newsletter.delivery.looks import Looks
from newsletter.delivery.manner import Manner
from newsletter.delivery.quotas import largest_spread
from newsletter.delivery.recover import Doubt, lag_s, recover
from newsletter.models import Counts
from newsletter.providers.base import Answer, Outcome

IDLE_POLL_S = 0.5
"""How often a run that has nothing to claim looks whether another process has finished its batches."""
LOOK_AROUND_S = 5.0
"""How often a run that waits looks whether the issue was paused or cancelled meanwhile."""
REFRESH_S = 2.0
"""How often a run looks whether the settings were changed."""


class Conductor:
    def __init__(self, desk: Desk, counts: Counts, *, doubts: Sequence[Doubt]) -> None:
        self.desk = desk
        self.counts = counts
        """As far as this run knows; counting all receipts after each batch would cost more than the batch."""
        self.manner = Manner.first(desk, counts, in_doubt=bool(doubts))
        self.lanes = self._wanted_lanes()
        self.on_refreshed: Callable[[], None] = lambda: None
        """Called when changed settings were taken up, which may want more lanes."""
        self.ended: Ended | None = None
        self.failure: BaseException | None = None
        lock = threading.RLock()
        self._turn, self._work = threading.Condition(lock), threading.Condition(lock)
        self._idling = threading.Lock()
        self._refreshing = threading.Lock()
        self._refreshed_at_s = desk.monotonic_s()
        self._in_hand = 0
        self._looks = Looks()
        for doubt in doubts:
            self._look_later(doubt)

    def _wanted_lanes(self) -> int:
        calls_left = -(-self.counts.pending // self.desk.form.batch_size)
        return max(1, min(self.desk.connections, calls_left))

    # --- the end ---

    def end(self, ended: Ended) -> None:
        """The first reason counts."""
        with self._turn:
            self.ended = self.ended or ended
            self._wake_all()

    def fail(self, error: BaseException) -> None:
        with self._turn:
            self.failure = self.failure or error
            self._wake_all()

    def _wake_all(self) -> None:
        self._turn.notify_all()
        self._work.notify_all()

    def is_over(self) -> bool:
        if self.ended is None and self.desk.stop():
            self.end(Ended(Ending.STOPPED))
        return self.ended is not None or self.failure is not None

    def wait(self, seconds: float) -> bool:
        """Wait that long; False when the run ended meanwhile: a signal, a pause, another lane."""
        while seconds > 0:
            self.desk.wait(min(seconds, LOOK_AROUND_S))
            seconds -= LOOK_AROUND_S
            if self.is_over():
                return False
            if seconds > 0 and not self.desk.batches.is_sending(self.desk.issue_id):
                self.end(Ended(Ending.HELD))
                return False
        return not self.is_over()

    # --- before a batch ---

    def admit(self, *, holds_claim: bool) -> int:
        """How many letters the lane's next call may hold; waits for its turn. 0: not now, or not any more.

        A lane that would have to wait with a batch in its hands is told so by 0, so that it lets go of it.
        """
        self._refresh()
        self._look_again()
        gate_s = self.manner.gate_s(self.desk.monotonic_s())
        if (gate_s and holds_claim) or not self.wait(gate_s):
            return 0
        limit = self._limit()
        with self._turn:
            while self.manner.step.is_soft and self._in_hand:
                if holds_claim:
                    return 0
                self._turn.wait(IDLE_POLL_S)
                if self.is_over():
                    return 0
            if not limit or self.is_over():
                return 0
            self._in_hand += 1
            return min(limit, self.manner.step.size)

    def leave(self, *, found: bool) -> None:
        """The call is over; `found`: there was a batch for it, so there may be one for a lane that idles.

        Waking all of them each time would have sixteen lanes look for the last batches again and again.
        """
        with self._turn:
            self._in_hand -= 1
            self._turn.notify_all()
            if found:
                self._work.notify()

    def _limit(self) -> int:
        """As many as the hour and the day allow; ends the run where these allow none."""
        desk, now = self.desk, self.desk.now()
        if closed := desk.rules.closed_until(now):
            self.end(Ended(Ending.LATER, closed.reason, closed.moment))
            return 0
        day = desk.rules.day(now)
        ceiling = desk.ceiling(day)
        if ceiling is None:
            return self._spread()
        room = ceiling - desk.days.mailed(day, provider=desk.name)
        if room <= 0:
            self._end_at_ceiling(ceiling)
        return min(max(room, 0), self._spread())

    def _end_at_ceiling(self, ceiling: int) -> None:
        """Mails under way count as mailed; those that are not taken make room again, so these are waited for."""
        with self._turn:
            if self._in_hand and not self.is_over():
                self._turn.wait(IDLE_POLL_S)
                return
        until = self.desk.rules.next_day(self.desk.now(), ceiling=ceiling)
        self.end(Ended(Ending.LATER, until.reason, until.moment))

    def _spread(self) -> int:
        """How many letters a call may hold, at a pace by which all leave evenly until the end of the spread."""
        desk = self.desk
        rate = desk.rules.spread_per_s(self.counts.pending, desk.now())
        known = [one for one in (desk.limits.mails_per_s, rate) if one is not None]
        limits = replace(desk.limits, mails_per_s=min(known, default=None))
        with self._turn:
            self.manner = replace(self.manner, pace=replace(self.manner.pace, limits=limits))
        return largest_spread(rate) if rate else self.manner.step.largest

    def turn(self, mails: int, *, wait: Callable[[float], bool]) -> int | None:
        """Take a turn in the pace and wait for it; what the news were then. None: the call may not be made now."""
        with self._turn:
            pace, seconds = self.manner.pace.reserve(mails, now_s=self.desk.monotonic_s())
            self.manner = replace(self.manner, pace=pace)
        is_on = wait(seconds) and not self.manner.gate_s(self.desk.monotonic_s())
        return self.manner.news if is_on and not self.desk.rules.closed_until(self.desk.now()) else None

    # --- after a batch ---

    def take_in(self, call: Call, answers: Sequence[Answer], *, news: int) -> float:
        """Learn from the answers; returns the seconds until those who were told to come again are tried."""
        with self._turn:
            lesson = self.manner.after(
                answers,
                attempt=call.claim.attempt,
                reserved=call.claim.size,
                news=news,
                now_s=self.desk.monotonic_s(),
            )
            before, self.manner = self.manner.patience, lesson.manner
            if not self.manner.step.is_soft:
                self._turn.notify_all()  # whoever waited while one lane probed; that lane may go on without leaving
            if lesson.ended:
                self.end(lesson.ended)
        if lesson.manner.patience.is_tried_since(before) and not lesson.ended:
            busy = reason_of(answers, Outcome.BUSY) or "no call is welcome yet"
            self.desk.tell(f"{self.desk.name} is waited for, up to {self.desk.patience_s / 60:,.3g} minutes: {busy}")
        return lesson.again_in_s

    def next_limit(self) -> int:
        """How many the commit that records an answer may claim for the lane; 0: it asks `admit` first."""
        with self._turn:
            desk, step = self.desk, self.manner.step
            is_free = not self.manner.gate_s(desk.monotonic_s()) and (self.lanes == 1 or not step.is_soft)
            is_plain = not desk.rules.spread_until and desk.ceiling(desk.rules.day(desk.now())) is None
            return step.size if is_free and is_plain and self.ended is None else 0

    def goes_on(self, desk: Desk, lane: int) -> bool:
        """Whether this lane may make its next call at once: there is nothing to wait for and nothing new to learn, so
        that call can be begun with the answer of the one before."""
        now_s = desk.monotonic_s()
        with self._turn:
            is_free = bool(self.next_limit()) and not self.manner.step.is_soft and self.manner.pace.is_free(now_s)
            is_as_before = desk is self.desk and lane < self.lanes and now_s - self._refreshed_at_s < REFRESH_S
        is_open = not self._looks.due_s and not desk.rules.closed_until(desk.now())
        return is_free and is_as_before and is_open and not self.is_over()

    def count(self, answers: Sequence[Answer] = (), *, skipped: int = 0) -> None:
        outcomes = [answer.outcome for answer in answers]
        more = {"skipped": skipped} | {state.value: outcomes.count(one) for one, state in STATES.items()}
        if not any(more.values()):
            return
        with self._turn:
            values = {name: getattr(self.counts, name) + count for name, count in more.items()}
            values["pending"] = self.counts.pending - sum(more.values())
            self.counts = self.counts.model_copy(update=values)
            self.desk.report(self.counts)

    def _count_anew(self) -> Counts:
        counts = self.desk.deliveries.counts(self.desk.issue_id)
        with self._turn:
            self.counts = counts
        return counts

    # --- doubts, once more ---

    def note_doubts(self, call: Call, answers: Sequence[Answer]) -> None:
        """They are looked up once more when the provider's index has caught up."""
        if ids := unsure_ones(call.readers, answers):
            self._look_later(Doubt(self.desk.name, tuple(ids), lag_s(self.desk, self.desk.name)))

    def _look_later(self, doubt: Doubt) -> None:
        self._looks.note(doubt, now_s=self.desk.monotonic_s())

    def _look_again(self) -> None:
        self._looks.take(self.desk, settled=self._count_anew)

    # --- nothing to claim ---

    def idle(self) -> None:
        """Done, or wait: for another lane, the moment a busy provider named, another process."""
        with self._turn:
            if self._in_hand:
                self._work.wait(LOOK_AROUND_S)
                return
        with self._idling:
            if not self.is_over():
                self._look_around()

    def _look_around(self) -> None:
        desk = self.desk
        if doubts := recover(desk):
            for doubt in doubts:
                self._look_later(doubt)
            with self._turn:
                self.manner = self.manner.softly()
            return
        dues_s = self._looks.due_s
        if self._count_anew().pending == 0:
            self._finish(dues_s)
        elif not desk.batches.is_sending(desk.issue_id):
            self.end(Ended(Ending.HELD))
        else:
            self._wait_for_others()

    def _finish(self, dues_s: Sequence[float]) -> None:
        """With nobody pending it only remains to look up the doubts once more, when their time has come; `dues_s` are
        those from before it was counted."""
        with self._turn:
            dues_s = [*dues_s, *self._looks.due_s]
            if not dues_s and not self._in_hand:
                self.end(Ended(Ending.FINISHED))
        if dues_s and self.wait(max(min(dues_s) - self.desk.monotonic_s(), IDLE_POLL_S)):
            self._look_again()

    def _wait_for_others(self) -> None:
        moment = self.desk.batches.next_moment(self.desk.issue_id)
        seconds = max((moment - self.desk.now()).total_seconds(), 0.01) if moment else IDLE_POLL_S
        if not self.manner.patience.allows(seconds):
            self.end(Ended(Ending.BUSY, f"until {moment:%Y-%m-%d %H:%M} UTC") if moment else Ended(Ending.SHARED))
            return
        with self._turn:
            self.manner = replace(self.manner, patience=self.manner.patience.after_busy(seconds))
        self.wait(seconds)

    # --- settings ---

    def _refresh(self) -> None:
        """Take up settings that were changed in mid-send; what was approved stays as it is."""
        if self.desk.monotonic_s() - self._refreshed_at_s < REFRESH_S or not self._refreshing.acquire(blocking=False):
            return
        try:
            self._refreshed_at_s = self.desk.monotonic_s()
            desk = self.desk.refreshed(self.desk)
            if desk is not None:
                with self._turn:
                    self.desk, self.manner = desk, self.manner.moved(desk)
                    self.lanes = self._wanted_lanes()
                self.on_refreshed()
        finally:
            self._refreshing.release()
