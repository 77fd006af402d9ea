"""Resend's reader gets the same mail whether we, Resend's own client or django-anymail asked for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import pytest
import requests
import resend

from newsletter.emails.markers import filled
from tests.conformance.peers import READERS, Meaning, anymail_payload, hard_email, headers_of, lower
from tests.conformance.stand import ISSUE, compose_for, values_of
from tests.conformance.stands.resend import ResendStand
from tests.loopback.api import ApiServer, Taken
from tests.loopback.resend import KEY, ResendApi

OF_ANYMAIL_ALONE = ("x-metadata", "x-tags")
NOT_OURS = ("message-id", *OF_ANYMAIL_ALONE, "from", "to", "reply-to")


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[ApiServer[ResendApi]]:
    """A stand-in after our call for all readers."""
    with ResendStand(tmp_path) as stand:
        stand.provider.send(compose_for(stand.provider, hard_email(), READERS), issue=ISSUE, key="issue/1")
        yield stand.server


@pytest.fixture
def other() -> Iterator[ApiServer[ResendApi]]:
    """A stand-in for the other client."""
    with ApiServer(ResendApi()) as server:
        yield server


def meaning(taken: Taken) -> Meaning:
    headers = lower(taken.headers)
    metadata = json.loads(headers.get("x-metadata", "{}"))
    tags = {tag["name"]: tag["value"] for tag in taken.message.get("tags", [])}
    return Meaning(
        to=parseaddr(headers["to"]),
        sender=parseaddr(headers["from"]),
        reply_to=parseaddr(headers["reply-to"]),
        subject=taken.subject,
        html=taken.html,
        text=taken.text,
        headers={name: value for name, value in headers.items() if name not in NOT_OURS},
        delivery_id=taken.delivery_id or metadata["delivery_id"],
        tags=(tags.get("issue") or json.loads(headers["x-tags"])[0],),
    )


def test_anymail_would_send_every_reader_the_same(ours: ApiServer[ResendApi], other: ApiServer[ResendApi]) -> None:
    for number, reader in enumerate(READERS):
        # Tracking is the domain's business at Resend, and anymail would refuse to say that it shall be off.
        options: Any = {"api_key": KEY, "api_url": other.url, "ignore_unsupported_features": True}
        payload = anymail_payload("resend", reader, number, **options)
        requests.request(**payload.get_request_params(payload.backend.api_url), timeout=10).raise_for_status()

    assert [meaning(one) for one in ours.taken] == [meaning(one) for one in other.taken]


def test_the_official_client_would_send_every_reader_the_same(
    ours: ApiServer[ResendApi], other: ApiServer[ResendApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend, "api_key", KEY)
    monkeypatch.setattr(resend, "api_url", other.url)
    messages: list[Any] = [official(number) for number in range(len(READERS))]

    resend.Batch.send(messages, {"idempotency_key": "issue/1", "batch_validation": "permissive"})

    assert [meaning(one) for one in ours.taken] == [meaning(one) for one in other.taken]
    for name in ("idempotency-key", "x-batch-validation", "authorization"):
        assert ours.requests[0].headers[name] == other.requests[0].headers[name]


def official(number: int) -> dict[str, Any]:
    name, address = READERS[number]
    email, values = hard_email(), values_of(f"d.{number}", address, name)
    copy = filled(email, values)
    return {
        "from": dict(email.headers)["From"],
        "to": [values.to],
        "reply_to": dict(email.headers)["Reply-To"].split(","),
        "subject": copy.subject,
        "html": copy.html,
        "text": copy.text,
        "headers": headers_of(email, values),
        "tags": [{"name": "issue", "value": ISSUE}, {"name": "delivery_id", "value": f"d_{number}"}],
    }
