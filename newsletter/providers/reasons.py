"""A provider's own words, fit to be stored and shown: one short line without addresses, keys and control characters."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

MAX_REASON_CHARS = 300

_ADDRESS = re.compile(r"""[^\s<>()\[\]"',;:=@]+@([^\s<>()\[\]"',;:@]+)""")
_NOT_PRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_PLAIN = re.compile("[A-Za-z0-9]+")
_SHORTEST_SECRET = 4
_SHORTEST_IN_AN_ANSWER = 6
"""What is shorter is no API's key, and might be a word or part of a number that the answer needs."""


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


class Blanks:
    """Secrets, blanked in what a server answers, whichever of their characters its JSON escapes."""

    def __init__(self, secrets: Iterable[str]) -> None:
        long_enough = [secret for secret in secrets if len(secret) >= _SHORTEST_IN_AN_ANSWER]
        self._known: list[tuple[bytes, re.Pattern[bytes]]] = [(_sign(one), _as_written(one)) for one in long_enough]

    def over(self, answer: bytes) -> bytes:
        for sign, secret in self._known:
            if sign in answer:
                answer = secret.sub(b"...", answer)
        return answer


def _sign(secret: str) -> bytes:
    """A part of it that nobody escapes: to look for that costs next to nothing."""
    return max(_PLAIN.findall(secret), key=len, default="").encode()


def _as_written(secret: str) -> re.Pattern[bytes]:
    r"""As it stands, or with `\"`, `\/`, `\u002b` and the like: writers of JSON differ in what they escape."""
    return re.compile("".join(map(_character, secret)).encode())


def _character(one: str) -> str:
    if one.isalnum():
        return one
    short = rf"\\{re.escape(one)}|" if one in '"\\/' else ""
    return rf"(?:{short}(?i:\\u{ord(one):04x})|{re.escape(one)})"


def without_addresses(text: str) -> str:
    """The words alone, to be judged by: `source@example.net` says nothing about a source."""
    return _ADDRESS.sub(" ", text[: 4 * MAX_REASON_CHARS])


def _without(text: str, secret: str) -> str:
    if len(secret) < _SHORTEST_SECRET:
        return text
    # Servers like to repeat what they were given, and SMTP AUTH gives it in base64.
    for form in (secret, base64.b64encode(secret.encode()).decode()):
        text = text.replace(form, "…")
    return text
