"""Every provider where its outside world can be seen and spoiled: what the conformance suite needs to know of each.

A stand opens the provider through settings, as a site does; composes letters for it, as the pipeline does; knows what
truly arrived; and can bring about the faults that this provider's transport can show, with the outcomes they allow.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from newsletter.emails import merge
from newsletter.models import Email, Reader
from newsletter.pipeline.compose import OUR_OWN
from newsletter.providers import open_provider
from newsletter.providers.base import Form, Letter, Outcome, Provider
from newsletter.providers.fake import Fake
from newsletter.settings import Settings
from tests.loopback.postmark import TOKEN, Canned, Misdeed, PostmarkServer
from tests.loopback.smtp import Move, SmtpServer

ISSUE = "weekly-2026-11-19"
NONCE = "q7"
WEB_URL = f"https://news.example.org/issues/{ISSUE}"
PASSWORD = "canary-of-a-password"
PATIENT_S = 30.0
"""The provider's timeout where no fault waits for it: never the reason for a failure, however busy the machine."""
HASTY_S = 0.2

ACCEPTED, REFUSED, BUSY, DENIED, UNSURE = Outcome


class Arrived(NamedTuple):
    delivery_id: str
    addresses: tuple[str, ...]
    content: bytes


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
        return merge.marker(name, NONCE, html=html)

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
    markers = merge.Markers(email.nonce, constants={"web_url": WEB_URL}, same_in_html=OUR_OWN)
    return provider.form(email, markers, may_merge=may_merge)


def compose(provider: Provider, email: Email, addresses: Iterable[str], *, may_merge: bool = True) -> list[Letter]:
    """Letters as the pipeline makes them: delivery `d.0` for the first address, and so on."""
    form = form_of(provider, email, may_merge=may_merge)
    if form.letter is None:
        segments = merge.compile_mime(email, sent_at=datetime(2026, 11, 19, 9, tzinfo=UTC))
    else:
        segments = merge.compile_json(form.letter, email.nonce)
    return [_letter(segments, f"d.{number}", address, form.shared) for number, address in enumerate(addresses)]


def _letter(segments: merge.Segments, delivery_id: str, address: str, shared: bytes | None) -> Letter:
    values = merge.fields(
        Reader(delivery_id, address, "", {}),
        delivery_id=delivery_id,
        unsubscribe_url=f"https://news.example.org/u/{delivery_id}",
        web_url=WEB_URL,
    )
    return Letter(delivery_id, address, segments.letter(values), shared)


def addresses(count: int) -> list[str]:
    return [f"reader{number}@example.net" for number in range(count)]


class Stand(ABC):
    faults: ClassVar[tuple[Fault, ...]]
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

    def batch_size(self) -> int:
        return form_of(self.provider, an_email()).batch_size

    def refuse(self, address: str) -> None:
        """The provider will not take this recipient."""
        raise NotImplementedError


class OutboxStand(Stand):
    faults = (fault("no-folder", DENIED, DENIED), fault("already-there", ACCEPTED, ACCEPTED))

    def open(self) -> Provider:
        return self.open_with(name="outbox")

    def arrived(self) -> list[Arrived]:
        files = sorted((self.folder / "outbox" / ISSUE).glob("[!.]*"), key=lambda file: int(file.stem.split(".")[1]))
        return [Arrived(file.stem, (addresses(1000)[int(file.stem[2:])],), file.read_bytes()) for file in files]

    def spoil(self, fault_name: str) -> None:
        if fault_name == "no-folder":
            (self.folder / "outbox").write_text("a file where the folder should be")
            self.closing.callback((self.folder / "outbox").unlink)
        else:
            self.provider.send(self.letters(1), issue=ISSUE)


