"""For SendGrid, django-anymail and Twilio's own client mean the same mail as we do."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from anymail.exceptions import AnymailNotSupportedWarning
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import (
    ClickTracking,
    Content,
    CustomArg,
    Email,
    Header,
    Mail,
    OpenTracking,
    Personalization,
    ReplyTo,
    SubscriptionTracking,
    To,
    TrackingSettings,
)

from newsletter.emails.markers import filled
from tests.conformance.peer_calls import copies, copies_from_anymail, copies_from_us
from tests.conformance.peers import READERS, hard_email, headers_of
from tests.conformance.stand import values_of
from tests.conformance.stands.sendgrid import SendgridStand
from tests.loopback.sendgrid import KEY


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[SendgridStand]:
    """SendGrid with a stand-in that behaves."""
    with SendgridStand(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("may_merge", [True, False])
def test_anymail_sends_every_reader_the_same(may_merge: bool, stand: SendgridStand) -> None:
    ours = copies_from_us(stand, stand.server, may_merge=may_merge)

    stand.server.api.tracks_unsubscribes = False  # anymail has no way to say it for a message
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AnymailNotSupportedWarning)  # it has no account to test with any more
        theirs = copies_from_anymail(
            stand.server, "sendgrid", api_key=KEY, api_url=f"{stand.server.url}/v3/", generate_message_id=False
        )

    assert ours == theirs


def test_twilios_client_sends_every_reader_the_same(stand: SendgridStand) -> None:
    ours = copies_from_us(stand, stand.server)

    client = SendGridAPIClient(KEY, host=stand.server.url)
    for number in range(len(READERS)):
        client.send(twilios_mail(number))

    assert copies(stand.server.taken[len(READERS) :]) == ours


def twilios_mail(number: int) -> Mail:
    name, address = READERS[number]
    email, values = hard_email(), values_of(f"d.{number}", address, name)
    copy = filled(email, values)
    person = Personalization()
    person.add_to(To(values.address, name or None))
    person.add_custom_arg(CustomArg("delivery_id", values.delivery_id))
    for header, value in headers_of(email, values).items():
        person.add_header(Header(header, value))
    mail = Mail(Email("news@example.org", "Example Network"), subject=email.subject)
    mail.add_personalization(person)
    mail.reply_to = ReplyTo("editor@example.org")
    mail.add_content(Content("text/plain", copy.text))
    mail.add_content(Content("text/html", copy.html))
    mail.tracking_settings = TrackingSettings(
        ClickTracking(False, False), OpenTracking(False), SubscriptionTracking(False)
    )
    return mail
