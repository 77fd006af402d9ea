"""What differs per reader: a finished email is split at its merge markers once, then only joined.

A **marker** is letters and digits, so that neither MJML, an HTML parser, a URL nor JSON touches it; the nonce in it
is drawn per rendering, so that no post can forge one. It also says how its value has to be written: a marker made with
`html=True` stands in HTML (the value is HTML-escaped), any other stands in plain text: a header, the text part, a
string of a provider's JSON. What the whole is packed in (quoted-printable, a header, JSON) is known only when it is
compiled; the two together choose one of a few small encoders. Everything constant is encoded once and shared.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import count
from json.encoder import encode_basestring_ascii
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from newsletter.emails import mime
from newsletter.models import Email, Reader

Place = Literal["header", "body", "json"]


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
FIELDS = ("to", *Fields._fields)
_OUR_OWN = frozenset({"subscriber_id", "leave_token"})
"""Short, and of characters that stand for themselves wherever they are written."""
_NAME_BY_CODE = {name.replace("_", ""): name for name in FIELDS}
_UNSAFE_IN_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"


class Slot(NamedTuple):
    """One place in a message where readers differ."""

    field: str
    is_html: bool


class Filled(NamedTuple):
    """What one reader sees, for previews and test mails."""

    subject: str
    html: str
    text: str


# --- markers ---------------------------------------------------------------------------------------------------


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


# --- one reader ------------------------------------------------------------------------------------------------


def fields(reader: Reader, *, delivery_id: str, unsubscribe_url: str, web_url: str, leave_token: str = "") -> Fields:
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


def columns(
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


def filled(email: Email, values: Fields) -> Filled:
    """The email as this reader gets it, decoded."""

    def value(found: re.Match[str]) -> str:
        plain = str(getattr(values, _NAME_BY_CODE[found[2]]))
        return html.escape(plain) if found[1] == "H" else plain

    pattern = _pattern(email.nonce)
    return Filled(email.subject, pattern.sub(value, email.html), pattern.sub(value, email.text))


# --- segments --------------------------------------------------------------------------------------------------


class Segments:
    """A message encoded once; `letters` puts readers' values between the constant parts without copying them.

    Of many readers a column is encoded at a time, which takes half as long as one reader after the other.
    """

    __slots__ = ("_arranged", "_constants", "_encoders")

    def __init__(self, pieces: Iterable[tuple[bytes | Slot, Place]]) -> None:
        joined = _joined(pieces)
        self._constants = [piece for piece, _ in joined if isinstance(piece, bytes)]
        slots = list(dict.fromkeys((piece, place) for piece, place in joined if isinstance(piece, Slot)))
        self._encoders = [_encoder(slot, place) for slot, place in slots]
        at, constants = {slot: len(self._constants) + number for number, slot in enumerate(slots)}, count()
        order = [at[piece, place] if isinstance(piece, Slot) else next(constants) for piece, place in joined]
        self._arranged: Callable[[list[bytes]], tuple[bytes, ...]] = itemgetter(*order) if len(order) > 1 else tuple

    def letters(self, columns: Columns) -> list[Sequence[bytes]]:
        """The readers' messages, each in pieces to be written one after another."""
        encoded = [encode(columns) for encode in self._encoders]
        rows = zip(*encoded, strict=True) if encoded else [()] * len(columns["email"])
        return [self._arranged([*self._constants, *row]) for row in rows]

    def letter(self, values: Fields) -> Sequence[bytes]:
        """One reader's message."""
        return self.letters({name: [value] for name, value in values._asdict().items()})[0]


def _joined(pieces: Iterable[tuple[bytes | Slot, Place]]) -> list[tuple[bytes | Slot, Place]]:
    """The same with neighbouring constants made one."""
    joined: list[tuple[bytes | Slot, Place]] = []
    for piece, place in pieces:
        if joined and isinstance(piece, bytes) and isinstance(joined[-1][0], bytes):
            joined[-1] = (joined[-1][0] + piece, place)
        else:
            joined.append((piece, place))
    return joined


