"""E-mail addresses: which are usable, which are the same, and how they may be shown in a log."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

from newsletter.errors import BadInput

# Marks that nobody sees and that copying out of a table or a web page brings along: zero-width space, direction marks.
_INVISIBLE_ENDS = "\u00a0\u200b\u200e\u200f\u202a\u202c\u2060\ufeff"
_PLAIN = re.compile(r"(?P<local>[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@(?P<domain>[A-Za-z0-9.-]+)")
_MAX_LOCAL_CHARS = 64
_MAX_CHARS = 254
"""RFC 5321 §4.5.3.1, erratum 1690."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Address(NamedTuple):
    email: str
    """To mail to and to show: the local part as given, the domain in ASCII, which every mail server takes."""
    email_key: str
    """For equality: of two spellings of one address it is the same."""


def normalise(text: str) -> Address:
    """The address in `text`, internationalised ones too. Raises `BadInput` saying what is wrong with it.

    The local part is compared without regard to case: a server may tell `Ann@` from `ann@` (RFC 5321 §2.4), none
    does, and people type both.
    """
    wanted = text.strip().strip(_INVISIBLE_ENDS).strip()
    try:
        local, domain = _plain_parts(wanted) or _parts(wanted)
    except EmailNotValidError as error:
        raise BadInput(f"{_shown(wanted)} is no usable e-mail address: {error}", fix="correct the address") from error
    return Address(f"{local}@{domain}", f"{unicodedata.normalize('NFC', local.casefold())}@{domain}")


def masked(email: str) -> str:
    """`a…@example.org`: enough for a person to know it again, too little to be collected from a log."""
    local, at, domain = email.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at else f"{email[:1]}…"


def one_line(text: str) -> str:
    """The text without control characters and line breaks, so that no name can end a mail header."""
    return " ".join((text if text.isprintable() else _CONTROL.sub(" ", text)).split())


def _parts(text: str) -> tuple[str, str]:
    """Local part and ASCII domain, by the library's rules."""
    # Names under .test never belong to anybody (RFC 2606): rehearsals may use them.
    found = validate_email(text, check_deliverability=False, test_environment=True)
    return found.local_part, str(found.ascii_domain)


def _plain_parts(text: str) -> tuple[str, str] | None:
    """The same for letters and digits, where only the domain needs the library: a list of 100,000 has few domains, and
    the library takes 25 µs an address."""
    found = _PLAIN.fullmatch(text)
    if not found or len(text) > _MAX_CHARS or len(found["local"]) > _MAX_LOCAL_CHARS:
        return None
    return found["local"], _domain(found["domain"])


@lru_cache(maxsize=10_000)
def _domain(domain: str) -> str:
    return _parts(f"a@{domain}")[1]


def _shown(text: str) -> str:
    return repr(masked(one_line(text))) if text else "an empty text"
