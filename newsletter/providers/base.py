"""What a provider is: takes a batch of ready letters, says for each what became of it.

A provider is written against this file alone and knows nothing of issues, the store or other providers. Its answers
are sorted by what the caller does next, never by the provider's own codes (`Outcome`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Literal, NamedTuple

from newsletter.models import Email
from newsletter.settings import Settings


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    """This recipient, for good: never tried again."""
    BUSY = "busy"
    """Certainly not taken; again later, after `retry_after_s` where the provider said so."""
    DENIED = "denied"
    """Certainly not taken, and nothing else will be: key, quota, sender. The run stops."""
    UNSURE = "unsure"
    """It may have been sent. Never repeated blindly."""


@dataclass(frozen=True, slots=True)
class Answer:
    outcome: Outcome
    provider_id: str | None = None
    """The provider's own id of the accepted mail."""
    reason: str | None = None
    """The provider's own words, without addresses of others and without keys."""
    retry_after_s: float | None = None


class Letter(NamedTuple):
    """One recipient's copy, ready for the wire."""

    delivery_id: str
    """Stable over restarts; letters, digits, `-` and `.` only."""
    email: str
    """The bare address, for the envelope."""
    parts: Sequence[bytes]
    """The finished message in pieces that are only to be written one after another: a whole MIME message with CRLF
    line ends (`body_format` "mime"), or one JSON object made from the provider's `payload` ("json")."""


class Abilities(NamedTuple):
    body_format: Literal["mime", "json"]
    batch_size: int
    """The most letters of one `send`. For "mime" providers that speak to each recipient by itself this is the size of
    the group that is in doubt after a crash: at most 16."""
    batch_bytes: int | None = None
    """The most bytes of one call's body."""
    can_look_up: bool = False
    """`look_up` is more than nothing. What it says is certain; where it cannot tell, it leaves the delivery out."""


Field = Callable[[str], str]
"""`field("to")` is the merge marker of that field: to (a ready `Name <address>`), email, name, unsubscribe_url,
web_url, delivery_id."""


class Provider(ABC):
    name: ClassVar[str]
    abilities: Abilities
    """May depend on the settings (`batch_size`)."""

    @classmethod
    @abstractmethod
    def open(cls, settings: Settings) -> Provider:
        """The provider as the settings name it. Raises `BadInput` naming every setting or secret that is missing.

        Does not connect: a wrong key shows at the first `send` as DENIED.
        """

    def payload(self, email: Email, field: Field) -> Mapping[str, Any]:
        """One message as this provider's JSON object, with merge markers where recipients differ ("json" only)."""
        raise TypeError(f"{self.name} takes MIME")

    @abstractmethod
    def send(self, letters: Sequence[Letter], *, issue: str) -> list[Answer]:
        """Hand over at most `batch_size` letters; one answer a letter, in the same order, always as many.

        Never raises for anything the outside world does: no connection, a cut one, a timeout, nonsense for an answer
        are outcomes too. A connection that could not be made is BUSY, one that broke after the body left is UNSURE.
        May be called from several threads at once.
        `issue` is the issue's id, or "test" or "system" for mail outside any issue.
        """

    def look_up(self, delivery_ids: Sequence[str], *, issue: str) -> dict[str, Answer]:
        """What became of these: ACCEPTED where it was taken, BUSY where it certainly was not; absent: cannot tell."""
        return {}

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Let go of connections; the provider is not used again."""
