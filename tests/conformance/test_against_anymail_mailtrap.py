"""For Mailtrap, django-anymail and Mailtrap's own client ask for the same mail as we do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from mailtrap import Address, BatchEmailRequest, BatchMail, BatchSendEmailParams

from tests.conformance.peers import READERS, Meaning, anymail_payload, hard_email, lower
from tests.conformance.stand import ISSUE, compose_for
from tests.conformance.stands.mailtrap import MailtrapStand


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """One call to all readers."""
    with MailtrapStand(tmp_path) as stand:
        stand.provider.send(compose_for(stand.provider, hard_email(), READERS), issue=ISSUE)
        yield json.loads(stand.server.bodies[0])


def person(one: Mapping[str, str]) -> tuple[str, str]:
    return one.get("name", ""), one["email"]


def meaning(base: Mapping[str, Any], request: Mapping[str, Any]) -> Meaning:
    """A request stands above the base."""
    said = {**base, **request}
    (to,) = said["to"]
    return Meaning(
        to=person(to),
        sender=person(said["from"]),
        reply_to=person(said["reply_to"]),
        subject=said["subject"],
        html=said["html"],
        text=said["text"],
        headers=lower(said["headers"], without=["message-id"]),
        delivery_id=said["custom_variables"]["delivery_id"],
        tags=(said["category"],),
    )


def test_anymail_would_send_every_reader_the_same(ours: dict[str, Any]) -> None:
    theirs = [
        json.loads(anymail_payload("mailtrap", reader, number, can=["metadata"], api_token="k").serialize_data())
        for number, reader in enumerate(READERS)
    ]

    assert [meaning(ours["base"], one) for one in ours["requests"]] == [meaning({}, one) for one in theirs]


def test_the_official_client_would_send_our_call_unchanged(ours: dict[str, Any]) -> None:
    base = {name: value for name, value in ours["base"].items() if name not in ("from", "reply_to")}
    built = BatchSendEmailParams(
        base=BatchMail(sender=Address(**ours["base"]["from"]), reply_to=Address(**ours["base"]["reply_to"]), **base),
        requests=[
            BatchEmailRequest(
                to=[Address(**one["to"][0])], **{name: value for name, value in one.items() if name != "to"}
            )
            for one in ours["requests"]
        ],
    )

    assert built.api_data == ours
