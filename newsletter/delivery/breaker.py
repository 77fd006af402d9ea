"""The circuit breaker: an issue that is refused too often stops before it harms the sender's name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Breaker:
    """Trips when more than `rate` of the answers are refusals, and at least `at_least` of them."""

    rate: float = 1.0
    at_least: int = 1
    refused: int = 0
    answered: int = 0

    @classmethod
    def set_to(cls, rate: float, at_least: int, *, refused: int, answered: int) -> Breaker:
        """At the beginning of a run, with what the issue's earlier runs saw.

        Where that alone would trip it, a person has seen it and goes on all the same: it counts from here.
        """
        so_far = cls(rate, at_least, refused, answered)
        return cls(rate, at_least) if so_far.has_tripped else so_far

    def after(self, *, refused: int, answered: int) -> Breaker:
        return Breaker(self.rate, self.at_least, self.refused + refused, self.answered + answered)

    @property
    def has_tripped(self) -> bool:
        return self.refused >= self.at_least and self.refused > self.rate * self.answered

    @property
    def reason(self) -> str:
        share = self.refused / max(self.answered, 1)
        allowed = f"sending.max_refused is {self.rate:.0%}"
        return f"{self.refused:,} of {self.answered:,} were refused ({share:.0%}; {allowed})"
