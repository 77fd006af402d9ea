"""A real SMTP server, which may offer PIPELINING, STARTTLS or TLS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from newsletter.providers.base import Provider
from tests.conformance.stand import ACCEPTED, BUSY, DENIED, PASSWORD, REFUSED, UNSURE, Arrived, Stand, fault
from tests.loopback.nobody import taken_but_deaf
from tests.loopback.smtp import Move, SmtpServer


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
            Arrived.of_mime(
                f"d.{taken.recipients[0].removeprefix('reader').partition('@')[0]}", taken.recipients, taken.content
            )
            for taken in self.server.taken
        ]

    def spoil(self, fault_name: str) -> None:
        if fault_name == "no-server":
            self.server.__exit__()
            self.closing.pop_all().callback(self.provider.close)
            self.closing.enter_context(taken_but_deaf(self.server.port))
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