def _encoder(slot: Slot, place: Place) -> Callable[[Columns], Sequence[bytes]]:
    """How this field is written at this place. The order is always: escape for HTML, then encode for the wire."""
    if place == "header":
        if slot.field == "to":
            return lambda columns: list(map(mime.mailbox_header, columns["name"], columns["email"]))
        return lambda columns: [mime.header_value(value) for value in columns[slot.field]]
    if slot.field in _OUR_OWN:
        encode = _together(str.encode)
    elif place == "json":
        encode = _together(_json_html if slot.is_html else _json_value)
    else:
        encode = _one_by_one(_qp_html if slot.is_html else mime.qp_value)
    if slot.field == "to":
        return lambda columns: encode(list(map(mime.mailbox, columns["name"], columns["address"])))
    return lambda columns: encode(columns[slot.field])


Encode = Callable[[str], bytes]


def _together(encode: Encode) -> Callable[[Sequence[str]], Sequence[bytes]]:
    """For what writes a value the same whatever stands beside it: all of them by one call, taken apart again."""
    between = encode("\n")  # in no value

    def encode_all(values: Sequence[str]) -> Sequence[bytes]:
        pieces = encode("\n".join(values)).split(between)
        # A value may look like that when it is encoded: a backslash and an "n" in JSON.
        return pieces if len(pieces) == len(values) else [encode(value) for value in values]

    return encode_all


def _one_by_one(encode: Encode) -> Callable[[Sequence[str]], Sequence[bytes]]:
    return lambda values: [encode(value) for value in values]


def _qp_html(value: str) -> bytes:
    return mime.qp_value(html.escape(value))


def _json_html(value: str) -> bytes:
    return _json_value(html.escape(value))


def _json_value(value: str) -> bytes:
    return encode_basestring_ascii(value)[1:-1].encode("ascii")


# --- compiling -------------------------------------------------------------------------------------------------


def compile_json(payload: Mapping[str, Any], nonce: str) -> Segments:
    """One JSON object (UTF-8) with markers anywhere in its strings."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return Segments((_utf8(piece), "json") for piece in split(text, nonce))


def _utf8(piece: str | Slot) -> bytes | Slot:
    return piece if isinstance(piece, Slot) else piece.encode()


def compile_mime(email: Email, *, sent_at: datetime) -> Segments:
    """The whole message: headers, text part, HTML part; CRLF, ASCII (RFC 5322, 2045-2047), no line begins with a dot.

    `sent_at` becomes the Date header. Raises `BadInput` for a header that holds a line break or control character.
    """
    boundary = f"=_{email.nonce}"  # quoted-printable never holds "=_", so it cannot stand in a part
    pieces: list[tuple[bytes | Slot, Place]] = []
    for name, value in [*email.headers, *mime.closing_headers(email.subject, sent_at, boundary)]:
        pieces += [(b"%s: " % name.encode("ascii"), "header"), *_header(name, value, email.nonce), (b"\r\n", "header")]
    pieces += [(mime.part_start(boundary, "plain"), "body"), *_body(email.text, email.nonce)]
    pieces += _html_part(email, boundary)
    pieces.append((mime.parts_end(boundary), "body"))
    return Segments(pieces)


def _html_part(email: Email, boundary: str) -> list[tuple[bytes | Slot, Place]]:
    """The HTML; with pictures that travel within the mail, one part around it and them (RFC 2387)."""
    pictures = [asset for asset in email.assets if asset.content_id]
    html = _body(email.html, email.nonce)
    if not pictures:
        return [(mime.part_start(boundary, "html"), "body"), *html]
    inner = f"=_r{email.nonce}"  # no boundary may be the beginning of another
    start = mime.related_start(boundary, inner) + mime.part_start(inner, "html")
    end = b"".join(mime.picture_part(inner, asset) for asset in pictures) + mime.parts_end(inner)
    return [(start, "body"), *html, (end, "body")]


def _header(name: str, value: str, nonce: str) -> list[tuple[bytes | Slot, Place]]:
    pieces = split(value, nonce)
    if not any(isinstance(piece, Slot) for piece in pieces):
        return [(mime.header(name, value), "header")]
    return [
        (piece if isinstance(piece, Slot) else mime.header_between_slots(name, piece), "header") for piece in pieces
    ]


def _body(text: str, nonce: str) -> list[tuple[bytes | Slot, Place]]:
    """Quoted-printable in which every slot stands alone between two soft line breaks."""
    pieces: list[tuple[bytes | Slot, Place]] = []
    for piece in split(text, nonce):
        if isinstance(piece, Slot):
            pieces += [(mime.SOFT_BREAK, "body"), (piece, "body"), (mime.SOFT_BREAK, "body")]
        else:
            pieces.append((mime.quoted_printable(piece), "body"))
    return pieces
