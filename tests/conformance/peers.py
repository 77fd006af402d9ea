"""What an independent client would send for the same mail: django-anymail, without Django's settings of a site.

It is compared by meaning, recipient by recipient: clients may put a field in different places, but each reader must
get the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import django
from django.conf import settings as django_settings
from django.core.mail import get_connection

from newsletter.emails.fields import Fields
from newsletter.emails.markers import filled
from newsletter.models import Email
from tests.conformance.stand import an_email, values_of

if not django_settings.configured:
    django_settings.configure(INSTALLED_APPS=["anymail"], ANYMAIL={}, SECRET_KEY="none", USE_TZ=True)
    django.setup()

from anymail.message import AnymailMessage

READERS = (
    ('O\'Neil, "Pat" <x>; {{x}} %recipient.y%', "pat@example.net"),
    ("Zoë 名前", "zoe@bücher.example"),
    ("", "plain+tag@example.net"),
)
ODD = "{{x}} {{{y}}} %recipient.x% *|X|* -name- {$z} {{var:k}} ${a} <%= b %> [[c]] %%d%%"


EVERYTHING = ("metadata", "tracking")


class Meaning(NamedTuple):
    """What one reader gets, in whatever words it was asked for."""

    to: tuple[str, str]
    """Name and address."""
    sender: tuple[str, str]
    reply_to: tuple[str, str]
    subject: str
    html: str
    text: str
    headers: Mapping[str, str]
    """Of the message itself; names in lower case."""
    delivery_id: str
    is_tracked: bool = False
    tags: tuple[str, ...] = ()


def hard_email() -> Email:
    return an_email(subject=f"{ODD} ☕", text=f"Grüße & mehr: {ODD}")


def anymail_payload(
    esp: str,
    reader: tuple[str, str],
    number: int,
    *,
    email: Email | None = None,
    can: Collection[str] = EVERYTHING,
    **options: Any,
) -> Any:
    """The payload that anymail makes for delivery `d.<number>` of this email (the hard one) to this reader, with what
    it can ask of this provider beyond the mail itself."""
    email = email or hard_email()
    name, address = reader
    values = values_of(f"d.{number}", address, name)
    message = AnymailMessage(
        subject=email.subject,
        body=filled(email, values).text,
        from_email=_header(email, "From", values),
        to=[values.to],
        reply_to=[_header(email, "Reply-To", values)],
        headers=headers_of(email, values),
        tags=[email.issue],
    )
    if "metadata" in can:
        message.metadata = {"delivery_id": values.delivery_id}
    if "tracking" in can:
        message.track_opens = message.track_clicks = False
    message.attach_alternative(filled(email, values).html, "text/html")
    connection = get_connection(f"anymail.backends.{esp}.EmailBackend", **options)
    return connection.build_message_payload(message, {})


def headers_of(email: Email, values: Fields) -> dict[str, str]:
    """The message's own headers as this reader gets them."""
    names = [name for name, _ in email.headers if name not in ("From", "To", "Reply-To")]
    return {name: _header(email, name, values) for name in names}


def _header(email: Email, name: str, values: Fields) -> str:
    written = dict(email.headers)[name]
    return filled(email.model_copy(update={"text": written}), values).text


def lower(headers: Mapping[str, str], *, without: Sequence[str] = ()) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if name.lower() not in without}
