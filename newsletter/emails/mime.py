"""Bytes of a MIME message: header lines, encoded words, quoted-printable (RFC 5322, 2045, 2047, 2369).

`email.message.EmailMessage` is not used: it takes milliseconds a message, and in Python 3.11 it loses a space when it
folds a long non-ASCII subject between two encoded words.
"""

from __future__ import annotations

import re
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime

from email_validator import validate_email

from newsletter.errors import BadInput
from newsletter.models import ASSET_TYPES, Asset

SOFT_BREAK = b"=\r\n"
LINE_LENGTH = 78
"""RFC 5322 2.1.1: lines should not be longer than 78 characters, the CRLF not counted."""
QP_LINE_LENGTH = 76
SHORT = 70
"""So many letters fit on a line of quoted-printable with a soft break behind them."""
WORD_BYTES = 42
"""UTF-8 bytes in one encoded word: with base64 and its frame 68 characters, so `Subject: ` fits on its line."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_NAMED_ADDRESS = re.compile(r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)" |(?P<bare>[^"<>]+) )?<(?P<address>[^<>]+)>')
_QP_BY_BYTE = {byte: f"={byte:02X}" for byte in range(256) if not (32 <= byte <= 126 or byte == 9) or byte == 61}

# --- headers ---------------------------------------------------------------------------------------------------


def closing_headers(subject: str, sent_at: datetime, boundary: str) -> list[tuple[str, str]]:
    """What `Email.headers` leaves out because it belongs to the message and not to the issue."""
    return [
        ("Subject", subject),
        ("Date", format_datetime(sent_at)),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
    ]


def header(name: str, value: str) -> bytes:
    """The value of one header line, folded and encoded."""
    if _CONTROL.search(value):
        raise BadInput(
            f"the header {name} holds a line break or another control character", fix=f"write {name} as one line"
        )
    named = _NAMED_ADDRESS.fullmatch(value)
    if named and name in ("From", "Reply-To", "List-Id") and (named["quoted"] or named["bare"]):
        label = named["bare"] or re.sub(r"\\(.)", r"\1", named["quoted"])
        return mailbox_header(label, named["address"], used=len(name) + 2)
    return _unstructured(value, used=len(name) + 2)


def header_between_slots(name: str, value: str) -> bytes:
    """A constant stretch of a header that also holds merge fields; such headers are ASCII."""
    if _CONTROL.search(value) or not value.isascii():
        raise BadInput(f"the header {name} holds characters that cannot stand there: {value!r}", fix="use plain ASCII")
    return value.replace(">, <", ">,\r\n <").encode("ascii")


def header_value(value: str) -> bytes:
    return value.encode("ascii", "replace")


def mailbox(name: str, address: str) -> str:
    """`"Name" <address>` in plain Unicode; without a name the bare address."""
    return f"{_quoted(name)} <{address}>" if name else address


def mailbox_header(name: str, address: str, *, used: int = 4) -> bytes:
    """The same as header bytes; `used` characters stand on the line before it (`To: `)."""
    address = ascii_address(address)
    if not name:
        return address.encode()
    phrase = _quoted(name)
    if not _PLAIN.fullmatch(name) or "=?" in name or len(phrase) + used > LINE_LENGTH:
        return b"%s\r\n <%s>" % (_encoded_words(name), address.encode())
    space = "\r\n " if used + len(phrase) + len(address) + 3 > LINE_LENGTH else " "
    return f"{phrase}{space}<{address}>".encode()


def ascii_domain(domain: str) -> str:
    """An internationalised domain as it travels (`xn--…`), a port behind it left alone."""
    host, colon, port = domain.partition(":")
    if host.isascii():
        return domain
    return validate_email(f"a@{host}", check_deliverability=False).ascii_domain + colon + port


def ascii_address(address: str) -> str:
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    # A local part beyond ASCII cannot be written otherwise; it travels as UTF-8 (RFC 6532) where the provider can.
    return f"{local}@{ascii_domain(domain)}"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unstructured(value: str, *, used: int) -> bytes:
    is_plain = _PLAIN.fullmatch(value) and "=?" not in value
    if not value or (is_plain and all(len(word) < LINE_LENGTH - used for word in value.split(" "))):
        return _folded(value, used=used).encode("ascii")
    return _encoded_words(value)


def _folded(value: str, *, used: int) -> str:
    lines, column = [""], used
    for word in value.split(" "):
        if lines[-1] and column + 1 + len(word) > LINE_LENGTH:
            lines.append(word)
            column = 1 + len(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
            column = (used if len(lines) == 1 else 1) + len(lines[-1])
    return "\r\n ".join(lines)


def _encoded_words(text: str) -> bytes:
    """RFC 2047, one word a line; a character is never cut, and the space between two words counts for nothing."""
    return b"\r\n ".join(b"=?utf-8?B?%s?=" % b64encode(chunk) for chunk in _chunks(text))


def _chunks(text: str) -> Iterator[bytes]:
    chunk = b""
    for character in text:
        encoded = character.encode()
        if len(chunk) + len(encoded) > WORD_BYTES:
            yield chunk
            chunk = b""
        chunk += encoded
    if chunk:
        yield chunk


# --- bodies ----------------------------------------------------------------------------------------------------


def part_start(boundary: str, subtype: str) -> bytes:
    return (
        f'\r\n--{boundary}\r\nContent-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode("ascii")


def related_start(boundary: str, inner: str) -> bytes:
    """Begins the part that holds the HTML and the pictures that travel with it (RFC 2387)."""
    return f'\r\n--{boundary}\r\nContent-Type: multipart/related; type="text/html"; boundary="{inner}"\r\n'.encode(
        "ascii"
    )


def picture_part(boundary: str, asset: Asset) -> bytes:
    """A picture under its Content-ID; base64 in lines of 76."""
    media_type = ASSET_TYPES[asset.name.rpartition(".")[2]]
    head = (
        f'\r\n--{boundary}\r\nContent-Type: {media_type}; name="{asset.name}"\r\n'
        f"Content-Transfer-Encoding: base64\r\nContent-ID: <{asset.content_id}>\r\n"
        f'Content-Disposition: inline; filename="{asset.name}"\r\n\r\n'
    )
    return head.encode("ascii") + encodebytes(asset.content).replace(b"\n", b"\r\n").removesuffix(b"\r\n")


def parts_end(boundary: str) -> bytes:
    return f"\r\n--{boundary}--\r\n".encode("ascii")


def quoted_printable(text: str) -> bytes:
    """Lines end with CRLF; none begins with a dot (SMTP would double it) or with `From ` (mbox would quote it)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\r\n".join("=\r\n".join(_qp_lines(line)) for line in lines).encode("ascii")