class SmtpStand(Stand):
    security: ClassVar[str] = "none"
    offers: ClassVar[tuple[str, ...]] = ()
    faults = (
        fault("refused-recipient", REFUSED, ACCEPTED),
        fault("busy", BUSY, ACCEPTED),
        fault("busy-letter", BUSY, ACCEPTED),
        fault("refused-letter", REFUSED, ACCEPTED),
        fault("closing", BUSY, BUSY),
        fault("closing-after-letter", BUSY, BUSY),
        fault("denied-sender", DENIED, DENIED),
        fault("denied-bulk", DENIED, DENIED),
        fault("denied-login", DENIED, DENIED),
        fault("no-service", DENIED, DENIED),
        fault("cut-at-start", BUSY, BUSY),
        fault("cut-before", BUSY, BUSY),
        fault("cut-in-letter", {BUSY, UNSURE}, BUSY),
        fault("cut-after-untaken", UNSURE, BUSY),
        fault("cut-after", UNSURE, BUSY),
        fault("nonsense-before", BUSY, BUSY),
        fault("nonsense-after", UNSURE, BUSY),
        fault("stall-before", BUSY, BUSY, is_slow=True),
        fault("stall-after", UNSURE, BUSY, is_slow=True),
        fault("no-server", BUSY, BUSY),
    )
    moves: ClassVar[Mapping[str, tuple[str, str | Move]]] = {
        "refused-recipient": ("RCPT", "550 5.1.1 no such user here"),
        "busy": ("RCPT", "450 4.2.1 mailbox busy"),
        "busy-letter": ("DOT", "451 4.3.0 try again later"),
        "refused-letter": ("DOT", "552 5.2.2 mailbox full"),
        "closing": ("MAIL", "421 4.3.2 closing"),
        "closing-after-letter": ("DOT", "421 4.4.2 closing"),
        "denied-sender": ("MAIL", "553 5.7.1 not your address"),
        "denied-bulk": ("DOT", "550 5.7.515 access denied, sending domain does not meet the required level"),
        "no-service": ("CONNECT", "554 no service for you"),
        "cut-at-start": ("MAIL", Move.CUT),
        "cut-before": ("DATA", Move.CUT),
        "cut-in-letter": ("DATA", Move.GO_ON_AND_CUT),
        "cut-after-untaken": ("DOT", Move.CUT),
        "cut-after": ("DOT", Move.TAKE_AND_CUT),
        "nonsense-before": ("RCPT", "what was that"),
        "nonsense-after": ("DOT", "what was that"),
        "stall-before": ("RCPT", Move.STALL),
        "stall-after": ("DOT", Move.TAKE_AND_STALL),
    }

    def open(self) -> Provider:
        login = ("editor", PASSWORD)
        self.server = SmtpServer(security=self.security, login=login, offers=self.offers)  # type: ignore[arg-type]
        self.closing.enter_context(self.server)
        return self.open_with(
            name="smtp",
            host="127.0.0.1",
            port=self.server.port,
            security=self.security,
            username="editor",
            password=PASSWORD,
        )

    def arrived(self) -> list[Arrived]:
        return [
            Arrived(
                f"d.{taken.recipients[0].removeprefix('reader').partition('@')[0]}", taken.recipients, taken.content
            )
            for taken in self.server.taken
        ]

    def spoil(self, fault_name: str) -> None:
        if fault_name == "no-server":
            self.server.__exit__()
            self.closing.pop_all().callback(self.provider.close)
        elif fault_name == "denied-login":
            self.server.login = ("editor", "another password")
        else:
            moment, move = self.moves[fault_name]
            self.server.at[moment].append(move)

    def refuse(self, address: str) -> None:
        self.server.refused[address] = "550 5.1.1 no such user here"


class SmtpPipeliningStand(SmtpStand):
    offers = ("PIPELINING",)


class SmtpStarttlsStand(SmtpStand):
    security = "starttls"


class SmtpTlsStand(SmtpStand):
    security = "tls"
    offers = ("PIPELINING",)


