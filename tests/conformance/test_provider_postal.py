"""What is particular to Postal: where it is, whole messages in base64, HTTP 200 for everything."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import BadInput
from newsletter.models import Asset
from newsletter.providers import open_provider
from newsletter.providers.base import Outcome
from newsletter.providers.http import Reply
from newsletter.providers.postal import read_answer
from tests.conformance.stand import ISSUE, addresses, an_email, compose, settings_for
from tests.conformance.stands.postal import PostalStand
from tests.loopback.api import Canned, Response
from tests.loopback.postal import KEY

URL = "https://postal.example.org"


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[PostalStand]:
    """Postal with a stand-in that behaves."""
    with PostalStand(tmp_path) as opened:
        yield opened


def call(stand: PostalStand, number: int = 0) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(stand.server.bodies[number])
    return body


# --- what is asked for ------------------------------------------------------------------------------------------


def test_a_letter_is_sent_as_it_is_behind_two_headers_that_are_postals(stand: PostalStand) -> None:
    letters = stand.letters(2)

    stand.provider.send(letters, issue=ISSUE)

    message = base64.b64decode(call(stand, 1)["data"])
    assert message == b"X-AMP: skip\r\nX-Postal-Tag: weekly-2026-11-19\r\n" + b"".join(letters[1].parts)


def test_one_call_has_one_recipient_and_the_bare_sender(stand: PostalStand) -> None:
    stand.provider.send(stand.letters(2), issue=ISSUE)

    assert [call(stand, number)["rcpt_to"] for number in range(2)] == [[address] for address in addresses(2)]
    assert call(stand)["mail_from"] == "news@example.org"


def test_our_message_id_is_kept(stand: PostalStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    assert stand.server.taken[0].headers["Message-ID"] == "<d.0@example.org>"


def test_pictures_travel_within_the_mail(stand: PostalStand) -> None:
    email = an_email().model_copy(update={"assets": (Asset("logo.png", b"xxx", content_id="logo"),)})

    answers = stand.provider.send(compose(stand.provider, email, addresses(1)), issue=ISSUE)

    assert answers[0].outcome is Outcome.ACCEPTED
    assert b"Content-ID: <logo>" in base64.b64decode(call(stand)["data"])


def test_the_number_of_the_message_is_kept(stand: PostalStand) -> None:
    answers = stand.provider.send(stand.letters(2), issue=ISSUE)

    assert [answer.provider_id for answer in answers] == ["4711", "4712"]


# --- settings ---------------------------------------------------------------------------------------------------


def test_all_that_is_wrong_with_the_settings_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        open_provider(settings_for(tmp_path, name="postal", region="eu", domain="mg.example.org", stream="bulk"))

    assert {place.where for place in raised.value.places} == {
        "NEWSLETTER_PROVIDER__API_KEY",
        "provider.base_url",
        "provider.region",
        "provider.domain",
        "provider.stream",
    }
    assert raised.value.fix
    assert "into .env; mend what stands under [provider]" in raised.value.fix


def test_a_sender_in_an_internationalised_domain_is_written_as_it_travels(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, name="postal", api_key=KEY, base_url=URL)
    sender = settings.sender.model_copy(update={"email": "news@bücher.example"})

    provider = open_provider(settings.model_copy(update={"sender": sender}))

    assert vars(provider)["_sender"] == "news@xn--bcher-kva.example"


def test_no_more_than_sixteen_are_in_doubt_after_a_crash(stand: PostalStand) -> None:
    larger = stand.open_with(name="postal", api_key=KEY, base_url=URL, batch_size=500)
    smaller = stand.open_with(name="postal", api_key=KEY, base_url=URL, batch_size=4)

    assert [one.abilities.batch_size for one in (stand.provider, larger, smaller)] == [16, 16, 4]


def test_a_wrong_key_is_found_before_the_night(stand: PostalStand) -> None:
    known = stand.provider.verify()
    unknown = stand.open_with(name="postal", base_url=stand.server.url, api_key="another").verify()

    assert [answer.outcome for answer in (known, unknown) if answer] == [Outcome.ACCEPTED, Outcome.DENIED]


def test_a_server_that_is_no_postal_is_found_before_the_night(stand: PostalStand) -> None:
    stand.server.search_is_off = lambda: True

    answer = stand.provider.verify()

    assert answer is not None
    assert answer.outcome is not Outcome.ACCEPTED


# --- answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({"status": "success", "data": {"messages": {"ann@example.net": {"id": 7}}}}, Outcome.ACCEPTED),
        ({"status": "success", "data": {"messages": {}}}, Outcome.UNSURE),
        ({"status": "success", "data": {"messages": {"a": {"id": 7}, "b": {"id": 8}}}}, Outcome.UNSURE),
        ({"status": "success", "data": {"messages": {"a": {}}}}, Outcome.UNSURE),
        ({"status": "success", "data": {"messages": [7]}}, Outcome.UNSURE),
        ({"status": "success"}, Outcome.UNSURE),
        ({"status": "error", "data": {"code": "UnauthenticatedFromAddress"}}, Outcome.DENIED),
        ({"status": "error", "data": {"code": "a code of tomorrow"}}, Outcome.DENIED),
        ({"status": "error"}, Outcome.DENIED),
        ({"status": "parameter-error", "data": {"message": "`rcpt_to` is missing"}}, Outcome.DENIED),
        ({"status": "a status of tomorrow"}, Outcome.UNSURE),
        ({}, Outcome.UNSURE),
        ([], Outcome.UNSURE),
    ],
)
def test_200_says_nothing_and_the_body_all(said: object, outcome: Outcome) -> None:
    assert read_answer(Reply(200, {}, json.dumps(said).encode()), None).outcome is outcome


def test_the_words_of_an_error_are_kept_without_the_key_that_it_repeats(stand: PostalStand) -> None:
    provider = stand.open_with(name="postal", base_url=stand.server.url, api_key="another-key-of-ours")

    answers = provider.send(stand.letters(2), issue=ISSUE)

    assert [answer.outcome for answer in answers] == [Outcome.DENIED] * 2
    assert "InvalidServerAPIKey: The API token provided" in str(answers[0].reason)
    assert "another-key-of-ours" not in str(answers[0].reason)


def test_what_a_proxy_before_it_answers_is_read_too(stand: PostalStand) -> None:
    stand.server.misdeeds.append(Canned(429, headers={"Retry-After": "7"}))

    answers = stand.provider.send(stand.letters(2), issue=ISSUE)

    assert [(answer.outcome, answer.retry_after_s) for answer in answers] == [(Outcome.BUSY, 7.0)] * 2


def test_a_page_in_place_of_a_postal_is_no_acceptance(stand: PostalStand) -> None:
    stand.server.canned_search = Response(200, b"<html>Welcome</html>")

    answer = stand.provider.verify()

    assert answer is not None
    assert answer.outcome is Outcome.DENIED
