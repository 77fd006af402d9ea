"""For MailerSend, django-anymail and MailerSend's own client ask for the same mail as we do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from mailersend.models.email import EmailRequest

from newsletter.emails.mime import ascii_address
from tests.conformance.peers import READERS, Meaning, anymail_payload, hard_email, lower
from tests.conformance.stand import ISSUE, compose_for
from tests.conformance.stands.mailersend import MailerSendStand

OF_THE_API = ("message-id", "list-unsubscribe", "list-unsubscribe-post")
"""What MailerSend writes itself, with the address of `list_unsubscribe`."""


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """The messages of one call to all readers."""
    with MailerSendStand(tmp_path) as stand:
        stand.provider.send(compose_for(stand.provider, hard_email(), READERS), issue=ISSUE)
        yield json.loads(stand.server.bodies[0])


def person(one: Mapping[str, str]) -> tuple[str, str]:
    return " ".join(re.sub("[,;]", " ", one.get("name", "")).split()), one["email"]


def meaning(message: Mapping[str, Any]) -> Meaning:
    (to,) = message["to"]
    headers = {one["name"]: one["value"] for one in message["headers"]}
    return Meaning(
        to=person(to),
        sender=person(message["from"]),
        reply_to=person(message["reply_to"]),
        subject=message["subject"],
        html=message["html"],
        text=message["text"],
        headers=lower(headers, without=OF_THE_API),
        delivery_id=headers["X-Delivery-ID"],
        is_tracked=message["settings"]["track_clicks"] or message["settings"]["track_opens"],
        tags=tuple(message["tags"][:1]),
    )


def test_anymail_would_send_every_reader_the_same(ours: list[dict[str, Any]]) -> None:
    theirs = [
        json.loads(anymail_payload("mailersend", reader, number, can=["tracking"], api_token="k").serialize_data())
        for number, reader in enumerate(READERS)
    ]

    assert [meaning(one) for one in ours] == [meaning(one) for one in theirs]


def test_the_official_client_would_send_our_messages_unchanged(ours: list[dict[str, Any]]) -> None:
    known = [{name: value for name, value in one.items() if name != "list_unsubscribe"} for one in ours]

    built = [EmailRequest.model_validate(one).model_dump(by_alias=True, exclude_none=True) for one in known]

    for one in built:  # it writes domains in Unicode
        one["to"][0]["email"] = ascii_address(one["to"][0]["email"])
    assert built == known
