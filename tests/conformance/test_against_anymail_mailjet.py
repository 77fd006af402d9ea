"""For Mailjet, django-anymail and Mailjet's own client ask for the same mail as we do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from mailjet_rest.builders import MessageBuilder

from newsletter.providers.mailjet import FORBIDDEN_HEADERS
from tests.conformance.peers import READERS, Meaning, anymail_payload, hard_email, headers_of, lower
from tests.conformance.stand import ISSUE, compose_for, values_of
from tests.conformance.stands.mailjet import MailjetStand


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """The messages of one call to all readers."""
    with MailjetStand(tmp_path) as stand:
        stand.provider.send(compose_for(stand.provider, hard_email(), READERS), issue=ISSUE)
        yield json.loads(stand.server.bodies[0])["Messages"]


def person(one: Mapping[str, str]) -> tuple[str, str]:
    return one.get("Name", ""), one["Email"]


def meaning(message: Mapping[str, Any]) -> Meaning:
    (to,) = message["To"]
    return Meaning(
        to=person(to),
        sender=person(message["From"]),
        reply_to=person(message["ReplyTo"]),
        subject=message["Subject"],
        html=message["HTMLPart"],
        text=message["TextPart"],
        headers=lower(message["Headers"], without=sorted(FORBIDDEN_HEADERS)),
        delivery_id=message.get("CustomID") or json.loads(message["EventPayload"])["delivery_id"],
        is_tracked=(message["TrackOpens"], message["TrackClicks"]) != ("disabled", "disabled"),
        tags=(message["CustomCampaign"],),
    )


def test_anymail_would_send_every_reader_the_same(ours: list[dict[str, Any]]) -> None:
    payloads = [
        anymail_payload("mailjet", reader, number, api_key="k", secret_key="s") for number, reader in enumerate(READERS)
    ]
    theirs = [json.loads(payload.serialize_data()) for payload in payloads]

    assert [meaning(one) for one in ours] == [meaning(call["Globals"] | call["Messages"][0]) for call in theirs]


@pytest.mark.parametrize("number", range(len(READERS)))
def test_the_official_client_would_send_every_reader_the_same(number: int, ours: list[dict[str, Any]]) -> None:
    name, address = READERS[number]
    email, values = hard_email(), values_of(f"d.{number}", address, name)
    built = (
        MessageBuilder()
        .set_sender("news@example.org", "Example Network")
        .add_recipient(values.address, name or None)
        .set_reply_to("editor@example.org")
        .set_subject(email.subject)
        .set_content(text=ours[number]["TextPart"], html=ours[number]["HTMLPart"])
        .set_headers(lower(headers_of(email, values), without=sorted(FORBIDDEN_HEADERS)))
        .build()
    )

    message: dict[str, Any] = ours[number] | {"Headers": lower(ours[number]["Headers"])}
    assert {field: message[field] for field in built} == dict(built)
