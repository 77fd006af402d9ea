"""Names as Brevo can send them.

It takes at most 70 characters, and drops a name that has both characters beyond ASCII and one with a meaning in
headers, unless it comes as encoded words (RFC 2047; found out by django-anymail 15.2).
"""

from __future__ import annotations

import json
import re
from email.header import Header

from newsletter.providers.message import Mailbox

MAX_CHARS = 70
SPECIAL = re.compile(r'[\[\]\\()<>@,:;".]')


def fit_mailbox(mailbox: Mailbox) -> Mailbox:
    return Mailbox(_fit(mailbox.name), mailbox.address)


def fit_name(name: bytes) -> bytes:
    """The same for the inside of a JSON string in ASCII."""
    if len(name) <= MAX_CHARS and b"\\u" not in name:
        return name
    return json.dumps(_fit(json.loads(b'"%s"' % name)))[1:-1].encode()


def _fit(name: str) -> str:
    if not name.isascii() and SPECIAL.search(name):
        encoded = Header(name, "utf-8", maxlinelen=1000).encode()
        if len(encoded) <= MAX_CHARS:
            return encoded
        name = " ".join(SPECIAL.sub(" ", name).split())
    return name[:MAX_CHARS].rstrip()
