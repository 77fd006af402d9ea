"""What a provider's stand-in takes from an independent client, to be compared with what it takes from us.

The stand-in merges and writes as the provider does, so it is the readers' copies that are compared, whatever the calls
look like. It is a check of the stand-in too: it must take what clients in use send.
"""

from __future__ import annotations

from collections.abc import Sequence
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import requests

from newsletter.models import Email
from tests.conformance.peers import READERS, Meaning, anymail_payload, hard_email
from tests.conformance.stand import ISSUE, Stand, compose_for
from tests.loopback.api import ApiServer, Taken

OF_THE_PROVIDER = frozenset({"from", "to", "reply-to", "subject", "date", "mime-version", "content-type"})


def copies_from_us(
    stand: Stand, server: ApiServer[Any], *, email: Email | None = None, may_merge: bool = True
) -> list[Meaning]:
    """What our readers get, sent as the provider likes it best, or as whole messages."""
    letters = compose_for(stand.provider, email or hard_email(), READERS, may_merge=may_merge)
    stand.provider.send(letters, issue=ISSUE)
    return copies(server.taken)


def copies_from_anymail(
    server: ApiServer[Any], esp: str, *, email: Email | None = None, **options: Any
) -> list[Meaning]:
    """What they get from django-anymail, one call each."""
    before = len(server.taken)
    for number, reader in enumerate(READERS):
        payload = anymail_payload(esp, reader, number, email=email, **options)
        response = requests.request(**payload.get_request_params(payload.backend.api_url), timeout=30)
        assert response.ok, response.text
    return copies(server.taken[before:])


def copies(taken: Sequence[Taken]) -> list[Meaning]:
    return [_meaning(one) for one in taken]


def _meaning(one: Taken) -> Meaning:
    headers = {name.lower(): _decoded(value) for name, value in one.headers.items()}
    return Meaning(
        to=(_mailbox(one.headers["To"])[0], one.address),
        sender=_mailbox(one.headers["From"]),
        reply_to=_mailbox(one.headers["Reply-To"]),
        subject=one.subject,
        html=one.html,
        text=one.text,
        headers={name: value for name, value in headers.items() if name not in OF_THE_PROVIDER},
        delivery_id=one.delivery_id,
    )


def _mailbox(written: str) -> tuple[str, str]:
    name, address = parseaddr(written)
    return _decoded(name), address


def _decoded(value: str) -> str:
    return str(make_header(decode_header(value)))
