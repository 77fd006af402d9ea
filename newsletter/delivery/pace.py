"""How fast and how much at once: pure, so that a test needs no clock."""

from __future__ import annotations

from dataclasses import dataclass, replace

OPENING = 16
"""So many letters at most show at the beginning of a run whether the provider answers at all."""
DOUBTS_BEFORE_PAUSE = 3
BAD_ONES_BEFORE_END = 5
"""So many letters in a row are singled out of refused calls; where more are bad, it is not the recipients."""
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
LONG_S = 10.0
"""Without a mail taken; less is not worth a word."""
LONGEST_NAMED_WAIT_S = 86_400.0
"""A provider that asks for more than a day is not understood; the run ends long before, by its patience."""
CLIMB = 1.05
"""After each call that was taken: it takes fourteen calls to come back from one halving."""
SLOWEST_PER_S = 0.1
MEASURED_OVER_S = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """How many letters the next call carries.

    The first call of a run carries a few, alone: where the provider does not answer, or does not like the issue, this
    shows before a list of 1,300 has left in a call or two. After a doubt it is one, then twice as many as long as clear
    answers come: an outage of ten minutes leaves a handful of people in doubt, not the list. Three doubtful calls in a
    row are enough: a person must look.
    """

    largest: int
    size: int
    doubts_in_a_row: int = 0
    is_halved: bool = False
    """A call was refused as a whole for some letter in it, which is singled out."""
    bad_in_a_row: int = 0
    """Letters that were refused alone since."""
    is_opening: bool = False
    """Nothing was answered yet."""

    @classmethod
    def first(cls, largest: int, *, in_doubt: bool = False) -> Step:
        """The first step of a run; `in_doubt`: the run before it ended with a call unanswered."""
        return cls(largest=largest, size=1 if in_doubt else min(OPENING, largest), is_opening=not in_doubt)

    def after(self, *, doubtful: bool, answered: bool = True, refused_alone: bool = False) -> Step:
        """`answered`: somebody of the call was taken or refused."""
        if doubtful:
            return replace(self, size=1, doubts_in_a_row=self.doubts_in_a_row + 1, is_opening=False)
        if self.is_opening and not answered:
            return self
        size = self.largest if self.is_opening else min(self.size * 2, self.largest)
        return replace(
            self,
            size=size,
            is_opening=False,
            doubts_in_a_row=0,
            is_halved=self.is_halved and size < self.largest,
            bad_in_a_row=self.bad_in_a_row + 1 if self.is_halved and refused_alone else 0,
        )

    def halved(self, letters: int) -> Step:
        """After a call with so many letters that was refused as a whole for some letter in it."""
        size = max(min(self.size, letters // 2), 1)
        return replace(self, size=size, doubts_in_a_row=0, is_halved=True, is_opening=False)

    def softly(self) -> Step:
        return replace(self, size=1, is_opening=False)

    @property
    def is_soft(self) -> bool:
        return self.size < self.largest

    @property
    def is_refused_by_all(self) -> bool:
        return self.bad_in_a_row > BAD_ONES_BEFORE_END

    @property
    def must_pause(self) -> bool:
        return self.doubts_in_a_row >= DOUBTS_BEFORE_PAUSE


def wait_s(*, tried: int, retry_after_s: float | None) -> float:
    """Seconds until a busy provider is tried again: its own word, else twice as long after each try.

    One that says "at once" and is busy again is not asked without a pause: that would go on for ever.
    """
    if retry_after_s is not None and retry_after_s >= 0:  # also not a number
        return min(max(retry_after_s, 0.0 if tried == 1 else FIRST_WAIT_S), LONGEST_NAMED_WAIT_S)
    return float(min(FIRST_WAIT_S * 2.0 ** min(tried - 1, 10), LONGEST_WAIT_S))


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a busy provider is waited for, counted from the last mail that it took."""

    total_s: float
    waited_s: float = 0.0
    waits: int = 0

    def after_busy(self, seconds: float) -> Patience:
        return replace(self, waited_s=self.waited_s + seconds, waits=self.waits + 1)

    def after_progress(self) -> Patience:
        return Patience(self.total_s)

    def allows(self, seconds: float) -> bool:
        return self.waited_s + seconds <= self.total_s

    def is_tried_since(self, before: Patience) -> bool:
        """By now the waiting is so long that a person wants to know of it, and it was not at `before`."""
        return before.waited_s < LONG_S <= self.waited_s


@dataclass(frozen=True, slots=True)
class Limits:
    """What is allowed at most, by the provider's documents or the site's settings; None: nothing is known."""

    mails_per_s: float | None = None
    calls_per_s: float | None = None

    def seconds_for(self, mails: int) -> float:
        """How long after a call with so many mails the next one may begin."""
        by_mails = mails / self.mails_per_s if self.mails_per_s else 0.0
        return max(by_mails, 1 / self.calls_per_s if self.calls_per_s else 0.0)


@dataclass(frozen=True, slots=True)
class Pace:
    """When the next call may begin. Halved when the provider says "too fast", then it climbs back slowly.

    Calls take their turns before they are made, so that several connections keep one pace together. Slowing down is
    done in calls, because it is calls that providers count, and because calls are small after a doubt. Times are
    monotonic seconds.
    """

    limits: Limits = Limits()
    slowed_to_per_s: float | None = None
    """Calls a second, since the provider was busy; None: as fast as `limits` allow."""
    was_too_fast_per_s: float = 0.0
    not_before_s: float = 0.0
    measured_from_s: float | None = None
    measured_calls: int = 0

    def _seconds_for(self, mails: int) -> float:
        return max(self.limits.seconds_for(mails), 1 / self.slowed_to_per_s if self.slowed_to_per_s else 0.0)

    def wait_s(self, now_s: float) -> float:
        return max(self.not_before_s - now_s, 0.0)

    def is_free(self, now_s: float) -> bool:
        """Calls of any size may be made at any time, so that no turns need be taken."""
        is_limited = self.limits.mails_per_s or self.limits.calls_per_s or self.slowed_to_per_s
        return not is_limited and not self.wait_s(now_s)

    def reserve(self, mails: int, *, now_s: float) -> tuple[Pace, float]:
        """Take the next turn, for a call with so many mails: the pace after it, and the seconds until it may begin."""
        begins_s = max(self.not_before_s, now_s)
        return replace(self, not_before_s=begins_s + self._seconds_for(mails)), begins_s - now_s

    def give_back(self, reserved: int, *, unused: int) -> Pace:
        """Less was mailed than the turn was taken for."""
        too_long_s = self._seconds_for(reserved) - self._seconds_for(reserved - unused)
        return replace(self, not_before_s=self.not_before_s - too_long_s) if unused > 0 else self

    def after_progress(self, *, now_s: float) -> Pace:
        pace = self._measured(now_s)
        if self.slowed_to_per_s is None:
            return pace
        faster = self.slowed_to_per_s * CLIMB
        return replace(pace, slowed_to_per_s=faster if faster < 2 * self.was_too_fast_per_s else None)

    def after_busy(self, *, now_s: float) -> Pace:
        """Half as fast as it was."""
        measured = self._calls_per_s(now_s)
        known = [rate for rate in (measured, self.slowed_to_per_s) if rate is not None]
        if not known:
            return self
        too_fast = max(min(known), 2 * SLOWEST_PER_S)
        return replace(self, slowed_to_per_s=too_fast / 2, was_too_fast_per_s=too_fast)

    def _measured(self, now_s: float) -> Pace:
        if self.measured_from_s is None or now_s - self.measured_from_s > MEASURED_OVER_S:
            return replace(self, measured_from_s=now_s, measured_calls=1)
        return replace(self, measured_calls=self.measured_calls + 1)

    def _calls_per_s(self, now_s: float) -> float | None:
        if self.measured_from_s is None or now_s <= self.measured_from_s:
            return None
        return self.measured_calls / (now_s - self.measured_from_s)
