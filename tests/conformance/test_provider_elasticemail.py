"""What is particular to Elastic Email: two endpoints, braces that it would merge, a 400 for everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.errors import BadInput, Unsupported
from newsletter.models import Asset
from newsletter.providers import open_provider
from newsletter.providers.base import Letter, Outcome
from newsletter.providers.elasticemail import read
from newsletter.providers.http import Reply
from tests.conformance.stand import ISSUE, addresses, an_email, compose, compose_for, settings_for
from tests.conformance.stands.elasticemail import ElasticEmailStand
from tests.loopback.api import Misdeed
from tests.loopback.elasticemail import BULK, KEY, TRANSACTIONAL

LETTER = Letter("d.0", "reader0@example.net", ())


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[ElasticEmailStand]:
    """Elastic Email with a stand-in that behaves."""
    with ElasticEmailStand(tmp_path) as opened:
        yield opened


def test_a_message_says_everything_that_the_issue_says(stand: ElasticEmailStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    call = json.loads(stand.server.bodies[0])
    assert stand.server.requests[0].path == BULK
    assert call["Recipients"] == [{"Email": "reader0@example.net"}]
    assert call["Content"]["From"] == '"Example Network" <news@example.org>'
    assert call["Content"]["ReplyTo"] == "editor@example.org"
    assert call["Content"]["Headers"]["X-Delivery-ID"] == "d.0"
    assert call["Options"] == {"TrackOpens": False, "TrackClicks": False}


def test_a_confirmation_goes_by_the_transactional_endpoint_to_a_named_reader(stand: ElasticEmailStand) -> None:
    headers = tuple(header for header in an_email().headers if not header[0].startswith("List-Unsubscribe"))
    email = an_email().model_copy(update={"issue": "system", "headers": headers})
    letters = compose_for(stand.provider, email, [("Zoë", "zoe@example.net")])

    (answer,) = stand.provider.send(letters, issue="system")

    assert answer.outcome is Outcome.ACCEPTED
    assert stand.server.requests[0].path == TRANSACTIONAL
    assert json.loads(stand.server.bodies[0])["Recipients"] == {"To": ['"Zoë" <zoe@example.net>']}


def test_a_brace_is_a_field_itself_and_a_subject_has_none(stand: ElasticEmailStand) -> None:
    stand.provider.send(stand.letters(1, text="p {color:red} {{x}}"), issue=ISSUE)

    html = json.loads(stand.server.bodies[0])["Content"]["Body"][0]["Content"]
    assert "p {brace}color:red} {brace}{brace}x}}" in html
    assert "p {color:red} {{x}}" in stand.arrived()[0].html
    with pytest.raises(Unsupported, match="brace in a subject"):
        stand.letters(1, subject="Dear {firstname}")


def test_a_picture_within_the_mail_is_refused_at_the_approval(stand: ElasticEmailStand) -> None:
    email = an_email().model_copy(update={"assets": (Asset("a1.png", b"\x89PNG", "a1"),)})

    with pytest.raises(Unsupported, match="pictures within the mail"):
        compose(stand.provider, email, addresses(1))


def test_a_pool_is_named_in_each_call(stand: ElasticEmailStand) -> None:
    provider = stand.open_with(name="elasticemail", api_key=KEY, base_url=stand.server.url, stream="weekly")

    provider.send(compose(provider, an_email(), addresses(1)), issue=ISSUE)
    provider.close()

    assert json.loads(stand.server.bodies[0])["Options"]["PoolName"] == "weekly"


def test_settings_without_a_use_and_a_missing_key_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        open_provider(settings_for(tmp_path, name="elasticemail", region="eu"))

    assert [place.where for place in raised.value.places] == ["NEWSLETTER_PROVIDER__API_KEY", "provider.region"]


@pytest.mark.parametrize(
    ("status", "said", "outcome"),
    [
        (200, {"TransactionID": "t", "MessageID": "m"}, Outcome.ACCEPTED),
        (200, {"TransactionID": "t"}, Outcome.UNSURE),
        (200, {"Error": "reader0@example.net is not valid"}, Outcome.UNSURE),
        (200, ["m"], Outcome.UNSURE),
        (400, {"Error": "The recipient Reader0@example.net is not valid"}, Outcome.REFUSED),
        (400, {"Error": "The recipient is not valid"}, Outcome.DENIED),
        (400, {"Error": "APIKey Expired"}, Outcome.DENIED),
        (429, {"Error": "reader0@example.net"}, Outcome.BUSY),
        (500, {"Error": "reader0@example.net"}, Outcome.UNSURE),
    ],
)
def test_an_error_is_the_recipients_only_where_it_names_them(status: int, said: object, outcome: Outcome) -> None:
    assert read(Reply(status, {}, json.dumps(said).encode()), LETTER).outcome is outcome


def test_what_follows_a_doubt_is_not_tried(stand: ElasticEmailStand) -> None:
    stand.server.misdeeds.extend([None, Misdeed.CUT_AFTER])

    answers = stand.provider.send(stand.letters(4), issue=ISSUE)

    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.UNSURE, Outcome.BUSY, Outcome.BUSY]
    assert stand.server.taken_ids == ["d.0", "d.1"]
