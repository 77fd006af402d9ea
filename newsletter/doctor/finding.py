"""What a check looks at, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from newsletter.settings import Settings

Level = Literal["ok", "warning", "error"]


class Finding(NamedTuple):
    check: str
    level: Level
    message: str
    fix: str = ""
    """The next step; empty where nothing is wrong."""


class NotAsked(Exception):
    """The DNS gave no answer: nothing is known."""


@dataclass(frozen=True)
class Examined:
    settings: Settings
    texts: Callable[[str], list[str]] | None
    """The TXT records of a name, none when there is no such name; raises `NotAsked`. None: the DNS is not asked."""

    @property
    def sender_domain(self) -> str:
        return self.settings.sender.email.rpartition("@")[2].encode("idna").decode("ascii").lower()

    @property
    def sends_for_real(self) -> bool:
        """Mail leaves for its readers; what is tried out needs no DNS."""
        return self.settings.provider.name not in ("outbox", "fake", "mailpit")
