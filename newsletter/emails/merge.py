"""Readers' messages: a finished email split at its merge markers once, then only joined.

What the whole is packed in (quoted-printable, a header, JSON) is known only here; together with what a marker says of
its value it chooses one of a few small encoders. Everything constant is encoded once and shared.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import count
from json.encoder import encode_basestring_ascii
from operator import itemgetter
from typing import Any, Literal

from newsletter.emails import mime
from newsletter.emails.fields import Columns, Fields
from newsletter.emails.markers import Slot, split
from newsletter.models import Email

Place = Literal["header", "body", "json"]
_OUR_OWN = frozenset({"subscriber_id", "leave_token"})
"""Short, and of characters that stand for themselves wherever they are written."""


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
