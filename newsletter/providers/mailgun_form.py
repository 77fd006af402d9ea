"""A call of Mailgun's as `multipart/form-data` (RFC 7578), in pieces that are only to be written one after another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from newsletter.models import ASSET_TYPES, Asset

MESSAGE_FILE = b'Content-Disposition: form-data; name="message"; filename="message.eml"\r\nContent-Type: message/rfc822'
BEFORE_VARIABLES, AFTER_VARIABLES = b'","variables":{', b"}}"
"""In a letter, behind the name and address of its reader."""


def fields(boundary: str, named: Iterable[tuple[str, str]]) -> bytes:
    """One part a field. A name is ASCII and holds no quotation mark, a value may be anything without the boundary."""
    return b"".join(_part(boundary, _head(name), value.encode()) for name, value in named)


def pictures(boundary: str, assets: Iterable[Asset]) -> bytes:
    """Pictures within the mail: Mailgun makes the file's name the Content-ID."""
    return b"".join(
        _part(
            boundary,
            f'Content-Disposition: form-data; name="inline"; filename="{asset.content_id}"\r\n'
            f"Content-Type: {ASSET_TYPES[asset.name.rpartition('.')[2]]}",
            asset.content,
        )
        for asset in assets
    )


def _head(name: str) -> str:
    return f'Content-Disposition: form-data; name="{name}"'


def _part(boundary: str, head: str, content: bytes) -> bytes:
    return b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary.encode(), head.encode(), content)


def boundary_of(form: bytes) -> str:
    """The boundary that the parts of this form are written with."""
    return form[2 : form.index(b"\r\n")].decode("ascii")


def merged(shared: bytes, letters: Sequence[Sequence[bytes]]) -> list[Sequence[bytes]]:
    """The body of a call for the people of these letters, in chunks.

    A letter is `{"to":"Name <address>","variables":{"address":{…}}}`. The variables are JSON as Mailgun wants it and
    are only put one after another: reading and writing them anew would cost as much as composing them.
    """
    boundary = boundary_of(shared)
    variables = b",".join([b"".join(letter[2:])[len(BEFORE_VARIABLES) : -len(AFTER_VARIABLES)] for letter in letters])
    named: list[str] = json.loads(b'["%s"]' % b'","'.join([letter[1] for letter in letters]))
    return [
        (shared,),
        (_part(boundary, _head("recipient-variables"), b"{%s}" % variables),),
        # One field with commas is as good as a field for each, which costs 70 bytes more a person.
        (fields(boundary, [("to", ",".join(named))]), _end(boundary)),
    ]


def single(shared: bytes, to: str) -> list[Sequence[bytes]]:
    """The body of a call for one person, in which nothing is merged."""
    boundary = boundary_of(shared)
    return [(shared,), (fields(boundary, [("to", to)]), _end(boundary))]


def finished(boundary: str, named: Iterable[tuple[str, str]], message: Sequence[bytes]) -> list[Sequence[bytes]]:
    """The body of a call with a whole MIME message."""
    head = fields(boundary, named) + b"--%s\r\n%s\r\n\r\n" % (boundary.encode(), MESSAGE_FILE)
    return [(head,), (*message, b"\r\n", _end(boundary))]


def _end(boundary: str) -> bytes:
    return f"--{boundary}--\r\n".encode("ascii")
