"""What is particular to SMTP2GO: a call a letter, counts for an answer, errors inside a 200, four regions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import BadInput
from newsletter.models import Asset
from newsletter.providers import open_provider
from newsletter.providers.base import Letter, Outcome
from newsletter.providers.smtp2go import read_counts
from tests.conformance.stand import ISSUE, addresses, an_email, compose, settings_for
from tests.conformance.stands.smtp2go import Smtp2goStand
from tests.loopback.api import Canned, Misdeed

LETTER = Letter("d.0", "reader0@example.net", ())


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Smtp2goStand]:
    """SMTP2GO with a stand-in that behaves."""
    with Smtp2goStand(tmp_path) as opened:
        yield opened


def test_a_message_says_everything_that_the_issue_says(stand: Smtp2goStand) -> None:
    email = an_email().model_copy(update={"assets": (Asset("a1.png", b"\x89PNG", "a1"),)})

    stand.provider.send(compose(stand.provider, email, addresses(1)), issue=ISSUE)

    message = json.loads(stand.server.bodies[0])
    headers = {one["header"]: one["value"] for one in message["custom_headers"]}
    assert message["sender"] == '"Example Network" <news@example.org>'
    assert message["to"] == ["reader0@example.net"]
    assert message["inlines"] == [{"filename": "a1", "fileblob": "iVBORw==", "mimetype": "image/png"}]
    assert headers["Reply-To"] == "editor@example.org"
    assert headers["X-Delivery-ID"] == "d.0"


def test_after_a_crash_sixteen_people_are_in_doubt_at_most(stand: Smtp2goStand) -> None:
    assert stand.provider.abilities.batch_size == 16


def test_an_unknown_region_and_a_missing_key_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        open_provider(settings_for(tmp_path, name="smtp2go", region="mars"))

    assert [place.where for place in raised.value.places] == ["NEWSLETTER_PROVIDER__API_KEY", "provider.region"]


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        ({"succeeded": 1, "failed": 0, "email_id": "1er8bV-6Tw0Mi-7h"}, Outcome.ACCEPTED),
        ({"succeeded": 1, "failed": 0}, Outcome.ACCEPTED),
        ({"succeeded": 0, "failed": 1, "failures": ["Reader0@example.net is blocked"]}, Outcome.REFUSED),
        ({"succeeded": 0, "failed": 1, "failures": ["news@example.org is not verified"]}, Outcome.DENIED),
        ({"succeeded": 0, "failed": 1}, Outcome.DENIED),
        ({"succeeded": 1, "failed": 1, "failures": ["reader0@example.net"]}, Outcome.UNSURE),
        ({"succeeded": 2, "failed": 0}, Outcome.UNSURE),
        ({"succeeded": 0, "failed": 0}, Outcome.UNSURE),
        ({"succeeded": "1", "failed": "0"}, Outcome.UNSURE),
        ({}, Outcome.UNSURE),
    ],
)
def test_the_counts_say_what_became_of_the_one_recipient(data: dict[str, Any], outcome: Outcome) -> None:
    assert read_counts(data, LETTER).outcome is outcome


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("is_nested", [True, False])
@pytest.mark.parametrize(("field", "outcome"), [("to", Outcome.REFUSED), ("sender", Outcome.DENIED)])
def test_an_error_is_the_recipients_only_where_its_field_is_wrong(
    field: str, outcome: Outcome, is_nested: bool, status: int, stand: Smtp2goStand
) -> None:
    error = {"error": "invalid", "field_validation_errors": {"fieldname": field, "message": "no address"}}
    stand.server.misdeeds.append(Canned(status, json.dumps({"data": error} if is_nested else error).encode()))

    (answer,) = stand.provider.send(stand.letters(1), issue=ISSUE)

    assert (answer.outcome, answer.reason) == (outcome, "SMTP2GO: invalid no address")


def test_what_follows_a_doubt_is_not_tried(stand: Smtp2goStand) -> None:
    stand.server.misdeeds.extend([None, Misdeed.CUT_AFTER])

    answers = stand.provider.send(stand.letters(4), issue=ISSUE)

    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.UNSURE, Outcome.BUSY, Outcome.BUSY]
    assert stand.server.taken_ids == ["d.0", "d.1"]
