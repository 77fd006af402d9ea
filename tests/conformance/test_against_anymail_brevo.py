"""For Brevo, django-anymail asks for the same mail as we do; Brevo's own client gets the same from our stand-in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brevo import Brevo
from brevo.transactional_emails import (
    SendTransacEmailRequestMessageVersionsItem,
    SendTransacEmailRequestMessageVersionsItemToItem,
    SendTransacEmailRequestSender,
)

from tests.conformance.peers import READERS, Meaning, anymail_payload, hard_email, lower
from tests.conformance.stand import ISSUE, compose_for
from tests.conformance.stands.brevo import BrevoStand
from tests.loopback.brevo import KEY

ALL = (*READERS, ("Køhler, Åse", "ase@example.net"))


def person(one: Mapping[str, str]) -> tuple[str, str]:
    return one.get("name", ""), one["email"]


def as_merged(text: str, params: Mapping[str, str]) -> str:
    for name, value in params.items():
        text = text.replace(f"{{{{params.{name}}}}}", value)
    return text


def meaning(call: Mapping[str, Any], version: Mapping[str, Any]) -> Meaning:
    """A version stands above what the call says for all."""
    said = {**call, **version}
    (to,) = said["to"]
    params = said.get("params", {})
    return Meaning(
        to=person(to),
        sender=person(said["sender"]),
        reply_to=person(said["replyTo"]),
        subject=as_merged(said["subject"], params),
        html=as_merged(said["htmlContent"], params),
        text=as_merged(said["textContent"], params),
        headers=lower(said["headers"], without=("x-mailin-custom", "message-id")),
        delivery_id=json.loads(said["headers"]["X-Mailin-custom"])["delivery_id"],
        tags=tuple(said["tags"]),
    )


def test_anymail_would_send_every_reader_the_same(tmp_path: Path) -> None:
    with BrevoStand(tmp_path) as stand:
        stand.provider.send(compose_for(stand.provider, hard_email(), ALL), issue=ISSUE)
        ours = json.loads(stand.server.bodies[0])
    theirs = [
        json.loads(anymail_payload("brevo", reader, number, can=["metadata"], api_key="k").serialize_data())
        for number, reader in enumerate(ALL)
    ]

    assert [meaning(ours, version) for version in ours["messageVersions"]] == [meaning(call, {}) for call in theirs]


def test_the_official_client_finds_the_stand_in_to_be_brevo(tmp_path: Path) -> None:
    with BrevoStand(tmp_path) as stand:
        client = Brevo(api_key=KEY, base_url=f"{stand.server.url}/v3")
        to = SendTransacEmailRequestMessageVersionsItemToItem(email="pat@example.net", name="Pat")
        version = SendTransacEmailRequestMessageVersionsItem.model_validate(
            {"to": [to], "subject": "Hello", "htmlContent": "<p>Hello {{params.who}}</p>", "textContent": "Hello"}
            | {"params": {"who": "Pat & Co"}, "headers": {"X-Mailin-custom": '{"delivery_id": "d.0"}'}}
        )

        answer = client.transactional_emails.send_transac_email(
            sender=SendTransacEmailRequestSender(email="news@example.org", name="Example"),
            subject="Default",
            html_content="<p></p>",
            message_versions=[version],
        )

        assert stand.server.taken[0].html == "<p>Hello Pat &amp; Co</p>"
        assert answer.model_dump()["message_ids"] == [stand.server.taken[0].provider_id]
