"""An open SMTP connection after the login: letter after letter, each a transaction of its own.

Letters are written to the socket as they are: `smtplib` would spend most of the time of a sending on making line ends
and dots right that are right already (reading its replies costs next to nothing, so that is left to it).
"""

from __future__ import annotations

import re
import smtplib
import socket
from collections.abc import Sequence

from email_validator import EmailNotValidError, validate_email

from newsletter.providers.base import Answer, Letter, Outcome
from newsletter.providers.reasons import tidy_reason
from newsletter.providers.smtp_replies import SmtpReply, on_final_dot, on_greeting, on_letter

BROKEN = (OSError, smtplib.SMTPException)
GO_ON = 354

_LONE_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_PLAIN_ADDRESS = re.compile(r"[^\s<>@\x00-\x1f\x7f]+@[^\s<>@\x00-\x1f\x7f]+")


class Conversation:
    def __init__(self, smtp: smtplib.SMTP, wire: Wire, *, sender: str) -> None:
        self._smtp = smtp
        self._wire = wire
        self._sender = envelope_address(sender)
        self._offers = smtp.esmtp_features
        self._needs_reset = False
        self.letters = 0
        self.is_over = False
        """The connection is gone, or nothing more can go through it."""
        if smtp.sock is not None:
            # The final dot is a packet of its own, which must not wait for the other side (Nagle).
            smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def is_alive(self) -> bool:
        """Whether the server still listens: it may have closed an idle connection without our noticing."""
        try:
            return self._ask(b"RSET\r\n").is_done
        except BROKEN:
            return False

    def hand_over(self, letter: Letter) -> Answer:
        """What became of `letter`; look at `is_over` before the next."""
        self.letters += 1
        content, is_ascii = self._wire.form(letter.parts)
        envelope = self._envelope(letter.email, content, is_8bit=not is_ascii)
        if isinstance(envelope, Answer):
            if envelope.outcome is Outcome.DENIED:
                self.end()
            return envelope
        has_left = False
        try:
            refused = self._begin(envelope)
            if refused is not None:
                return refused
            self._smtp.send(content)
            # As long as the final dot is ours, the server has no letter to deliver (RFC 5321, 4.1.1.4).
            has_left = True
            return self._judge_final(self._ask(b".\r\n"))
        except BROKEN as error:
            return self._lost(error, has_left=has_left)

    def end(self) -> None:
        """Say QUIT, but do not wait: a server that hangs would hold us for the whole timeout."""
        self.is_over = True
        try:
            self._smtp.send(b"QUIT\r\n")
        except BROKEN:
            pass
        finally:
            self._smtp.close()

    def _begin(self, envelope: tuple[bytes, bytes]) -> Answer | None:
        """MAIL, RCPT and DATA; None when the server now waits for the letter."""
        if self._needs_reset:
            self._ask(b"RSET\r\n")
            self._needs_reset = False
        replies = self._exchange((*envelope, b"DATA\r\n"))
        bad = next((number for number, reply in enumerate(replies[:2]) if not reply.is_done), None)
        if bad is None and replies[-1].code == GO_ON:
            return None
        if bad == 1 and replies[-1].code == GO_ON:
            # DATA was on its way before RCPT was refused: a lone dot ends it, with nobody to deliver to (RFC 2920).
            # After a refused MAIL the connection is dropped instead: whoever says 354 then may deliver anything.
            self._ask(b".\r\n")
        self._needs_reset = True
        return self._judge_start(replies[-1] if bad is None else replies[bad], is_sender=bad == 0)

    def _judge_start(self, refusal: SmtpReply, *, is_sender: bool) -> Answer:
        answer = on_greeting(refusal) if is_sender else on_letter(refusal)
        if is_sender or refusal.is_closing or answer.outcome is Outcome.DENIED:
            self._break_off()
        return answer

    def _judge_final(self, reply: SmtpReply) -> Answer:
        answer = on_final_dot(reply)
        if reply.is_closing or answer.outcome in (Outcome.DENIED, Outcome.UNSURE):
            self._break_off()
        return answer

    def _exchange(self, commands: Sequence[bytes]) -> list[SmtpReply]:
        """The replies to commands of which each needs the one before: to all (PIPELINING), or up to a refusal."""
        if "pipelining" not in self._offers:
            return self._one_by_one(commands)
        self._smtp.send(b"".join(commands))
        replies = [self._reply()]
        try:
            replies += [self._reply() for _ in commands[1:]]
        except BROKEN:
            if replies[0].is_done:
                raise
        return replies

    def _one_by_one(self, commands: Sequence[bytes]) -> list[SmtpReply]:
        replies: list[SmtpReply] = []
        for command in commands:
            replies.append(self._ask(command))
            if not replies[-1].is_done:
                break
        return replies

    def _ask(self, line: bytes) -> SmtpReply:
        self._smtp.send(line)
        return self._reply()

    def _reply(self) -> SmtpReply:
        return SmtpReply(*self._smtp.getreply())

    def _envelope(self, recipient: str, content: bytes, *, is_8bit: bool) -> tuple[bytes, bytes] | Answer:
        """The commands MAIL and RCPT, or why the server cannot be given this letter."""
        sender, to = self._sender, envelope_address(recipient)
        if not sender or not to:
            return Answer(Outcome.DENIED if not sender else Outcome.REFUSED, reason="no address that SMTP can carry")
        is_international = not (sender + to).isascii()
        refused = self._cannot_take(content, sender=sender, is_international=is_international, is_8bit=is_8bit)
        if refused is not None:
            return refused
        options = b" SMTPUTF8" if is_international else b""
        options += b" BODY=8BITMIME" if is_8bit else b""
        options += b" SIZE=%d" % len(content) if "size" in self._offers else b""
        return b"MAIL FROM:<%b>%b\r\n" % (sender.encode(), options), b"RCPT TO:<%b>\r\n" % to.encode()

    def _cannot_take(self, content: bytes, *, sender: str, is_international: bool, is_8bit: bool) -> Answer | None:
        if is_international and "smtputf8" not in self._offers:
            outcome = Outcome.REFUSED if sender.isascii() else Outcome.DENIED
            return Answer(outcome, reason="the mail server takes no internationalised addresses (no SMTPUTF8)")
        if is_8bit and "8bitmime" not in self._offers:
            return Answer(Outcome.DENIED, reason="the letter has 8-bit characters, and the mail server takes none")
        limit = self._offers.get("size", "").strip()
        if limit.isdecimal() and 0 < int(limit) < len(content):
            return Answer(Outcome.DENIED, reason=f"the letter has {len(content)} bytes, the mail server takes {limit}")
        return None

    def _lost(self, error: Exception, *, has_left: bool) -> Answer:
        self._break_off()
        outcome, when = (Outcome.UNSURE, "after the whole") if has_left else (Outcome.BUSY, "before the end of the")
        return Answer(outcome, reason=tidy_reason(f"the connection was lost {when} letter ({error})"))

    def _break_off(self) -> None:
        self.is_over = True
        self._smtp.close()


