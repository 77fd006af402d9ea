"""Any SMTP server that takes mail for others: a relay of one's own, or a provider's submission port.

One connection carries many letters and each letter has one recipient, so nobody sees another's address. What replies
mean is in `smtp_replies`, how a letter is handed over in `smtp_conversation`; here is who is talked to, and for how
long.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pydantic import SecretStr

from newsletter.errors import BadInput, Place
from newsletter.providers.base import Abilities, Answer, Letter, Outcome, Provider
from newsletter.providers.lots import for_rest
from newsletter.providers.reasons import tidy_reason
from newsletter.providers.smtp_conversation import BROKEN, Conversation, Wire, envelope_address
from newsletter.providers.smtp_replies import SmtpReply, on_greeting
from newsletter.settings import ProviderSettings, Settings

if TYPE_CHECKING:
    from newsletter.providers.dkim import Signer

GROUP_SIZE = 16
"""At most so many people are in doubt after a crash in mid-group."""
LETTERS_PER_CONNECTION = 100
"""Servers end a connection with 421 after some number of letters; Mailtrap, for one, after 100."""
PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Server(NamedTuple):
    host: str
    port: int
    security: str
    username: str
    password: str
    our_name: str
    """What we say in EHLO."""
    timeout_s: float


class Smtp(Provider):
    name = "smtp"
    calls_for_each = True

    def __init__(
        self, server: Server, *, sender: str, group_size: int = GROUP_SIZE, signer: Signer | None = None
    ) -> None:
        self._server = server
        self._sender = sender
        self._signer = signer
        self._wire = Wire()
        self._idle: list[Conversation] = []
        self.abilities = Abilities(group_size, connections=1)

    @classmethod
    def open(cls, settings: Settings) -> Smtp:
        if places := list(_missing(settings.provider)):
            raise BadInput(
                "the SMTP server cannot be used:",
                places=places,
                fix="mend it under [provider], or in .env",
            )
        group_size = min(settings.provider.batch_size or GROUP_SIZE, GROUP_SIZE)
        return cls(_server(settings), sender=settings.sender.email, group_size=group_size, signer=_signer(settings))

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        conversation = self._conversation(len(letters)) if letters else None
        if conversation is None:
            return []
        if isinstance(conversation, Answer):
            return [conversation] * len(letters)
        answers: list[Answer] = []
        for letter in letters:
            answers.append(conversation.hand_over(self._signed(letter)))
            if conversation.is_over:
                return answers + for_rest(answers[-1], len(letters) - len(answers))
        self._idle.append(conversation)
        return answers

    def _signed(self, letter: Letter) -> Letter:
        if self._signer is None:
            return letter
        return letter._replace(parts=(self._signer.header(b"".join(letter.parts)), *letter.parts))

    def close(self) -> None:
        while self._idle:
            self._idle.pop().end()

    def _idle_one(self) -> Conversation | None:
        try:
            return self._idle.pop()
        except IndexError:  # also where another thread took the last one this moment
            return None

    def _conversation(self, count: int) -> Conversation | Answer:
        """A connection known to be alive, asked for before anything can be lost with it; or why there is none."""
        while conversation := self._idle_one():
            if conversation.letters + count <= LETTERS_PER_CONNECTION and conversation.is_alive():
                return conversation
            conversation.end()
        smtp = _connect(self._server)
        if isinstance(smtp, Answer):
            return smtp
        return _log_in(smtp, self._server) or Conversation(smtp, self._wire, sender=self._sender)


# --- settings ---------------------------------------------------------------------------------------------------


def _missing(provider: ProviderSettings) -> Iterator[Place]:
    if not provider.host:
        yield Place("provider.host", "missing: the name of the mail server, as smtp.example.org")
    if provider.username and not provider.password:
        yield Place("NEWSLETTER_PROVIDER__PASSWORD", "is missing; there is a user name")
    if provider.password and not provider.username:
        yield Place("NEWSLETTER_PROVIDER__USERNAME", "is missing; there is a password")


def _server(settings: Settings) -> Server:
    chosen = settings.provider
    return Server(
        host=chosen.host,
        port=chosen.port or PORTS[chosen.security],
        security=chosen.security,
        username=_plain(chosen.username),
        password=_plain(chosen.password),
        our_name=chosen.domain or envelope_address(f"postmaster@{settings.sender.email.rpartition('@')[2]}")[11:],
        timeout_s=chosen.timeout.total_seconds(),
    )


def _signer(settings: Settings) -> Signer | None:
    from newsletter.providers.dkim import open_signer  # cryptography takes 50 ms to import

    return open_signer(settings)


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


# --- connecting -------------------------------------------------------------------------------------------------


def _connect(server: Server) -> smtplib.SMTP | Answer:
    """A connection whose server has said 220, or why there is none."""
    try:
        if server.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(
                server.host, server.port, server.our_name, timeout=server.timeout_s, context=context
            )
        return smtplib.SMTP(server.host, server.port, server.our_name, timeout=server.timeout_s)
    except smtplib.SMTPConnectError as error:
        return on_greeting(_reply_of(error))
    except (*BROKEN, ValueError) as error:
        return Answer(Outcome.BUSY, reason=tidy_reason(f"no connection to {server.host}:{server.port} ({error})"))


def _log_in(smtp: smtplib.SMTP, server: Server) -> Answer | None:
    """EHLO, STARTTLS and AUTH as the settings say; None when letters may follow."""
    try:
        smtp.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo_or_helo_if_needed()
        if server.username:
            smtp.login(server.username, server.password)
    except (*BROKEN, UnicodeError) as error:
        smtp.close()
        answer = _why_no_login(error)
        words = tidy_reason(f"{server.host}: {answer.reason}", hide=(server.password, server.username))
        return Answer(answer.outcome, reason=words)
    return None


def _why_no_login(error: Exception) -> Answer:
    if isinstance(error, smtplib.SMTPResponseException):
        return on_greeting(_reply_of(error))
    if isinstance(error, UnicodeError):
        return Answer(Outcome.DENIED, reason="the user name or password has characters that no SMTP login can carry")
    if isinstance(error, smtplib.SMTPException) and not isinstance(error, smtplib.SMTPServerDisconnected):
        # STARTTLS or AUTH is not offered, or no kind of AUTH that we speak: waiting will not change it.
        return Answer(Outcome.DENIED, reason=f"{error} Look at provider.security and provider.port.")
    return Answer(Outcome.BUSY, reason=f"the connection was lost before the login was done ({error})")


def _reply_of(error: smtplib.SMTPResponseException) -> SmtpReply:
    text = error.smtp_error
    return SmtpReply(error.smtp_code, text if isinstance(text, bytes) else str(text).encode())
