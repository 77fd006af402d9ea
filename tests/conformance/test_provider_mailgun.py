"""What is particular to Mailgun: its merge, its one answer for a whole call, its events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter.emails import merge
from newsletter.emails.fields import Fields, fields_of
from newsletter.errors import BadInput
from newsletter.models import Asset, Reader
from newsletter.providers import open_provider
from newsletter.providers.base import Answer, Letter, Outcome
from newsletter.providers.mailgun import EVENTS_A_PAGE, MAX_RECIPIENTS, next_page
from tests.conformance.stand import (
    ISSUE,
    LEAVE_START,
    WEB_URL,
    addresses,
    an_email,
    compose,
    compose_for,
    form_of,
    settings_for,
)
from tests.conformance.stands.mailgun import MailgunStand
from tests.loopback.api import Canned, Misdeed, Response
from tests.loopback.mailgun import KEY

IDS = ["d.0", "d.1", "d.2"]
PICTURE = Asset("sun.png", b"\x89PNG sun", "sun.png@pictures")


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[MailgunStand]:
    """Mailgun with a stand-in that behaves."""
    with MailgunStand(tmp_path) as opened:
        yield opened


def outcomes(answers: list[Answer]) -> list[Outcome]:
    return [answer.outcome for answer in answers]


def verdict(stand: MailgunStand, canned: Canned) -> Answer:
    stand.server.misdeeds.append(canned)
    (answer,) = stand.provider.send(stand.letters(1), issue=ISSUE)
    return answer


def real_values(number: int) -> Fields:
    """Of the lengths that a site's own ids and signatures have."""
    subscriber_id = f"abcdefghijkl{number:04}"
    token = f"{subscriber_id}." + "s" * 22
    return fields_of(
        Reader(subscriber_id, addresses(MAX_RECIPIENTS)[number], "Pat Reader", {}),
        delivery_id=f"{ISSUE}.{subscriber_id}",
        unsubscribe_url=LEAVE_START + token,
        web_url=WEB_URL,
        leave_token=token,
    )


# --- the call --------------------------------------------------------------------------------------------------


def test_a_thousand_readers_are_one_call_of_250_bytes_each_and_the_common_message(stand: MailgunStand) -> None:
    form = form_of(stand.provider, an_email())
    assert form.letter
    assert form.shared
    segments = merge.compile_json(form.letter, an_email().nonce)
    readers = [real_values(number) for number in range(MAX_RECIPIENTS)]
    letters = [Letter(one.delivery_id, one.address, segments.letter(one), form.shared) for one in readers]

    answers = stand.provider.send(letters, issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED] * MAX_RECIPIENTS
    (body,) = stand.server.bodies
    assert len(body) - len(form.shared) <= 250 * MAX_RECIPIENTS


