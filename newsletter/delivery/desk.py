"""All that one run of sending needs, and how it can end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from newsletter.delivery.breaker import Breaker
from newsletter.delivery.pace import Limits
from newsletter.delivery.quotas import Rules
from newsletter.models import Counts, Reader
from newsletter.providers.base import Answer, Form, Letter, Provider
from newsletter.store.batches import BatchesStore
from newsletter.store.days import DaysStore
from newsletter.store.deliveries import DeliveriesStore

Compose = Callable[[Sequence[Reader]], list[Letter]]


class Ending(StrEnum):
    FINISHED = "finished"
    STOPPED = "stopped"
    """Asked to stop (a signal); resumable."""
    HELD = "held"
    """Paused or cancelled by a person meanwhile."""
    LATER = "later"
    """The day's ceiling is reached, or mail may not leave at this hour; it goes on by itself."""
    DENIED = "denied"
    DOUBTFUL = "doubtful"
    """Three unsure calls in a row."""
    TRIPPED = "tripped"
    """Too many recipients were refused."""
    BUSY = "busy"
    """The provider stayed busy longer than `patience`."""
    SHARED = "shared"
    """The rest is in the hands of another process that does not go on."""


class Ended(NamedTuple):
    ending: Ending
    reason: str = ""
    """The provider's own words, where it has any."""
    until: datetime | None = None
    """Of LATER: when it may go on."""


@dataclass(frozen=True)
class Desk:
    """All that one run of sending needs, handed in so that a test can replace each."""

    issue_id: str
    digest: str
    owner: str
    deliveries: DeliveriesStore
    batches: BatchesStore
    days: DaysStore
    is_alive: Callable[[str], bool]
    provider: Provider
    form: Form
    """How many letters one call may hold."""
    compose_at: Callable[[datetime], Compose]
    """The same moment makes the same letters, byte for byte."""
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
    tell: Callable[[str], None] = lambda _words: None
    """Says to a person what the run waits for."""
    called: str = ""
    """The name under which the provider is recorded; empty: its own."""
    account: str = ""
    """Names the account at the provider: it alone knows the keys of calls that were made with it."""
    others: Mapping[str, Provider] = field(default_factory=dict)
    """Further providers by the name under which they are recorded: they are asked about what they were handed."""
    patience_s: float = 1800.0
    limits: Limits = field(default_factory=Limits)
    connections: int = 1
    rules: Rules = field(default_factory=Rules)
    ceiling: Callable[[date], int | None] = lambda _day: None
    """How many mails may leave on a day."""
    breaker: Breaker = field(default_factory=Breaker)
    refreshed: Callable[[Desk], Desk | None] = lambda _desk: None
    """The same desk by settings that were changed meanwhile; None: they were not."""

    @property
    def name(self) -> str:
        return self.called or self.provider.name

    @property
    def has_keys(self) -> bool:
        return self.provider.abilities.key_valid_s > 0

    def provider_called(self, name: str) -> Provider | None:
        return self.provider if name == self.name else self.others.get(name)

    def look_up(self, name: str, subscriber_ids: Sequence[str]) -> dict[str, Answer]:
        """What the provider of this name knows of them, by subscriber."""
        provider = self.provider_called(name)
        if provider is None or not subscriber_ids or not provider.abilities.can_look_up:
            return {}
        by_delivery = {self.delivery_id(subscriber_id): subscriber_id for subscriber_id in subscriber_ids}
        found = provider.look_up(list(by_delivery), issue=self.issue_id)
        return {by_delivery[delivery_id]: answer for delivery_id, answer in found.items()}