def _qp_lines(line: str) -> Iterator[str]:
    encoded = line.encode().decode("latin-1").translate(_QP_BY_BYTE)
    if encoded.endswith((" ", "\t")):  # white space at the end of a line is lost on the way
        encoded = f"{encoded[:-1]}={ord(encoded[-1]):02X}"
    start = 0
    while True:
        first = ""
        if encoded.startswith((".", "From "), start):
            first, start = f"={ord(encoded[start]):02X}", start + 1
        end = start + QP_LINE_LENGTH - 1 - len(first)
        if end >= len(encoded):
            yield first + encoded[start:]
            return
        if (escape := encoded.rfind("=", end - 2, end)) >= 0:  # `=C3` is not cut in two
            end = escape
        yield first + encoded[start:end]
        start = end


def qp_value(value: str) -> bytes:
    """A merge field's value between two soft breaks: one line without control characters."""
    if len(value) <= SHORT and value.isascii() and value.replace(" ", "").isalnum() and not value.startswith("From "):
        return value.encode("ascii")  # most names: nothing to encode, nothing to break
    # The C encoder, because this runs per recipient. The "~" keeps a column free for the soft break that follows.
    encoded = b2a_qp(value.encode() + b"~", istext=True)[:-1].replace(b"\n", b"\r\n")
    if encoded.startswith((b".", b"From ")) or b"\n." in encoded:
        return quoted_printable(value)
    return encoded
