"""What is particular to Mailjet: its message, results inside a 400, its two keys, its list of messages."""

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
from newsletter.providers.mailjet import judge, read_entries
from tests.conformance.stand import ISSUE, addresses, an_email, compose, settings_for
from tests.conformance.stands.mailjet import MailjetStand
from tests.loopback.api import Canned, Misdeed, Response
from tests.loopback.mailjet import KEY, SECRET

LETTERS = [Letter(f"d.{number}", f"reader{number}@example.net", ()) for number in range(3)]
IDS = [letter.delivery_id for letter in LETTERS]


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[MailjetStand]:
    """Mailjet with a stand-in that behaves."""
    with MailjetStand(tmp_path) as opened:
        yield opened


def taken(number: int) -> dict[str, Any]:
    return {"Status": "success", "CustomID": f"d.{number}", "To": [{"MessageID": 100 + number}]}


def error(code: str, status: int, related: str, words: str = "so it is") -> dict[str, Any]:
    return {"ErrorCode": code, "StatusCode": status, "ErrorRelatedTo": [related], "ErrorMessage": words}


def test_a_message_names_its_delivery_and_its_issue(stand: MailjetStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    message = stand.server.taken[0].message
    assert message["CustomID"] == "d.0"
    assert json.loads(message["EventPayload"]) == {"issue": ISSUE}
    assert message["CustomCampaign"] == ISSUE


def test_nothing_is_merged_and_nothing_tracked(stand: MailjetStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    message = stand.server.taken[0].message
    assert message["TemplateLanguage"] is False
    assert (message["TrackOpens"], message["TrackClicks"]) == ("disabled", "disabled")


def test_a_reader_without_a_name_has_none(stand: MailjetStand) -> None:
    stand.provider.send(stand.letters_for([("", "pat@example.net"), ("Pat", "pat@example.net")]), issue=ISSUE)

    recipients = [one.message["To"] for one in stand.server.taken]
    assert recipients == [[{"Email": "pat@example.net"}], [{"Name": "Pat", "Email": "pat@example.net"}]]


def test_pictures_travel_within_the_mail(stand: MailjetStand) -> None:
    email = an_email().model_copy(update={"assets": (Asset("a1.png", b"\x89PNG", "a1"), Asset("b2.jpg", b"x"))})

    stand.provider.send(compose(stand.provider, email, addresses(1)), issue=ISSUE)

    (picture,) = stand.server.taken[0].message["InlinedAttachments"]
    assert picture == {
        "ContentType": "image/png",
        "Filename": "a1.png",
        "ContentID": "a1",
        "Base64Content": "iVBORw==",
    }


def test_a_call_holds_fifty_messages(stand: MailjetStand) -> None:
    assert stand.provider.abilities.batch_size == 50


def test_every_setting_that_is_missing_or_wrong_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        open_provider(settings_for(tmp_path, name="mailjet", api_key="two words", region="mars"))

    wrong = {place.where for place in raised.value.places}
    assert wrong == {"NEWSLETTER_PROVIDER__API_KEY", "NEWSLETTER_PROVIDER__API_SECRET", "provider.region"}
    assert "two words" not in str(raised.value)


def test_others_are_mailed_though_the_call_is_answered_with_400(stand: MailjetStand) -> None:
    letters = stand.letters(3)
    stand.refuse(letters[1].email)

    answers = stand.provider.send(letters, issue=ISSUE)

    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.ACCEPTED]
    assert len(stand.server.bodies) == 1


@pytest.mark.parametrize(
    ("errors", "outcome"),
    [
        ([error("mj-0013", 400, "To[0].Email")], Outcome.REFUSED),
        ([error("mj-0013", 400, "From.Email")], Outcome.DENIED),
        ([error("mj-0013", 400, "To[0].Email"), error("send-0003", 400, "HTMLPart")], Outcome.DENIED),
        ([error("send-0008", 403, "From")], Outcome.DENIED),
        ([error("send-0011", 400, 'Headers["X"]')], Outcome.DENIED),
        ([error("mj-0004", 400, "To")], Outcome.DENIED),
        ([error("what", 429, "Messages")], Outcome.BUSY),
        ([error("what", 500, "")], Outcome.UNSURE),
        ([{"ErrorCode": "mj-0013"}], Outcome.DENIED),
    ],
)
def test_an_error_is_the_recipients_only_where_its_address_is_none(
    errors: list[dict[str, Any]], outcome: Outcome
) -> None:
    assert judge(errors).outcome is outcome


@pytest.mark.parametrize(
    "entry",
    [None, "success", {}, {"Status": "queued"}, {"Status": "error"}, {"Status": "error", "Errors": ["no"]}, {"To": []}],
)
def test_a_result_without_meaning_says_nothing(entry: object) -> None:
    assert read_entries([entry], LETTERS[:1])[0].outcome is Outcome.UNSURE


@pytest.mark.parametrize("to", [None, [], [None], [{}], [{"MessageID": 0}], [{"MessageID": None}]])
def test_a_message_may_be_taken_without_an_id(to: object) -> None:
    answer = read_entries([{"Status": "success", "To": to}], LETTERS[:1])[0]

    assert (answer.outcome, answer.provider_id) == (Outcome.ACCEPTED, None)


def test_results_in_another_order_are_read_by_the_delivery_they_name() -> None:
    entries = [taken(2), {"Status": "error", "Errors": [error("mj-0013", 400, "To[0].Email")]}, taken(1)]

    answers = read_entries(entries, LETTERS)

    assert [answer.outcome for answer in answers] == [Outcome.UNSURE, Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert [answer.provider_id for answer in answers] == [None, "101", "102"]


def test_of_a_short_answer_only_those_count_that_are_named() -> None:
    answers = read_entries([taken(0), taken(2)], LETTERS)

    assert [answer.provider_id for answer in answers] == ["100", None, "102"]
    assert answers[1].outcome is Outcome.UNSURE


def test_more_results_than_messages_say_nothing() -> None:
    assert {answer.outcome for answer in read_entries([taken(0)] * 4, LETTERS)} == {Outcome.UNSURE}


def test_an_error_about_the_whole_call_stops_the_run(stand: MailjetStand) -> None:
    body = b'{"ErrorCode": "mj-0002", "ErrorMessage": "Malformed JSON", "StatusCode": 400}'
    stand.server.misdeeds.append(Canned(400, body))

    answers = stand.provider.send(stand.letters(2), issue=ISSUE)

    assert {answer.outcome for answer in answers} == {Outcome.DENIED}
    assert answers[0].reason == "HTTP 400: mj-0002 Malformed JSON"


def test_those_in_doubt_are_found_by_our_id(stand: MailjetStand) -> None:
    stand.server.misdeeds.append(Misdeed.CUT_AFTER)
    stand.provider.send(stand.letters(3), issue=ISSUE)
    stand.server.api.unindexed.add("d.1")

    found = stand.provider.look_up([*IDS, "d.77"], issue=ISSUE)

    assert {name: answer.outcome for name, answer in found.items()} == dict.fromkeys(["d.0", "d.2"], Outcome.ACCEPTED)
    assert found["d.2"].provider_id == stand.server.taken[2].provider_id


def test_a_list_that_ignores_the_filter_finds_nobody_else(stand: MailjetStand) -> None:
    stand.provider.send(stand.letters(3), issue=ISSUE)
    stand.server.api.ignores_filter = True

    assert stand.provider.look_up(["d.77"], issue=ISSUE) == {}


@pytest.mark.parametrize("page", [b"[]", b"{}", b'{"Data": [null, 7, {}]}', b"<html>"])
def test_a_list_that_is_nonsense_finds_nobody(page: bytes, stand: MailjetStand) -> None:
    stand.server.canned_search = Response(200, page)

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


def test_it_can_be_asked_whether_the_keys_are_right(stand: MailjetStand) -> None:
    wrong = stand.open_with(name="mailjet", base_url=stand.server.url, api_key=KEY, api_secret="another")

    right_answer, wrong_answer = stand.provider.verify(), wrong.verify()

    assert right_answer is not None
    assert wrong_answer is not None
    assert (right_answer.outcome, wrong_answer.outcome) == (Outcome.ACCEPTED, Outcome.DENIED)


def test_the_keys_are_in_no_body(stand: MailjetStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    assert KEY.encode() not in stand.server.bodies[0]
    assert SECRET.encode() not in stand.server.bodies[0]
