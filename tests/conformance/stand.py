"""What the conformance suite needs to know of a provider: a stand, where its outside world can be seen and spoiled.

A stand opens the provider through settings, as a site does; composes letters for it, as the pipeline does; knows what
truly arrived; and can bring about the faults that this provider's transport can show, with the outcomes they allow.
"""

from __future__ import annotations

import email
import email.policy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from newsletter.emails import merge
from newsletter.emails.fields import Fields, fields_of
from newsletter.emails.markers import Markers, marker, settled
from newsletter.models import Email, Reader
from newsletter.providers import open_provider
from newsletter.providers.base import Form, Letter, Outcome, Provider
from newsletter.settings import Settings

ISSUE = "weekly-2026-11-19"
NONCE = "q7"
LEAVE_START = "https://news.example.org/u/"
WEB_URL = f"https://news.example.org/issues/{ISSUE}"
PASSWORD = "canary-of-a-password"
PATIENT_S = 30.0
"""The provider's timeout where no fault waits for it: never the reason for a failure, however busy the machine."""
HASTY_S = 0.2

ACCEPTED, REFUSED, BUSY, DENIED, UNSURE = Outcome


class Arrived(NamedTuple):
    """A message as its reader gets it: whatever the provider merges, merged."""

    delivery_id: str
    addresses: tuple[str, ...]
    """Everybody who can be seen in it."""
    subject: str
    html: str
    text: str
    headers: Mapping[str, str]
    mime: bytes | None = None
    """The whole message, where the provider was given one."""

    @classmethod
    def of_mime(cls, delivery_id: str, addresses: Sequence[str], content: bytes) -> Self:
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        parts = {kind: _decoded(message, kind) for kind in ("html", "plain")}
        headers = {name: str(value) for name, value in message.items()}
        return cls(delivery_id, tuple(addresses), headers["Subject"], parts["html"], parts["plain"], headers, content)


def _decoded(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")


class Fault(NamedTuple):
    """What goes wrong, and which outcomes it allows for the first letter of a call and for those behind it."""

    name: str
    first: frozenset[Outcome]
    rest: frozenset[Outcome]
    is_slow: bool = False
    """It shows only when the provider's timeout is over."""


def fault(name: str, first: Outcome | set[Outcome], rest: Outcome | set[Outcome], *, is_slow: bool = False) -> Fault:
    def as_set(outcomes: Outcome | set[Outcome]) -> frozenset[Outcome]:
        return frozenset({outcomes} if isinstance(outcomes, Outcome) else outcomes)

    return Fault(name, as_set(first), as_set(rest), is_slow)


def settings_for(folder: Path, **provider: Any) -> Settings:
    return Settings.model_validate(
        {
            "folder": folder,
            "site": {"name": "Example Network", "url": "https://news.example.org"},
            "sender": {"email": "news@example.org"},
            "provider": provider,
        }
    )


def an_email(*, subject: str = "Three new guides", text: str = "Hello there.") -> Email:
    """An issue with merge fields open, of `text` in both parts."""

    def field(name: str, *, html: bool = False) -> str:
        return marker(name, NONCE, html=html)

    headers = (
        ("From", '"Example Network" <news@example.org>'),
        ("Reply-To", "editor@example.org"),
        ("To", field("to")),
        ("Message-ID", f"<{field('delivery_id')}@example.org>"),
        ("List-Id", "<weekly.example.org>"),
        ("List-Unsubscribe", f"<{field('unsubscribe_url')}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("X-Delivery-ID", field("delivery_id")),
    )
    return Email(
        issue=ISSUE,
        subject=subject,
        preheader="",
        html=f'<p>{text}</p><p><a href="{field("unsubscribe_url", html=True)}">Leave</a></p>',
        text=f"{text}\n\nLeave: {field('unsubscribe_url')}\n",
        web_html="",
        headers=headers,
        nonce=NONCE,
    )


def form_of(provider: Provider, email: Email, *, may_merge: bool = True) -> Form:
    return provider.form(as_sent(email), Markers(email.nonce), may_merge=may_merge)


def as_sent(email: Email) -> Email:
    """With what all readers share written out, as the pipeline does."""
    return settled(email, {"unsubscribe_url": LEAVE_START + marker("leave_token", email.nonce)})


def compose(provider: Provider, email: Email, addresses: Iterable[str]) -> list[Letter]:
    """Letters as the pipeline makes them: delivery `d.0` for the first address, and so on."""
    return compose_for(provider, email, [("", address) for address in addresses])


def compose_for(
    provider: Provider, email: Email, readers: Iterable[tuple[str, str]], *, may_merge: bool = True
) -> list[Letter]:
    """The same for people of name and address."""
    form = form_of(provider, email, may_merge=may_merge)
    if form.letter is None:
        segments = merge.compile_mime(as_sent(email), sent_at=datetime(2026, 11, 19, 9, tzinfo=UTC))
    else:
        segments = merge.compile_json(form.letter, email.nonce)
    values = [values_of(f"d.{number}", address, name) for number, (name, address) in enumerate(readers)]
    return [Letter(one.delivery_id, one.address, segments.letter(one), form.shared) for one in values]


def values_of(delivery_id: str, address: str, name: str = "") -> Fields:
    """What differs in this reader's copy."""
    return fields_of(
        Reader(delivery_id, address, name, {}),
        delivery_id=delivery_id,
        unsubscribe_url=LEAVE_START + delivery_id,
        web_url=WEB_URL,
        leave_token=delivery_id,
    )


def addresses(count: int) -> list[str]:
    return [f"reader{number}@example.net" for number in range(count)]


class Stand(ABC):
    faults: ClassVar[tuple[Fault, ...]]
    refuses_recipients: ClassVar[bool] = True
    """The provider has a way to say that it will not take this one recipient (`refuse`)."""
    takes_every_subject: ClassVar[bool] = True
    """False: `form` refuses a subject that holds the provider's own syntax."""
    provider: Provider

    def __init__(self, folder: Path, *, timeout_s: float = PATIENT_S) -> None:
        self.folder = folder
        self.timeout_s = timeout_s
        self.closing = ExitStack()

    def __enter__(self) -> Self:
        self.provider = self.open()
        self.closing.callback(self.provider.close)
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.close()

    def open_with(self, **provider: Any) -> Provider:
        return open_provider(settings_for(self.folder, timeout=timedelta(seconds=self.timeout_s), **provider))

    @abstractmethod
    def open(self) -> Provider: ...

    @abstractmethod
    def arrived(self) -> list[Arrived]:
        """What was truly taken, in order."""

    @abstractmethod
    def spoil(self, fault_name: str) -> None:
        """Bring about this fault at the next call, for the first letter where it concerns one."""

    def letters(self, count: int, **email: str) -> list[Letter]:
        return compose(self.provider, an_email(**email), addresses(count))

    def letters_for(self, readers: Iterable[tuple[str, str]]) -> list[Letter]:
        """Of people with name and address."""
        return compose_for(self.provider, an_email(), readers)

    def secrets(self) -> tuple[str, ...]:
        """What must stand in no reason."""
        return ()

    def form(self) -> Form:
        """Of the letters that this stand makes."""
        return form_of(self.provider, an_email())

    def batch_size(self) -> int:
        return self.form().batch_size

    def refuse(self, address: str) -> None:
        """The provider will not take this recipient; only asked of those that refuse recipients."""
        raise AssertionError(f"{type(self).__name__} refuses recipients and does not say how: write its `refuse`")
