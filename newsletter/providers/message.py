"""An email taken apart as the providers' APIs want it: mailboxes, headers without a field of their own, pictures."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Collection
from email.utils import parseaddr
from typing import Any, NamedTuple

from email_validator import EmailNotValidError, validate_email

from newsletter.models import ASSET_TYPES, Asset, Email
from newsletter.providers.base import Letter, Markers

FIELDS_OF_THEIR_OWN = frozenset(
    {
        "from",
        "to",
        "cc",
        "bcc",
        "reply-to",
        "subject",
        "date",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
    }
)


class Mailbox(NamedTuple):
    name: str
    address: str
    """Its domain as it travels (`xn--…`)."""

    def as_json(self, *, name: str = "name", address: str = "email") -> dict[str, str]:
        """The usual object of two fields; without a name, of one."""
        return {address: self.address} | ({name: self.name} if self.name else {})


class Parts(NamedTuple):
    sender: Mailbox
    reply_to: Mailbox | None
    headers: dict[str, str]
    """In order, without those that every API has fields for; merge markers open."""
    pictures: tuple[Asset, ...]
    """Those that travel within the mail."""


def parts_of(email: Email, *, without: Collection[str] = ()) -> Parts:
    """`without`: headers, in lower case, that this provider writes itself and refuses to be given."""
    known = {name.lower(): value for name, value in email.headers}
    left_out = FIELDS_OF_THEIR_OWN | set(without)
    return Parts(
        sender=mailbox_of(known["from"]),
        reply_to=mailbox_of(known["reply-to"]) if "reply-to" in known else None,
        headers={name: value for name, value in email.headers if name.lower() not in left_out},
        pictures=tuple(asset for asset in email.assets if asset.content_id),
    )


def mailbox_of(header: str) -> Mailbox:
    """The one mailbox of a From or Reply-To."""
    name, address = parseaddr(header)
    return Mailbox(name, _as_it_travels(address))


def _as_it_travels(address: str) -> str:
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{validate_email(f'a@{domain}', check_deliverability=False).ascii_domain}"
    except EmailNotValidError:
        return address  # the provider will say so


# --- the reader -------------------------------------------------------------------------------------------------


def reader_first(markers: Markers, *, to: str = "to", name: str = "name", address: str = "email") -> dict[str, Any]:
    """`{"to": [{"name": …, "email": …}]}`, with which a letter must begin: so `with_fit_name` knows its name."""
    return {to: [{name: markers("name"), address: markers("address")}]}


def with_fit_name(letter: Letter, fit: Callable[[bytes], bytes] = bytes) -> Letter:
    """A letter that begins with `reader_first`, its name made fit; an empty one is left out.

    A name with nothing in it is an error to some APIs, and what differs from reader to reader is only known here. `fit`
    gets and gives the inside of a JSON string.
    """
    written = letter.parts[1]
    name = fit(written)
    if name and name == written:
        return letter
    opening, _, after, *rest = letter.parts
    if not name:
        opening, after = opening[: opening.rindex(b"{") + 1], after[after.index(b",") + 1 :]
    return letter._replace(parts=[opening, name, after, *rest])


# --- pictures ---------------------------------------------------------------------------------------------------


def media_type(picture: Asset) -> str:
    return ASSET_TYPES[picture.name.rpartition(".")[2]]


def as_base64(picture: Asset) -> str:
    return b64encode(picture.content).decode("ascii")
