"""A sender in our own domain, else DMARC fails and nothing arrives (Gmail's, Yahoo's and Microsoft's rules)."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parseaddr

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found
from newsletter.emails.mime import ascii_domain

FREE_MAIL = frozenset(
    {"gmail.com", "googlemail.com", "yahoo.com", "ymail.com", "aol.com", "outlook.com", "hotmail.com", "live.com",
     "msn.com", "icloud.com", "me.com", "mac.com", "gmx.de", "gmx.net", "gmx.com", "web.de", "t-online.de", "mail.ru",
     "yandex.ru", "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "btinternet.com", "proton.me", "protonmail.com",
     "hotmail.co.uk", "yahoo.co.uk", "live.co.uk"}
)  # fmt: skip


def find(checked: Checked) -> Iterator[Found]:
    at, own = checked.in_settings("email =", "[sender]"), checked.domain
    domain = parseaddr(str(checked.mail.get("From", "")))[1].rpartition("@")[2].lower()
    if domain in FREE_MAIL:
        message = f"the sender is at {domain}: its DMARC rule has mail from elsewhere refused"
        yield Found(at, message, "set sender.email to an address in a domain of your own", "warning")
    elif domain != ascii_domain(own):
        yield Found(
            at, f"From is at {domain or 'no domain'}, and sender.email at {own}", "report this: they must agree"
        )
    host = str(checked.mail.get("Message-ID", "")).rpartition("@")[2].strip("<> ").lower()
    if not host or not (host == domain or host.endswith(f".{domain}") or domain.endswith(f".{host}")):
        fix = "report this: it must be in the sender's domain"
        yield Found(at, f"Message-ID is at {host or 'no host'}, From at {domain}", fix, "warning")


CHECK = Check("from-alignment", "error", find)
