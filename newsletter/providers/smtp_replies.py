"""What an SMTP server's replies mean for the caller; pure.

RFC 5321 sorts by the first digit: 2 done, 4 later, 5 never. That is not enough for a mailing: a 5 may speak of the one
recipient, or of us (sender, key, relaying) and then hold for everybody. Enhanced codes (RFC 3463, RFC 7372) tell it
where the server gives them; Postfix, Exim and others tell it in words.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from newsletter.providers.base import Answer, Outcome
from newsletter.providers.reasons import tidy_reason


class SmtpReply(NamedTuple):
    code: int
    text: bytes

    @property
    def is_done(self) -> bool:
        return 200 <= self.code < 300

    @property
    def is_closing(self) -> bool:
        """The server ends the conversation (421); anything that is no SMTP reply ends it for us, too."""
        return self.code == 421 or not (self.is_done or 400 <= self.code < 600)

    @property
    def words(self) -> str:
        return tidy_reason(f"{self.code} {self.text.decode('utf-8', 'replace')}")


# 530 "authentication required", 534 and 538 ask for a better mechanism, 535 "credentials invalid" (RFC 4954).
_LOGIN_CODES = frozenset({530, 534, 535, 538})

# 5.1.7 and 5.1.8: our sender address; 5.3.4: the letter is too big for the server.
_ABOUT_US_CODES = frozenset({"5.1.7", "5.1.8", "5.3.4"})

# 5.7.x that speak of us: 3, 8, 9, 11-14 of the login (RFC 4954, 5248), 20-29 of DKIM, SPF, reverse DNS and volume
# (RFC 7372, Gmail's 5.7.26), 500 and up of Microsoft's rules for senders (5.7.515 since 2025-05-05).
_ABOUT_US_SECURITY = frozenset({3, 8, 9, 11, 12, 13, 14, *range(20, 30)})
_FIRST_OF_MICROSOFT = 500

# Postfix says what it has against the sender only after RCPT (smtpd_delay_reject), mostly as 5.7.1.
_ABOUT_US_WORDS = re.compile(
    rb"relay(ing)? (access )?(is )?(denied|not permitted|not allowed|prohibited)|unable to relay|not permitted to relay"
    rb"|sender address rejected|client host (rejected|blocked)|client host \[[^\]]*\] blocked|helo command rejected"
    rb"|authentication (is )?required|must authenticate|unauthenticated (e-?mail|mail|sender)",
    re.IGNORECASE,
)
_ENHANCED = re.compile(rb"(5\.\d{1,3}\.\d{1,3})(?:\s|$)")

_QUEUE_ID = re.compile(
    r"queued as ([\w.@-]+)|\bid=([\w.@-]+)|^(?:2\.\d\.\d )?ok:? (?:id |queued )?([\w.@-]{8,})$", re.IGNORECASE
)


def is_about_us(reply: SmtpReply) -> bool:
    """A refusal that every other letter would get as well."""
    if reply.code in _LOGIN_CODES or _ABOUT_US_WORDS.search(reply.text):
        return True
    found = _ENHANCED.match(reply.text)
    if not found:
        return False
    code = found[1].decode("ascii")
    number = int(code.removeprefix("5.7.")) if code.startswith("5.7.") else 0
    return code in _ABOUT_US_CODES or number in _ABOUT_US_SECURITY or number >= _FIRST_OF_MICROSOFT


def on_greeting(reply: SmtpReply) -> Answer:
    """A refusal before any letter: of the connection, EHLO, STARTTLS, the login or the sender."""
    outcome = Outcome.DENIED if 500 <= reply.code < 600 else Outcome.BUSY
    return Answer(outcome, reason=reply.words)


def on_letter(reply: SmtpReply) -> Answer:
    """A refusal of RCPT or of the letter itself."""
    if not 500 <= reply.code < 600:
        return Answer(Outcome.BUSY, reason=reply.words)
    return Answer(Outcome.DENIED if is_about_us(reply) else Outcome.REFUSED, reason=reply.words)


def on_final_dot(reply: SmtpReply) -> Answer:
    """The reply that decides: only 2yz makes the server responsible, and nonsense leaves it open (RFC 5321, 4.2.5)."""
    if reply.is_done:
        return Answer(Outcome.ACCEPTED, provider_id=queue_id(reply))
    if not 400 <= reply.code < 600:
        return Answer(Outcome.UNSURE, reason=f"no SMTP reply after the letter: {reply.words}")
    return on_letter(reply)


def queue_id(reply: SmtpReply) -> str:
    """The server's name for the letter, as Postfix, Exim, SES and others give it; else all it said."""
    text = reply.text.decode("utf-8", "replace").strip()
    found = _QUEUE_ID.search(text)
    return next(filter(None, found.groups())) if found else tidy_reason(text)
