"""What a provider's answers mean for the deliveries of a batch: pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

from newsletter.models import DeliveryState, Reader
from newsletter.providers.base import Answer, Letter, Outcome
from newsletter.store.receipts import Result

STATES = {
    Outcome.ACCEPTED: DeliveryState.SENT,
    Outcome.REFUSED: DeliveryState.REFUSED,
    Outcome.UNSURE: DeliveryState.UNSURE,
}
"""What settles a delivery; all other outcomes leave it pending."""


class Tally(NamedTuple):
    """How many answers there are of each outcome."""

    accepted: int
    refused: int
    busy: int
    denied: int
    unsure: int

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> Self:
        outcomes = [answer.outcome for answer in answers]
        return cls(**{outcome.value: outcomes.count(outcome) for outcome in Outcome})

    @property
    def total(self) -> int:
        return sum(self)

    @property
    def all_busy(self) -> bool:
        return self.busy == self.total


class NotMailed(NamedTuple):
    """Subscribers who were certainly not mailed."""

    again: list[str]
    denied: list[str]
    """The first one for whom the provider denied everything. It comes last: where it is this letter that the provider
    does not like, and not the sender, the others do not wait behind it for ever."""


def is_unsure(answer: Answer) -> bool:
    return answer.outcome is Outcome.UNSURE


def reason_of(answers: Sequence[Answer], outcome: Outcome) -> str:
    """The first reason given for this outcome."""
    return next((answer.reason for answer in answers if answer.outcome is outcome and answer.reason), "")


def results_of(readers: Sequence[Reader], answers: Sequence[Answer]) -> list[Result]:
    """What is now known of those whose delivery is settled or in doubt."""
    pairs = zip(readers, answers, strict=False)
    return [
        Result(reader.subscriber_id, state, answer.provider_id, answer.reason)
        for reader, answer in pairs
        if (state := STATES.get(answer.outcome))
    ]


def unsure_ones(readers: Sequence[Reader], answers: Sequence[Answer]) -> list[str]:
    """Whose answer is unsure, by id."""
    pairs = zip(readers, answers, strict=False)  # what did not fit has no answer
    return [reader.subscriber_id for reader, answer in pairs if answer.outcome is Outcome.UNSURE]


def not_mailed(readers: Sequence[Reader], answers: Sequence[Answer]) -> NotMailed:
    """Who was certainly not mailed: told to come again, denied, or not part of the call because it was full."""
    pairs = [pair for pair in zip(readers, answers, strict=False) if pair[1].outcome not in STATES]
    first_denied = next((reader for reader, answer in pairs if answer.outcome is Outcome.DENIED), None)
    again = [reader for reader, _ in pairs if reader is not first_denied] + list(readers[len(answers) :])
    return NotMailed([one.subscriber_id for one in again], [first_denied.subscriber_id] if first_denied else [])


def fitting(letters: Sequence[Letter], batch_bytes: int | None) -> int:
    """How many of the letters fit into one call, at least one."""
    if batch_bytes is None:
        return len(letters)
    total = 0
    for count, letter in enumerate(letters):
        total += sum(map(len, letter.parts))
        if total > batch_bytes:
            return max(count, 1)
    return len(letters)
