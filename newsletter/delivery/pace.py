"""How fast and how much at once: pure, so that a test needs no clock."""

from __future__ import annotations

from dataclasses import dataclass, replace

DOUBTS_BEFORE_PAUSE = 3
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
LONGEST_NAMED_WAIT_S = 86_400.0
"""A provider that asks for more than a day is not understood; the run ends long before, by its patience."""


@dataclass(frozen=True, slots=True)
class Step:
    """How many letters the next call carries.

    After a doubt one, then twice as many as long as clear answers come: an outage of ten minutes leaves a handful of
    people in doubt, not the list. Three doubtful calls in a row are enough: a person must look.
    """

    largest: int
    size: int
    doubts_in_a_row: int = 0

    @classmethod
    def first(cls, largest: int, *, in_doubt: bool = False) -> Step:
        """The first step of a run; `in_doubt`: the run before it ended with a call unanswered."""
        return cls(largest=largest, size=1 if in_doubt else largest)

    def after(self, *, doubtful: bool) -> Step:
        if doubtful:
            return replace(self, size=1, doubts_in_a_row=self.doubts_in_a_row + 1)
        return replace(self, size=min(self.size * 2, self.largest), doubts_in_a_row=0)

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


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `rate_per_s` mails a second; None: as fast as the provider answers."""

    rate_per_s: float | None = None
    not_before_s: float = 0.0
    """Monotonic seconds: the next call may begin then."""

    def after(self, mails: int, *, began_s: float) -> Pace:
        if self.rate_per_s is None:
            return self
        return replace(self, not_before_s=max(self.not_before_s, began_s) + mails / self.rate_per_s)

    def wait_s(self, now_s: float) -> float:
        return max(self.not_before_s - now_s, 0.0)
