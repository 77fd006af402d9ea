"""The values of readers' copies, in plain text and safe wherever they will stand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from newsletter.emails import mime
from newsletter.models import Reader

_UNSAFE_IN_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"


class Fields(NamedTuple):
    """The values of one reader's copy, in plain text."""

    email: str
    name: str
    unsubscribe_url: str
    web_url: str
    delivery_id: str
    address: str
    """`email` as it travels, for the envelope and for providers' APIs."""
    subscriber_id: str = ""
    leave_token: str = ""
    """The end of `unsubscribe_url`, which is the reader's own (see `settled`)."""

    @property
    def to(self) -> str:
        """`"Name" <address>`, or the bare address; its domain as it travels (`xn--…`)."""
        return mime.mailbox(self.name, self.address)


Columns = Mapping[str, Sequence[str]]
"""Field → its value for each of several readers."""


def fields_of(reader: Reader, *, delivery_id: str, unsubscribe_url: str, web_url: str, leave_token: str = "") -> Fields:
    """The values of one reader's copy, safe in any header: no control characters, addresses of pages in ASCII."""
    email = _safe(reader.email)
    return Fields(
        email,
        _one_line(reader.name),
        ascii_url(unsubscribe_url),
        ascii_url(web_url),
        _safe(delivery_id),
        mime.ascii_address(email),
        reader.subscriber_id,
        leave_token,
    )


def columns_of(
    readers: Sequence[Reader],
    *,
    delivery_ids: Sequence[str],
    unsubscribe_start: str,
    leave_tokens: Sequence[str],
    web_url: str,
) -> Columns:
    """The same for many readers, where all but the readers is safe already, because it was put right once for all."""
    emails = [reader.email for reader in readers]
    if not "".join(emails).isprintable():
        emails = [_safe(email) for email in emails]
    return {
        "email": emails,
        "name": _one_lines([reader.name for reader in readers]),
        "unsubscribe_url": [unsubscribe_start + token for token in leave_tokens],
        "web_url": [web_url] * len(readers),
        "delivery_id": delivery_ids,
        "address": emails if "".join(emails).isascii() else [mime.ascii_address(email) for email in emails],
        "subscriber_id": [reader.subscriber_id for reader in readers],
        "leave_token": leave_tokens,
    }


def _one_lines(names: list[str]) -> list[str]:
    # Of all spaces only the plain one is printable, so one look tells that there is nothing to put right, as mostly.
    together = "\n".join(["", *names, ""])
    is_plain = "".join(names).isprintable() and not any(spaces in together for spaces in ("  ", " \n", "\n "))
    return names if is_plain else [_one_line(name) for name in names]


def _one_line(name: str) -> str:
    return " ".join(_UNSAFE_IN_LINE.sub(" ", name).split())


def _safe(text: str) -> str:
    return text if text.isprintable() else _UNSAFE_IN_LINE.sub("", text)


def ascii_url(url: str) -> str:
    """The address of a page as it travels: no character beyond ASCII, none that ends a line."""
    if url.isascii() and url.isprintable() and " " not in url:
        return url
    parts = urlsplit(_UNSAFE_IN_LINE.sub("", url))
    path, query, fragment = (quote(part, _URL_SAFE) for part in (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme, mime.ascii_domain(parts.netloc), path, query, fragment))
