"""Desks at which a test sends, and what lies on them: an approved issue, its readers, a clock that nobody waits for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from newsletter.delivery.send import Desk
from newsletter.models import SubscriberState
from newsletter.providers.base import Form, Letter, Provider
from newsletter.store.store import Store
from newsletter.store.subscribers import SubscriberRow
from tests.factories import utc


def an_approved_issue(store: Store, *, readers: int, issue: str = "weekly-2023-11-16") -> str:
    """An approved issue of `weekly` in the store, and so many active subscribers of it; its id."""
    now = utc(2023, 11, 16, 8)
    with store.subscribers.changing() as roster:
        roster.save([a_subscriber_row(number) for number in range(readers)])
    store.issues.begin_draft(issue, digest="weekly", due_at=utc(2023, 11, 16, 9), now=now)
    store.issues.approve(issue, manifest_sha256="0" * 64, post_ids=["a"], left_over=[], now=now)
    return issue


def a_subscriber_row(number: int, **values: Any) -> SubscriberRow:
    defaults: dict[str, Any] = {
        "id": f"s{number:06d}",
        "email": f"reader{number}@example.org",
        "email_key": f"reader{number}@example.org",
        "name": "",
        "state": SubscriberState.ACTIVE,
        "topics": (),
        "attributes": {},
        "consent": "",
        "created_at": utc(2023, 1, 1),
        "changed_at": utc(2023, 1, 1),
        "digests": ("weekly",),
    }
    return SubscriberRow(**(defaults | values))


def a_desk(store: Store, provider: Provider, issue: str, **values: Any) -> Desk:
    """A desk at which nobody waits: a wait moves the clock instead."""
    moments = MovingClock(utc(2023, 11, 16, 9))
    defaults: dict[str, Any] = {
        "issue_id": issue,
        "digest": "weekly",
        "owner": "owner-1",
        "deliveries": store.deliveries,
        "batches": store.batches,
        "days": store.days,
        "is_alive": lambda _owner: False,
        "provider": provider,
        "form": Form(None, provider.abilities.batch_size, provider.abilities.batch_bytes),
        "compose_at": lambda _moment: (
            lambda readers: [Letter(f"{issue}.{one.subscriber_id}", one.email, [b"x"]) for one in readers]
        ),
        "delivery_id": lambda subscriber_id: f"{issue}.{subscriber_id}",
        "note_attempts": lambda _attempts: None,
        "now": moments.now,
        "monotonic_s": moments.monotonic_s,
        "wait": moments.wait,
        "stop": lambda: False,
        "report": lambda _counts: None,
    }
    return Desk(**(defaults | values))


class MovingClock:
    """Stands still, but for those who wait."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self.waited_s = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic_s(self) -> float:
        return self._now.timestamp()

    def wait(self, seconds: float) -> None:
        self.waited_s += seconds
        self._now += timedelta(seconds=seconds)
