"""How a run of sending can be told to stop, and tells how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from newsletter.models import Counts


@dataclass(frozen=True)
class Watch:
    stop: threading.Event = field(default_factory=threading.Event)
    report: Callable[[Counts], None] = lambda _counts: None
    tell: Callable[[str], None] = lambda _words: None

    def wait(self, seconds: float) -> None:
        """That long, or until `stop`."""
        if seconds > 0:
            self.stop.wait(seconds)