def test_the_common_message_says_everything_that_the_issue_says(stand: MailgunStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    fields = stand.server.taken[0].message["fields"]
    assert fields["from"] == '"Example Network" <news@example.org>'
    assert fields["h:Reply-To"] == "editor@example.org"
    assert fields["subject"] == "Three new guides"
    assert fields["o:tag"] == ISSUE
    assert fields["h:List-Unsubscribe"] == "<https://news.example.org/u/%recipient.leave_token%>"
    assert "h:Message-ID" not in fields


def test_tracking_is_off_merged_or_not(stand: MailgunStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)
    stand.provider.send(stand.letters(1, text="%recipient.x%"), issue=ISSUE)

    for taken in stand.server.taken:
        options = taken.message["options"]
        assert {options[name] for name in ("o:tracking", "o:tracking-clicks", "o:tracking-opens")} == {"no"}


@pytest.mark.parametrize("syntax", ["%recipient.x%", "%recipient%", "%unsubscribe_url%", "%tag_unsubscribe_url%"])
def test_an_issue_with_mailguns_own_syntax_goes_in_finished_messages(syntax: str, stand: MailgunStand) -> None:
    form = form_of(stand.provider, an_email(subject=f"About {syntax}"))

    assert (form.letter, form.shared, form.batch_size) == (None, None, 16)


def test_mail_that_goes_to_one_address_instead_goes_in_finished_messages(stand: MailgunStand) -> None:
    letters = compose_for(stand.provider, an_email(), [("", "me@example.org")] * 2, may_merge=False)

    answers = stand.provider.send(letters, issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED] * 2
    assert stand.server.taken_ids == ["d.0", "d.1"]
    assert all(one.mime for one in stand.server.taken)


def test_a_reader_whose_name_is_mailguns_syntax_is_called_so(stand: MailgunStand) -> None:
    people = [("Ann", "ann@example.net"), ("%recipient.delivery_id%", "odd@example.net"), ("Bob", "bob@example.net")]

    answers = stand.provider.send(stand.letters_for(people), issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED] * 3
    assert stand.server.taken_ids == ["d.0", "d.2", "d.1"]
    odd = stand.server.taken[2]
    assert odd.headers["To"] == '"%recipient.delivery_id%" <odd@example.net>'
    assert odd.headers["List-Unsubscribe"] == "<https://news.example.org/u/d.1>"
    assert answers[1].provider_id == f"<{odd.provider_id}>"
    assert len(stand.server.bodies) == 2


def test_an_address_that_is_there_twice_gets_both_its_letters(stand: MailgunStand) -> None:
    letters = compose(stand.provider, an_email(), ["me@example.org", "ann@example.net", "Me@example.org"])

    answers = stand.provider.send(letters, issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED] * 3
    assert stand.server.taken_ids == IDS


def test_pictures_travel_within_the_mail(stand: MailgunStand) -> None:
    email = an_email().model_copy(update={"assets": (PICTURE,)})

    stand.provider.send(compose(stand.provider, email, addresses(2)), issue=ISSUE)

    assert stand.server.taken[1].message["inline"] == {"sun.png@pictures": b"\x89PNG sun"}


# --- settings --------------------------------------------------------------------------------------------------


def test_everything_missing_or_impossible_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        open_provider(settings_for(tmp_path, name="mailgun", region="mars"))

    assert [place.where for place in raised.value.places] == ["NEWSLETTER_PROVIDER__API_KEY", "provider.region"]


def test_the_domain_may_be_another_than_the_senders(stand: MailgunStand) -> None:
    provider = stand.open_with(name="mailgun", base_url=stand.server.url, api_key=KEY, domain="mg.example.org")

    (answer,) = provider.send(compose(provider, an_email(), addresses(1)), issue=ISSUE)

    assert answer.outcome is Outcome.DENIED
    assert answer.reason == "HTTP 404: Domain not found: mg.example.org"


# --- answers ---------------------------------------------------------------------------------------------------


def test_a_greeting_is_no_acceptance(stand: MailgunStand) -> None:
    answer = verdict(stand, Canned(200, b"Mailgun Magnificent API"))

    assert answer.outcome is Outcome.DENIED
    assert "provider.base_url" in str(answer.reason)


@pytest.mark.parametrize("body", [b'{"message": "Queued. Thank you."}', b'{"id": "<m@x>"}', b'{"id": 7}', b"[]", b""])
def test_a_200_that_does_not_say_queued_with_an_id_is_in_doubt(body: bytes, stand: MailgunStand) -> None:
    assert verdict(stand, Canned(200, body, takes=True)).outcome is Outcome.UNSURE


@pytest.mark.parametrize(
    ("status", "message", "outcome"),
    [
        (400, "'to' parameter is not a valid address. please check documentation", Outcome.REFUSED),
        (400, "to parameter is not a valid address. please check documentation", Outcome.REFUSED),
        (400, "'from' parameter is not a valid address. please check documentation", Outcome.DENIED),
        (400, "Too many recipients; max is 1000", Outcome.DENIED),
        (403, "Domain example.org is not allowed to send: the domain is unverified", Outcome.DENIED),
        (404, "Domain not found: example.org", Outcome.DENIED),
        (429, "Too many requests", Outcome.BUSY),
        (500, "Internal Server Error", Outcome.UNSURE),
    ],
)
def test_only_a_bad_address_is_the_recipients_fault(
    status: int, message: str, outcome: Outcome, stand: MailgunStand
) -> None:
    answer = verdict(stand, Canned(status, f'{{"message": "{message}"}}'.encode()))

    assert answer.outcome is outcome
    assert message in str(answer.reason)


def test_a_fault_at_the_first_of_several_calls_leaves_the_others_for_later(stand: MailgunStand) -> None:
    letters = compose(stand.provider, an_email(), ["me@example.org", "me@example.org"])
    stand.server.misdeeds.append(Misdeed.CUT_AFTER)

    answers = stand.provider.send(letters, issue=ISSUE)

    assert outcomes(answers) == [Outcome.UNSURE, Outcome.BUSY]
    assert stand.server.taken_ids == ["d.0"]


# --- looking up ------------------------------------------------------------------------------------------------


def test_a_full_call_in_doubt_is_found_in_the_events_of_several_pages(stand: MailgunStand) -> None:
    letters = stand.letters(EVENTS_A_PAGE + 50)
    stand.server.misdeeds.append(Misdeed.CUT_AFTER)
    stand.provider.send(letters, issue=ISSUE)

    found = stand.provider.look_up([letter.delivery_id for letter in letters], issue=ISSUE)

    assert len(found) == len(letters)
    assert set(outcomes(list(found.values()))) == {Outcome.ACCEPTED}
    assert found["d.0"].provider_id == f"<{stand.server.taken[0].provider_id}>"


def test_what_the_events_do_not_show_yet_is_not_called_untaken(stand: MailgunStand) -> None:
    stand.provider.send(stand.letters(3), issue=ISSUE)
    stand.server.api.unindexed.add("d.1")

    assert sorted(stand.provider.look_up(IDS, issue=ISSUE)) == ["d.0", "d.2"]


@pytest.mark.parametrize(
    "page",
    [
        b"[]",
        b"{}",
        b'{"items": 7}',
        b'{"items": [null, {"user-variables": 7}]}',
        b'{"items": [{}], "paging": []}',
        b"<html>",
    ],
)
def test_events_that_are_nonsense_show_nobody(page: bytes, stand: MailgunStand) -> None:
    stand.server.canned_search = Response(200, page)

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("https://api.eu.mailgun.net/v3/example.org/events/W3siYSI6", "/v3/example.org/events/W3siYSI6"),
        ("http://proxy.example/mailgun/v3/example.org/events?page=2&limit=9", "/v3/example.org/events?page=2&limit=9"),
        ("https://api.eu.mailgun.net/", ""),
        (None, ""),
    ],
)
def test_the_next_page_of_events_is_asked_for_where_we_are(address: str | None, path: str) -> None:
    assert next_page({"paging": {"next": address}}) == path