class PostmarkStand(Stand):
    faults = (
        fault("refused-recipient", REFUSED, ACCEPTED),
        fault("refused-call", REFUSED, ACCEPTED),
        fault("busy", BUSY, BUSY),
        fault("denied", DENIED, DENIED),
        fault("denied-sender", DENIED, DENIED),
        fault("too-large", DENIED, DENIED),
        fault("moved", DENIED, DENIED),
        fault("error-before", UNSURE, UNSURE),
        fault("error-after", UNSURE, UNSURE),
        fault("cut-early", {BUSY, UNSURE}, {BUSY, UNSURE}),
        fault("cut-before", UNSURE, UNSURE),
        fault("cut-after", UNSURE, UNSURE),
        fault("half-answer", UNSURE, UNSURE),
        fault("short", ACCEPTED, {ACCEPTED, UNSURE}),
        fault("html-before", UNSURE, UNSURE),
        fault("html-after", UNSURE, UNSURE),
        fault("other-json", UNSURE, UNSURE),
        fault("stall-before", UNSURE, UNSURE, is_slow=True),
        fault("stall-after", UNSURE, UNSURE, is_slow=True),
        fault("no-server", BUSY, BUSY),
    )

    def open(self) -> Provider:
        self.server = self.closing.enter_context(PostmarkServer())
        return self.open_with(name="postmark", base_url=self.server.url, api_key=TOKEN)

    def arrived(self) -> list[Arrived]:
        return [
            Arrived(message["Metadata"]["delivery_id"], (message["To"],), json.dumps(message).encode())
            for message in self.server.taken
        ]

    def stop_server(self) -> None:
        self.server.__exit__()
        self.closing.pop_all().callback(self.provider.close)

    def spoil(self, fault_name: str) -> None:
        special: dict[str, Callable[[], object]] = {
            "refused-recipient": lambda: self.refuse(addresses(1)[0]),
            "refused-call": lambda: self.server.invalid.add(addresses(1)[0]),
            "denied-sender": lambda: setattr(self.server, "senders", ["other@example.org"]),
            "no-server": self.stop_server,
        }
        canned = {
            "too-large": Canned(413),
            "moved": Canned(301, headers={"Location": "https://elsewhere.example.org/email/batch"}),
            "other-json": Canned(200, b'{"status": "ok"}', takes=True),
            "busy": Canned(429, headers={"Retry-After": "7"}),
        }
        if fault_name in special:
            special[fault_name]()
        else:
            self.server.misdeeds.append(canned.get(fault_name) or Misdeed(fault_name))

    def refuse(self, address: str) -> None:
        self.server.refused[address] = (406, "You tried to send to a recipient that has been marked as inactive.")


class FakeStand(Stand):
    faults = (
        fault("refuse=@1", REFUSED, ACCEPTED),
        fault("busy=@1", BUSY, ACCEPTED),
        fault("denied=@1", DENIED, ACCEPTED),
        fault("unsure-sent=@1", UNSURE, ACCEPTED),
        fault("unsure-unsent=@1", UNSURE, ACCEPTED),
        fault("call-busy=@1", BUSY, BUSY),
        fault("call-denied=@1", DENIED, DENIED),
        fault("call-unsure-sent=@1", UNSURE, UNSURE),
        fault("call-unsure-unsent=@1", UNSURE, UNSURE),
    )

    def open(self) -> Provider:
        return self.open_with(name="fake", misbehave="lookup=yes")

    def arrived(self) -> list[Arrived]:
        assert isinstance(self.provider, Fake)
        return [Arrived(one.delivery_id, (one.email,), b"".join(one.parts)) for one in self.provider.taken]

    def spoil(self, fault_name: str) -> None:
        self.provider = self.open_with(name="fake", misbehave=f"lookup=yes, {fault_name}")

    def refuse(self, address: str) -> None:
        number = addresses(1000).index(address) + 1
        self.spoil(f"refuse=@{number}")


STANDS: tuple[type[Stand], ...] = (
    OutboxStand,
    SmtpStand,
    SmtpPipeliningStand,
    SmtpStarttlsStand,
    SmtpTlsStand,
    PostmarkStand,
    FakeStand,
)
