"""What a provider is: takes a batch of ready letters, says for each what became of it.

A provider is written against this file alone and knows nothing of issues, the store or other providers. Its answers
are sorted by what the caller does next, never by the provider's own codes (`Outcome`).

What it is asked, in this order: `form`, once an issue (how are its letters written, how many to a call?); `send`, once
a batch; `look_up`, about letters in doubt.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, Protocol

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


class Answer(NamedTuple):
    """What became of one letter. A tuple, because there is one for each of millions."""

    outcome: Outcome
    provider_id: str | None = None
    """The provider's own id of the accepted mail."""
    reason: str | None = None
    """The provider's own words, without addresses of others and without keys."""
    retry_after_s: float | None = None
    pause_s: float | None = None
    """However this ended, the provider wants no other call for so long (its rate headers said so)."""
    in_halves: bool = False
    """Of BUSY: the call was refused as a whole for some letter in it. Half as many may be taken, at once."""


class Letter(NamedTuple):
    """One recipient's copy, ready for the wire."""

    delivery_id: str
    """Stable over restarts; letters, digits, `-` and `.` only."""
    email: str
    """The bare address, for the envelope; its domain as it travels (`xn--…`)."""
    parts: Sequence[bytes]
    """What is this recipient's alone, in pieces that are only to be written one after another: a whole MIME message
    with CRLF line ends, or one JSON object, as the provider's `Form` said."""
    shared: bytes | None = None
    """The `shared` of that form."""


class Form(NamedTuple):
    """How the letters of one email are written for a provider; made once an issue."""

    letter: Mapping[str, Any] | None
    """One recipient's JSON object, with merge markers where recipients differ; None: a whole MIME message."""
    batch_size: int
    """The most letters of one `send`."""
    batch_bytes: int | None = None
    """The most bytes of one call's body."""
    shared: bytes | None = None
    """What all letters of a call have in common, encoded once, where the provider itself puts each recipient's values
    into it; None: each letter is a whole message."""
    one_by_one: bool = False
    """`send` calls for each letter by itself: sixteen letters take as long as sixteen calls."""


class Abilities(NamedTuple):
    """What holds for this provider whatever is sent, and may depend on the settings."""

    batch_size: int
    """The most letters of one `send`, where each is a whole message. A provider that is called for each recipient by
    itself says how many are in doubt after a crash: at most 16."""
    batch_bytes: int | None = None
    """The most bytes of one call's body."""
    can_look_up: bool = False
    """`look_up` is more than nothing. What it says is certain; where it cannot tell, it leaves the delivery out."""
    look_up_lag_s: float = 0.0
    """So long after a call its index may not show it yet: what it does not show is asked for again after that."""
    key_valid_s: float = 0.0
    """So long a `send` may be repeated with its `key` and is still taken once; 0: never."""
    mails_per_s: float | None = None
    """The documented limit for letters; None: there is none, or nobody knows it."""
    calls_per_s: float | None = None
    """The documented limit for calls."""
    connections: int = 4
    """How many calls at a time help, where the settings do not say; 1 where a call does not wait for a network."""


class Markers(Protocol):
    """The merge fields of an email: to (a ready `Name <address>`), address (the bare one, as it travels), name,
    unsubscribe_url, web_url, delivery_id, and email (the address as it is shown to people)."""

    def __call__(self, name: str) -> str:
        """The marker of a field, to be put where its plain value shall stand."""

    def as_variables(self, text: str, write: Callable[[str], str]) -> str:
        """The text with each of its markers replaced by `write(variable)`: how this provider names a value that it
        merges itself. What is the same for all readers is filled in."""

    def values(self, *texts: str) -> dict[str, str]:
        """Variable → marker of its value, for all that stand in the texts; a value is ready for its place (HTML-escaped
        where it stands in HTML), so it must be merged raw."""


class Provider(ABC):
    name: ClassVar[str]
    calls_for_each: ClassVar[bool] = False
    """A whole MIME message is a call by itself (`Form.one_by_one`)."""
    abilities: Abilities

    @classmethod
    @abstractmethod
    def open(cls, settings: Settings) -> Provider:
        """The provider as the settings name it. Raises `BadInput` naming every setting or secret that is missing.

        Does not connect: a wrong key shows at the first `send` as DENIED.
        """

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        """How letters of this email are written: by default as MIME.

        A provider with a merge of its own uses it (`Form.shared`) only where `may_merge` and where the email holds none
        of its syntax, which would be interpreted; else the letters are whole messages. Raises `Unsupported` for what
        this provider cannot do with this email: better said at the approval than dropped at night.
        """
        return Form(None, self.abilities.batch_size, self.abilities.batch_bytes, one_by_one=self.calls_for_each)

    @abstractmethod
    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        """Hand over letters of one form, at most its `batch_size`; one answer a letter, in order, always as many.

        Never raises for anything the outside world does: no connection, a cut one, a timeout, nonsense for an answer
        are outcomes too. A connection that could not be made is BUSY, one that broke after the body left is UNSURE.
        May be called from several threads at once.
        `issue` is the issue's id, or "test" or "system" for mail outside any issue. `key` names this call, for
        providers that take a call once however often it is repeated with its key (`Abilities.key_valid_s`).
        """

    def look_up(self, delivery_ids: Sequence[str], *, issue: str) -> dict[str, Answer]:
        """What became of these: ACCEPTED where it was taken, BUSY where it certainly was not; absent: cannot tell."""
        return {}

    def verify(self) -> Answer | None:
        """Ask the provider whether it knows us, without sending: ACCEPTED, DENIED with its reason, BUSY when it cannot
        be reached; None: it has no such question."""
        return None

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Let go of connections; the provider is not used again."""
