"""For SparkPost, django-anymail and SparkPost's own client mean the same mail as we do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sparkpost import SparkPost

from newsletter.emails.markers import filled
from newsletter.models import Email
from tests.conformance.peer_calls import copies, copies_from_anymail, copies_from_us
from tests.conformance.peers import READERS, hard_email, headers_of
from tests.conformance.stand import ISSUE, an_email, values_of
from tests.conformance.stands.sparkpost import SparkpostStand
from tests.loopback.sparkpost import KEY

WITHOUT_BRACES = an_email(subject="*|X|* -name- %recipient.x% ☕", text="Grüße & mehr: ${a} <%= b %> [[c]] %%d%%")
"""Where anymail lets SparkPost fill in what is in braces, we do not; of the rest it must be the same."""


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[SparkpostStand]:
    """SparkPost with a stand-in that behaves."""
    with SparkpostStand(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("may_merge", [True, False])
def test_anymail_sends_every_reader_the_same(may_merge: bool, stand: SparkpostStand) -> None:
    ours = copies_from_us(stand, stand.server, email=WITHOUT_BRACES, may_merge=may_merge)

    url = f"{stand.server.url}/api/v1/"
    theirs = copies_from_anymail(stand.server, "sparkpost", email=WITHOUT_BRACES, api_key=KEY, api_url=url)

    assert ours == theirs


@pytest.mark.parametrize("email", [WITHOUT_BRACES, hard_email()], ids=["merged", "whole"])
def test_sparkposts_client_sends_every_reader_the_same(email: Email, stand: SparkpostStand) -> None:
    ours = copies_from_us(stand, stand.server, email=email)

    client = SparkPost(KEY)
    client.transmissions.base_uri = f"{stand.server.url}/api/v1"  # it would take https for granted
    for number, (name, address) in enumerate(READERS):
        values = values_of(f"d.{number}", address, name)
        copy = filled(email, values)
        client.transmissions.send(
            recipients=[{"address": {"email": values.address, "header_to": values.to}}],
            from_email='"Example Network" <news@example.org>',
            reply_to="editor@example.org",
            subject=email.subject,
            html=copy.html,
            text=copy.text,
            custom_headers=headers_of(email, values),
            metadata={"delivery_id": values.delivery_id},
            campaign=ISSUE,
            track_opens=False,
            track_clicks=False,
            perform_substitutions=False,
        )

    assert copies(stand.server.taken[len(READERS) :]) == ours
