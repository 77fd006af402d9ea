"""For Mandrill, django-anymail and Mailchimp's own client mean the same mail as we do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mailchimp_transactional import Client

from newsletter.emails.markers import filled
from tests.conformance.peer_calls import copies, copies_from_anymail, copies_from_us
from tests.conformance.peers import READERS, hard_email, headers_of
from tests.conformance.stand import ISSUE, an_email, values_of
from tests.conformance.stands.mandrill import MandrillStand
from tests.loopback.mandrill import KEY

WITHOUT_TAGS = an_email(subject="-name- %recipient.x% ☕", text="Grüße & mehr: ${a} <%= b %> [[c]] %%d%%")
"""Where anymail leaves it to the account whether Mandrill merges, we do not; of the rest it must be the same."""


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[MandrillStand]:
    """Mandrill with a stand-in that behaves."""
    with MandrillStand(tmp_path) as opened:
        yield opened


def test_anymail_sends_every_reader_the_same(stand: MandrillStand) -> None:
    ours = copies_from_us(stand, stand.server, email=WITHOUT_TAGS)

    stand.server.api.adds_view_link = False  # an account's setting that anymail does not touch
    url = f"{stand.server.url}/api/1.0/"
    theirs = copies_from_anymail(stand.server, "mandrill", email=WITHOUT_TAGS, api_key=KEY, api_url=url)

    assert ours == theirs


def test_mailchimps_client_sends_every_reader_the_same(stand: MandrillStand) -> None:
    ours, email = copies_from_us(stand, stand.server), hard_email()

    client = Client(KEY)
    client.api_client.host = f"{stand.server.url}/api/1.0"
    for number, (name, address) in enumerate(READERS):
        values = values_of(f"d.{number}", address, name)
        copy = filled(email, values)
        message = {
            "from_email": "news@example.org",
            "from_name": "Example Network",
            "to": [{"email": values.address, **({"name": name} if name else {})}],
            "subject": email.subject,
            "html": copy.html,
            "text": copy.text,
            "headers": {**headers_of(email, values), "Reply-To": "editor@example.org"},
            "metadata": {"delivery_id": values.delivery_id},
            "tags": [ISSUE],
            "merge": False,
            "track_opens": False,
            "track_clicks": False,
            "view_content_link": False,
        }
        client.messages.send({"message": message})

    assert copies(stand.server.taken[len(READERS) :]) == ours
