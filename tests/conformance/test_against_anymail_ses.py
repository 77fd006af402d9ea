"""Amazon's reader gets the same mail whether we, boto3 or django-anymail asked for it: all ask the same stand-in."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import boto3
import pytest

from newsletter.models import Email
from tests.conformance.peers import READERS, Meaning, anymail_payload, hard_email, lower
from tests.conformance.stand import ISSUE, an_email, compose_for
from tests.conformance.stands.ses import SesStand
from tests.loopback.api import ApiServer, Taken
from tests.loopback.ses import ACCESS_KEY_ID, BULK, REGION, SECRET, SesApi

MERGED = an_email(subject="Grüße %recipient.x% *|X|* ☕", text='Zoë & "Pat" \\ {x} -name- [[c]] 100 % 名前')
EMAILS = pytest.mark.parametrize("email", [MERGED, hard_email()], ids=["merged", "one by one"])
NOT_OF_THE_ISSUE = (
    *("message-id", "from", "to", "reply-to", "subject", "date", "mime-version", "content-type"),
    *("x-metadata", "x-tags", "x-tag"),
)


@pytest.fixture
def other() -> Iterator[ApiServer[SesApi]]:
    """A stand-in for the other client."""
    with ApiServer(SesApi()) as server:
        yield server


def client_params(server: ApiServer[SesApi]) -> dict[str, Any]:
    keys = {"aws_access_key_id": ACCESS_KEY_ID, "aws_secret_access_key": SECRET}
    return {"endpoint_url": server.url, "region_name": REGION, **keys}


def asked_by_us(email: Email, folder: Path) -> ApiServer[SesApi]:
    with SesStand(folder) as stand:
        stand.provider.send(compose_for(stand.provider, email, READERS), issue=ISSUE)
        return stand.server


def meaning(taken: Taken) -> Meaning:
    headers = lower(taken.headers)
    tags = taken.message["tags"]
    return Meaning(
        to=parseaddr(headers["to"]),
        sender=parseaddr(headers["from"]),
        reply_to=parseaddr(headers["reply-to"]),
        subject=taken.subject.strip(),  # Django folds before the first word, which leaves a space
        html=taken.html,
        text=taken.text,
        headers={name: value for name, value in headers.items() if name not in NOT_OF_THE_ISSUE},
        delivery_id=taken.delivery_id or json.loads(headers["x-metadata"])["delivery_id"],
        tags=(tags.get("issue") or headers["x-tag"],),
    )


@EMAILS
def test_anymail_would_send_every_reader_the_same(email: Email, other: ApiServer[SesApi], tmp_path: Path) -> None:
    for number, reader in enumerate(READERS):
        # Only a configuration set of theirs could switch tracking off, and they refuse to say that it shall be.
        options: Any = {"client_params": client_params(other), "ignore_unsupported_features": True}
        payload = anymail_payload("amazon_ses", reader, number, email=email, **options)
        payload.backend.open()
        payload.backend.post_to_esp(payload, payload.message)

    ours = asked_by_us(email, tmp_path)

    assert [meaning(one) for one in ours.taken] == [meaning(one) for one in other.taken]
    assert [one.address for one in ours.taken] == [one.address for one in other.taken]


@EMAILS
def test_boto3_knows_every_field_and_sends_the_same(email: Email, other: ApiServer[SesApi], tmp_path: Path) -> None:
    ours = asked_by_us(email, tmp_path)
    client = boto3.client("sesv2", **client_params(other))

    for request in ours.requests:
        call = json.loads(request.body)
        if request.path == BULK:
            client.send_bulk_email(**call)
        else:
            call["Content"]["Raw"]["Data"] = base64.b64decode(call["Content"]["Raw"]["Data"])
            client.send_email(**call)

    assert [json.loads(body) for body in other.bodies] == [json.loads(body) for body in ours.bodies]
    assert [one.path for one in other.requests] == [one.path for one in ours.requests]
