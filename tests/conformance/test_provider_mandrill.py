"""What is particular to Mandrill: the key in the body, what it says of each recipient, its search."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import BadInput, Unsupported
from newsletter.models import Asset
from newsletter.providers import open_provider
from newsletter.providers.base import Outcome
from newsletter.providers.http import Reply
from newsletter.providers.mandrill import MAX_MESSAGE_BYTES, read_refusal, read_status, tag_of
from tests.conformance.stand import ISSUE, addresses, an_email, compose, form_of, settings_for
from tests.conformance.stands.mandrill import MandrillStand
from tests.loopback.api import Canned, Misdeed, Response
from tests.loopback.mandrill import KEY

NOW = datetime(2026, 11, 19, 9, tzinfo=UTC)
IDS = ["d.0", "d.1", "d.2"]


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[MandrillStand]:
    """Mandrill with a stand-in that behaves."""
    with MandrillStand(tmp_path) as opened:
        yield opened


def call(stand: MandrillStand, number: int = 0) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(stand.server.bodies[number])
    return body


# --- what is asked for ------------------------------------------------------------------------------------------


def test_the_key_is_in_the_call_and_in_no_letter(stand: MandrillStand) -> None:
    letters = stand.letters(1)

    stand.provider.send(letters, issue=ISSUE)

    assert call(stand)["key"] == KEY
    assert not any(KEY.encode() in part for part in letters[0].parts)
    assert "authorization" not in stand.server.requests[0].headers


def test_each_reader_has_a_call_with_an_own_link_to_leave_in_the_headers(stand: MandrillStand) -> None:
    stand.provider.send(stand.letters(2), issue=ISSUE)

    message = call(stand, 1)["message"]
    assert message["headers"]["List-Unsubscribe"] == "<https://news.example.org/u/d.1>"
    assert message["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["headers"]["Reply-To"] == "editor@example.org"
    assert message["metadata"] == {"delivery_id": "d.1"}
    assert [to["email"] for to in message["to"]] == ["reader1@example.net"]


def test_nothing_of_a_mail_is_changed_on_the_way(stand: MandrillStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    message = call(stand)["message"]
    switches = ("merge", "track_opens", "track_clicks", "auto_text", "auto_html", "inline_css", "view_content_link")
    assert {name: message[name] for name in switches} == dict.fromkeys(switches, False)


def test_a_name_is_sent_where_there_is_one(stand: MandrillStand) -> None:
    stand.provider.send(stand.letters_for([("Ann", "ann@example.net"), ("", "ben@example.net")]), issue=ISSUE)

    assert [call(stand, number)["message"]["to"] for number in range(2)] == [
        [{"name": "Ann", "email": "ann@example.net"}],
        [{"email": "ben@example.net"}],
    ]


def test_an_issue_is_a_tag_that_mandrill_takes() -> None:
    assert tag_of(ISSUE) == ISSUE
    assert tag_of("_" + "x" * 60) == "x" * 49


def test_pictures_travel_within_the_mail(stand: MandrillStand) -> None:
    email = an_email().model_copy(update={"assets": (Asset("logo.png", b"xxx", content_id="logo"),)})

    stand.provider.send(compose(stand.provider, email, addresses(1)), issue=ISSUE)

    assert call(stand)["message"]["images"] == [{"type": "image/png", "name": "logo", "content": "eHh4"}]


def test_a_mail_larger_than_they_take_is_said_before_the_night() -> None:
    email = an_email().model_copy(update={"assets": (Asset("a.png", b"x" * MAX_MESSAGE_BYTES, content_id="a"),)})

    with pytest.raises(Unsupported, match="25 MB"):
        form_of(open_provider(settings_for(Path(), name="mandrill", api_key=KEY)), email)


# --- settings ---------------------------------------------------------------------------------------------------


def test_all_that_is_wrong_with_the_settings_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        open_provider(settings_for(tmp_path, name="mandrill", region="eu", domain="mg.example.org"))

    places = [place.where for place in raised.value.places]
    assert places == ["NEWSLETTER_PROVIDER__API_KEY", "provider.region", "provider.domain"]


def test_the_stream_is_a_subaccount(stand: MandrillStand) -> None:
    provider = stand.open_with(name="mandrill", base_url=stand.server.url, api_key=KEY, stream="digests")

    provider.send(compose(provider, an_email(), addresses(1)), issue=ISSUE)

    assert call(stand)["message"]["subaccount"] == "digests"


def test_no_more_than_sixteen_are_in_doubt_after_a_crash(stand: MandrillStand) -> None:
    larger = stand.open_with(name="mandrill", api_key=KEY, batch_size=500)
    smaller = stand.open_with(name="mandrill", api_key=KEY, batch_size=4)

    assert [one.abilities.batch_size for one in (stand.provider, larger, smaller)] == [16, 16, 4]


def test_a_wrong_key_is_found_before_the_night(stand: MandrillStand) -> None:
    known = stand.provider.verify()
    unknown = stand.open_with(name="mandrill", base_url=stand.server.url, api_key="another").verify()

    assert [answer.outcome for answer in (known, unknown) if answer] == [Outcome.ACCEPTED, Outcome.DENIED]


# --- answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "outcome"),
    [
        ({"status": "sent", "_id": "m"}, Outcome.ACCEPTED),
        ({"status": "scheduled", "_id": "m"}, Outcome.ACCEPTED),
        ({"status": "queued", "_id": "m", "queued_reason": "hourly-quota-exhausted"}, Outcome.ACCEPTED),
        ({"status": "invalid"}, Outcome.REFUSED),
        ({"status": "invalid", "reject_reason": "invalid-sender"}, Outcome.DENIED),
        ({"status": "rejected", "reject_reason": "hard-bounce"}, Outcome.REFUSED),
        ({"status": "rejected", "reject_reason": "soft-bounce"}, Outcome.REFUSED),
        ({"status": "rejected", "reject_reason": "spam"}, Outcome.REFUSED),
        ({"status": "rejected", "reject_reason": "unsub"}, Outcome.REFUSED),
        ({"status": "rejected", "reject_reason": "custom"}, Outcome.REFUSED),
        ({"status": "rejected", "reject_reason": ["spam"]}, Outcome.DENIED),
        ({"status": ["sent"]}, Outcome.UNSURE),
        ({"status": "rejected", "reject_reason": "unsigned"}, Outcome.DENIED),
        ({"status": "rejected", "reject_reason": "test-mode-limit"}, Outcome.DENIED),
        ({"status": "rejected", "reject_reason": "rule"}, Outcome.DENIED),
        ({"status": "rejected", "reject_reason": "a reason of tomorrow"}, Outcome.DENIED),
        ({"status": "rejected"}, Outcome.DENIED),
        ({"status": "a status of tomorrow"}, Outcome.UNSURE),
        ({}, Outcome.UNSURE),
    ],
)
def test_a_status_is_the_recipients_fault_only_where_its_reason_is(entry: dict[str, Any], outcome: Outcome) -> None:
    assert read_status([{"email": "ann@example.net", **entry}]).outcome is outcome


@pytest.mark.parametrize("entries", [None, {}, [], "sent", [None], [{"status": "sent"}] * 2])
def test_an_answer_that_is_not_one_result_says_nothing(entries: object) -> None:
    assert read_status(entries).outcome is Outcome.UNSURE


def failed(status: int, name: str, message: str = "") -> Reply:
    return Reply(status, {}, json.dumps({"status": "error", "name": name, "message": message}).encode())


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (failed(401, "Invalid_Key"), Outcome.DENIED),
        (failed(500, "Invalid_Key"), Outcome.DENIED),
        (failed(500, "PaymentRequired"), Outcome.DENIED),
        (failed(500, "Unknown_Subaccount"), Outcome.DENIED),
        (failed(500, "GeneralError"), Outcome.UNSURE),
        (failed(503, "ServiceUnavailable"), Outcome.UNSURE),
        (failed(500, "ValidationError", "You must specify a key value"), Outcome.DENIED),
        (failed(500, "ValidationError", 'Validation error: {"message":{"to":[{"email":"no @"}]}}'), Outcome.REFUSED),
        (failed(500, "ValidationError", 'Validation error: {"message":{"from_email":"no @"}}'), Outcome.DENIED),
        (failed(500, "ValidationError", 'Validation error: {"message":{"to":[],"html":"?"}}'), Outcome.DENIED),
        (failed(500, "ValidationError", "Validation error: {half"), Outcome.DENIED),
        (failed(500, "ValidationError", "Validation error: {half}"), Outcome.DENIED),
        (failed(429, ""), Outcome.BUSY),
        (Reply(500, {}, b"<html>"), Outcome.UNSURE),
        (Reply(500, {}, b"[]"), Outcome.UNSURE),
    ],
)
def test_an_error_is_read_by_its_name(reply: Reply, outcome: Outcome) -> None:
    answer = read_refusal(reply, now=NOW)

    assert answer is not None
    assert answer.outcome is outcome


def test_an_account_that_only_queues_stops_the_run_after_one_mail(stand: MandrillStand) -> None:
    stand.server.api.queued.extend(["hourly-quota-exhausted", "sending-suspended"])

    answers = stand.provider.send(stand.letters(5), issue=ISSUE)

    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED] * 2 + [Outcome.DENIED] * 3
    assert "sending-suspended" in str(answers[2].reason)
    assert stand.server.taken_ids == ["d.0", "d.1"]


def test_busy_tells_how_long_to_wait_where_mandrill_says_so(stand: MandrillStand) -> None:
    stand.server.misdeeds.extend([None, Canned(429, headers={"Retry-After": "7"})])

    answers = stand.provider.send(stand.letters(3), issue=ISSUE)

    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.BUSY, Outcome.BUSY]
    assert [answer.retry_after_s for answer in answers] == [None, 7.0, 7.0]


# --- looking up -------------------------------------------------------------------------------------------------


def test_a_mail_in_doubt_is_found_by_the_issues_tag(stand: MandrillStand) -> None:
    stand.server.misdeeds.extend([None, Misdeed.CUT_AFTER])
    stand.provider.send(stand.letters(3), issue=ISSUE)

    found = stand.provider.look_up(["d.1"], issue=ISSUE)

    assert found["d.1"].outcome is Outcome.ACCEPTED
    assert found["d.1"].provider_id == stand.server.taken[1].provider_id
    assert len(stand.server.api.searches) == 1


@pytest.mark.parametrize(("is_indexed", "found"), [(True, ["d.0"]), (False, [])])
def test_one_too_old_for_the_tags_newest_is_found_by_itself_where_the_account_indexes_ids(
    is_indexed: bool, found: list[str], stand: MandrillStand
) -> None:
    stand.provider.send(stand.letters(3), issue=ISSUE)
    stand.server.api.max_hits, stand.server.api.indexes_metadata = 1, is_indexed

    assert sorted(stand.provider.look_up(["d.0"], issue=ISSUE)) == found


def test_what_the_search_does_not_show_is_not_called_untaken(stand: MandrillStand) -> None:
    stand.provider.send(stand.letters(3), issue=ISSUE)
    stand.server.api.unindexed.add("d.1")

    assert sorted(stand.provider.look_up(IDS, issue=ISSUE)) == ["d.0", "d.2"]


def test_many_in_doubt_are_asked_for_in_few_searches(stand: MandrillStand) -> None:
    stand.provider.look_up([f"d.{number}" for number in range(1000)], issue=ISSUE)

    assert len(stand.server.api.searches) <= 6


def test_nobody_in_doubt_nothing_asked(stand: MandrillStand) -> None:
    assert stand.provider.look_up([], issue=ISSUE) == {}
    assert stand.server.api.searches == []


def test_a_rejected_mail_is_left_to_a_person(stand: MandrillStand) -> None:
    hit = {"_id": "m", "state": "rejected", "metadata": {"delivery_id": "d.0"}}
    stand.server.canned_search = Response(200, json.dumps([hit]).encode())

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


@pytest.mark.parametrize("page", [b"{}", b'[null, {"metadata": 7}, {"metadata": {"delivery_id": 7}}]', b"<html>"])
def test_a_search_that_answers_nonsense_finds_nobody(page: bytes, stand: MandrillStand) -> None:
    stand.server.canned_search = Response(200, page)

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


def test_a_search_that_fails_finds_nobody(stand: MandrillStand) -> None:
    stand.server.search_is_off = lambda: True

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}