class Wire:
    """Letters as they go after DATA: CRLF line ends only, leading dots doubled, a line end last.

    Lone CR or LF would let a letter end itself early on some servers ("SMTP smuggling"). What the letter before had at
    the same place, the same object, was looked at then: looking through 70 kB for each reader would cost as much as
    sending them. One for all connections, from several threads too.
    """

    def __init__(self) -> None:
        self._plain: Sequence[bytes] = ()
        """The pieces of the last letter of which each may stand on the wire as it is: ASCII, in lines without dots."""

    def form(self, parts: Sequence[bytes]) -> tuple[bytes, bool]:
        """The letter, and whether it is ASCII."""
        content = b"".join(parts)
        if self._are_plain(parts):
            return _ended(content), True
        content = _LONE_LINE_END.sub(b"\r\n", content).replace(b"\r\n.", b"\r\n..")
        return _ended(b"." + content if content.startswith(b".") else content), content.isascii()

    def _are_plain(self, parts: Sequence[bytes]) -> bool:
        before = self._plain
        if len(before) != len(parts):
            before = (b"",) * len(parts)
        new = b"\r\n".join([b"", *[part for part, known in zip(parts, before, strict=True) if part is not known]])
        is_in_lines = new.count(b"\r\n") == new.count(b"\n") == new.count(b"\r") and b"\r\n." not in new
        if not is_in_lines or not new.isascii():
            return False
        self._plain = tuple(parts)
        return True


def _ended(content: bytes) -> bytes:
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def envelope_address(address: str) -> str:
    """`address` for MAIL or RCPT: ASCII where the domain alone is international; empty where it cannot be sent."""
    if not _PLAIN_ADDRESS.fullmatch(address):
        return ""
    if address.isascii():
        return address
    try:
        known = validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return ""
    return known.ascii_email or known.normalized
