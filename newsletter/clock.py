"""The only place that asks for the time.

Entry points (a command, a request, a tick of the scheduler) call `now()` once and pass the answer down; nothing
below them asks again, so a test can be at any moment it likes.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment in UTC.

    `NEWSLETTER_NOW` (ISO 8601 with an offset) replaces it, for rehearsals of a date and for tests of the command
    line; it stands still then.
    """
    pinned = os.environ.get("NEWSLETTER_NOW")
    return datetime.fromisoformat(pinned).astimezone(UTC) if pinned else datetime.now(UTC)


def monotonic_s() -> float:
    """Seconds that only ever grow: for rates and waits, never for dates."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Wait; the one place to replace where a test wants no waiting."""
    time.sleep(seconds)
