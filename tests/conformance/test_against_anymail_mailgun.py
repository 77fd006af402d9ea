"""Mailgun's reader gets the same mail whether we, its own client or django-anymail asked: all ask the same stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import pytest
import requests
from mailgun.client import Client

from newsletter.emails.markers import filled
from newsletter.models import Email
from tests.conformance.peers import READERS, Meaning, anymail_payload, hard_email, headers_of, lower
from tests.conformance.stand import ISSUE, an_email, compose_for, values_of
from tests.conformance.stands.mailgun import MailgunStand
from tests.loopback.api import ApiServer, Taken
from tests.loopback.mailgun import DOMAIN, KEY, MailgunApi

MERGED = an_email(subject="Grüße {{x}} *|X|* ☕", text='Zoë & "Pat": {{{y}}} -name- [[c]] 100 % 名前')
NOT_OF_THE_ISSUE = ("from", "to", "reply-to", "message-id", "subject", "date", "mime-version", "content-type")


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[MailgunStand]:
    """Mailgun with a stand-in that behaves."""
    with MailgunStand(tmp_path) as opened:
        yield opened


def asked_by_anymail(email: Email) -> list[Taken]:
    with ApiServer(MailgunApi()) as server:
        for number, reader in enumerate(READERS):
            options: Any = {"api_key": KEY, "api_url": f"{server.url}/v3", "sender_domain": DOMAIN}
            payload = anymail_payload("mailgun", reader, number, email=email, **options)
            requests.request(**payload.get_request_params(payload.backend.api_url), timeout=10).raise_for_status()
        return server.taken


def meaning(taken: Taken) -> Meaning:
    options = taken.message["options"]
    headers = lower(taken.headers)
    return Meaning(
        to=parseaddr(headers["to"]),
        sender=parseaddr(headers["from"]),
        reply_to=parseaddr(headers["reply-to"]),
        subject=taken.subject,
        html=taken.html,
        text=taken.text,
        headers={name: value for name, value in headers.items() if name not in NOT_OF_THE_ISSUE},
        delivery_id=taken.message["variables"]["delivery_id"],
        is_tracked=(options["o:tracking-opens"], options["o:tracking-clicks"]) != ("no", "no"),
        tags=tuple(taken.message["tags"]),
    )


@pytest.mark.parametrize("email", [MERGED, hard_email()], ids=["merged", "one by one"])
def test_anymail_would_send_every_reader_the_same(email: Email, stand: MailgunStand) -> None:
    stand.provider.send(compose_for(stand.provider, email, READERS), issue=ISSUE)

    ours, theirs = sorted(stand.server.taken), asked_by_anymail(email)

    assert [meaning(one) for one in ours] == [meaning(one) for one in theirs]
    assert [one.address for one in ours] == [one.address for one in theirs]


def test_the_official_client_would_send_every_reader_the_same(stand: MailgunStand) -> None:
    readers = [("Ann, jr", "ann@example.net"), *READERS[1:]]
    stand.provider.send(compose_for(stand.provider, MERGED, readers), issue=ISSUE)

    with ApiServer(MailgunApi()) as other:
        client = Client(auth=("api", KEY), api_url=other.url)
        answer = client.messages.create(data=official(readers), domain=DOMAIN)

    assert answer.status_code == 200
    assert [meaning(one) for one in sorted(stand.server.taken)] == [meaning(one) for one in sorted(other.taken)]
    assert [one.path for one in stand.server.requests] == [one.path for one in other.requests]


def official(readers: list[tuple[str, str]]) -> dict[str, Any]:
    """A batch as Mailgun's own documentation writes it, with every field of the mail for each reader in a variable."""
    values = [values_of(f"d.{number}", address, name) for number, (name, address) in enumerate(readers)]
    copies = [filled(MERGED, one) for one in values]
    headers = [headers_of(MERGED, one) for one in values]
    own = {
        one.address: {"html": copy.html, "text": copy.text, "delivery_id": one.delivery_id, **named}
        for one, copy, named in zip(values, copies, headers, strict=True)
    }
    return {
        "from": dict(MERGED.headers)["From"],
        "to": [one.to for one in values],
        "h:Reply-To": dict(MERGED.headers)["Reply-To"],
        "subject": MERGED.subject,
        "html": "%recipient.html%",
        "text": "%recipient.text%",
        "o:tag": ISSUE,
        "o:tracking-opens": "no",
        "o:tracking-clicks": "no",
        "v:delivery_id": "%recipient.delivery_id%",
        "recipient-variables": json.dumps(own),
        **{f"h:{name}": f"%recipient.{name}%" for name in headers[0]},
    }