def test_events_that_cannot_be_read_show_nobody(stand: MailgunStand) -> None:
    stand.server.search_is_off = lambda: True

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


# --- asking whether it knows us --------------------------------------------------------------------------------


def asked(stand: MailgunStand, **provider: Any) -> Answer | None:
    return stand.open_with(**{"name": "mailgun", "base_url": stand.server.url, "api_key": KEY, **provider}).verify()


def test_the_right_key_and_domain_are_known_and_nothing_is_sent(stand: MailgunStand) -> None:
    assert asked(stand) == Answer(Outcome.ACCEPTED)
    assert stand.server.taken == []


@pytest.mark.parametrize("wrong", [{"api_key": "another"}, {"domain": "other.example"}])
def test_a_wrong_key_or_domain_is_said(wrong: dict[str, str], stand: MailgunStand) -> None:
    answer = asked(stand, **wrong)

    assert answer
    assert answer.outcome is Outcome.DENIED


def test_an_api_that_cannot_be_reached_is_busy(stand: MailgunStand) -> None:
    answer = asked(stand, base_url="http://127.0.0.1:9")

    assert answer
    assert answer.outcome is Outcome.BUSY


def test_no_letters_are_no_call(stand: MailgunStand) -> None:
    letters: list[Letter] = []

    assert stand.provider.send(letters, issue=ISSUE) == []
    assert stand.server.bodies == []
