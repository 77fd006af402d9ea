"""All that one run of sending needs, and how it can end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from newsletter.models import Counts, Reader
from newsletter.providers.base import Form, Letter, Provider
from newsletter.store.batches import BatchesStore
from newsletter.store.deliveries import DeliveriesStore


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
    form: Form
    """How many letters one call may hold."""
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
    tell: Callable[[str], None] = lambda _words: None
    """Says to a person what the run waits for."""
    patience_s: float = 1800.0
    rate_per_s: float | None = None
