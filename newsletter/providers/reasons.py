"""A provider's own words, fit to be stored and shown: one short line without addresses, keys and control characters."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

MAX_REASON_CHARS = 300

_ADDRESS = re.compile(r"""[^\s<>()\[\]"',;:=@]+@([^\s<>()\[\]"',;:@]+)""")
_NOT_PRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SHORTEST_SECRET = 4


def tidy_reason(text: str | bytes, *, hide: Iterable[str] = ()) -> str:
    """`text` in one line of at most 300 characters; addresses become `n…@example.org`, what `hide` names `…`."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    for secret in hide:
        text = _without(text, secret)
    # Cut first: the search for addresses takes quadratic time, and a server may answer with megabytes.
    text = _ADDRESS.sub(lambda found: f"{found[0][0]}…@{found[1]}", text[: 4 * MAX_REASON_CHARS])
    text = _NOT_PRINTABLE.sub(" ", text).strip()
    return text if len(text) <= MAX_REASON_CHARS else text[: MAX_REASON_CHARS - 1] + "…"


def _without(text: str, secret: str) -> str:
    if len(secret) < _SHORTEST_SECRET:
        return text
    # Servers like to repeat what they were given, and SMTP AUTH gives it in base64.
    for form in (secret, base64.b64encode(secret.encode()).decode()):
        text = text.replace(form, "…")
    return text
