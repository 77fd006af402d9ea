"""Where a reader's values will stand in a finished email: its merge markers.

A **marker** is letters and digits, so that neither MJML, an HTML parser, a URL nor JSON touches it; the nonce in it
is drawn per rendering, so that no post can forge one. It also says how its value has to be written: a marker made with
`html=True` stands in HTML (the value is HTML-escaped), any other stands in plain text: a header, the text part, a
string of a provider's JSON.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from newsletter.emails.fields import Fields
from newsletter.models import Email

FIELDS = ("to", *Fields._fields)
_NAME_BY_CODE = {name.replace("_", ""): name for name in FIELDS}


class Slot(NamedTuple):
    """One place in a message where readers differ."""

    field: str
    is_html: bool


class Filled(NamedTuple):
    """What one reader sees, for previews and test mails."""

    subject: str
    html: str
    text: str


def marker(field: str, nonce: str, *, html: bool = False) -> str:
    """The marker of one of `FIELDS`; `html=True` where the value will stand in HTML, attribute values included."""
    if field not in FIELDS:
        raise ValueError(f"there is no merge field {field!r}; there are {', '.join(FIELDS)}")
    if not nonce.isascii() or not nonce.isalnum():
        raise ValueError("a nonce has letters and digits only")
    return f"merge{nonce}{'H' if html else 'T'}{field.replace('_', '')}end"


@lru_cache(maxsize=16)
def _pattern(nonce: str) -> re.Pattern[str]:
    return re.compile(f"merge{re.escape(nonce)}([HT])({'|'.join(_NAME_BY_CODE)})end")


def split(text: str, nonce: str) -> list[str | Slot]:
    """The text in order: what all readers share, and the slots between."""
    shared, *rest = _pattern(nonce).split(text)
    pieces: list[str | Slot] = [shared]
    for context, code, after in zip(rest[0::3], rest[1::3], rest[2::3], strict=True):
        pieces += [Slot(_NAME_BY_CODE[code], context == "H"), after]
    return [piece for piece in pieces if piece != ""]


class Markers:
    """The markers of one email, as providers ask for them (`newsletter.providers.base.Markers`).

    A provider that merges by itself gets a variable per marker: the field's name, with `_html` where the value is
    escaped for HTML.
    """

    def __init__(self, nonce: str, meanings: Mapping[str, str] = MappingProxyType({})) -> None:
        """`meanings`: fields that are written out, as in `settled`."""
        self._nonce, self._meanings = nonce, meanings

    def __call__(self, name: str) -> str:
        return self._meanings.get(name) or marker(name, self._nonce)

    def as_variables(self, text: str, write: Callable[[str], str]) -> str:
        pieces = split(text, self._nonce)
        return "".join(piece if isinstance(piece, str) else write(_variable(piece)) for piece in pieces)

    def values(self, *texts: str) -> dict[str, str]:
        slots = {piece for text in texts for piece in split(text, self._nonce) if isinstance(piece, Slot)}
        return {_variable(slot): marker(slot.field, self._nonce, html=slot.is_html) for slot in sorted(slots)}


def _variable(slot: Slot) -> str:
    return f"{slot.field}_html" if slot.is_html else slot.field


def settled(email: Email, meanings: Mapping[str, str]) -> Email:
    """The email with these fields written out: text that all readers share, and markers of what is left to differ.

    So what is shared is encoded once an issue, and a provider that merges by itself is told no more than it must be.
    Markers in a meaning stay as they are in HTML too: their values must hold nothing to escape.
    """

    def written(found: re.Match[str]) -> str:
        meaning = meanings.get(_NAME_BY_CODE[found[2]], found[0])
        return html.escape(meaning) if found[1] == "H" else meaning

    def settle(text: str) -> str:
        return _pattern(email.nonce).sub(written, text)

    headers = tuple((name, settle(value)) for name, value in email.headers)
    return email.model_copy(update={"html": settle(email.html), "text": settle(email.text), "headers": headers})


def filled(email: Email, values: Fields) -> Filled:
    """The email as this reader gets it, decoded."""

    def value(found: re.Match[str]) -> str:
        plain = str(getattr(values, _NAME_BY_CODE[found[2]]))
        return html.escape(plain) if found[1] == "H" else plain

    pattern = _pattern(email.nonce)
    return Filled(email.subject, pattern.sub(value, email.html), pattern.sub(value, email.text))
