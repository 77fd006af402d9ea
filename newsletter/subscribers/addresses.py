"""E-mail addresses: which are usable, which are the same, and how they may be shown in a log."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

from newsletter.errors import BadInput

# Marks that nobody sees and that copying out of a table or a web page brings along: zero-width space, direction marks.
_INVISIBLE_ENDS = "\u00a0\u200b\u200e\u200f\u202a\u202c\u2060\ufeff"


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
        # Names under .test never belong to anybody (RFC 2606): rehearsals may use them.
        found = validate_email(wanted, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise BadInput(f"{_shown(wanted)} is no usable e-mail address: {error}", fix="correct the address") from error
    local_key = unicodedata.normalize("NFC", found.local_part.casefold())
    return Address(f"{found.local_part}@{found.ascii_domain}", f"{local_key}@{found.ascii_domain}")


def masked(email: str) -> str:
    """`a…@example.org`: enough for a person to know it again, too little to be collected from a log."""
    local, at, domain = email.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at else f"{email[:1]}…"


def one_line(text: str) -> str:
    """The text without control characters and line breaks, so that no name can end a mail header."""
    return " ".join(_CONTROL.sub(" ", text).split())


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def _shown(text: str) -> str:
    return repr(masked(one_line(text))) if text else "an empty text"
