"""What is particular to Mailtrap: its two streams, what is said once a call, results without codes, its log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import BadInput
from newsletter.models import Asset
from newsletter.providers import mailtrap, open_provider
from newsletter.providers.base import Letter, Outcome
from newsletter.providers.lots import MAX_BAD_ONES
from newsletter.providers.mailtrap import judge, read_responses
from tests.conformance.stand import ISSUE, addresses, an_email, compose, settings_for
from tests.conformance.stands.mailtrap import MailtrapStand
from tests.loopback.api import ApiServer, Canned, Misdeed, Response
from tests.loopback.mailtrap import TOKEN, MailtrapApi

LETTERS = [Letter(f"d.{number}", f"reader{number}@example.net", ()) for number in range(3)]
IDS = [f"d.{number}" for number in range(5)]


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[MailtrapStand]:
    """Mailtrap with a stand-in that behaves."""
    with MailtrapStand(tmp_path) as opened:
        yield opened


def call_of(stand: MailtrapStand) -> dict[str, Any]:
    return dict(json.loads(stand.server.bodies[0]))


def test_the_call_says_once_what_is_the_same_for_all(stand: MailtrapStand) -> None:
    email = an_email().model_copy(update={"assets": (Asset("a1.png", b"\x89PNG", "a1"), Asset("b2.jpg", b"x"))})

    stand.provider.send(compose(stand.provider, email, addresses(2)), issue=ISSUE)

    picture = {"filename": "a1.png", "type": "image/png", "content": "iVBORw==", "disposition": "inline"}
    assert call_of(stand)["base"] == {
        "from": {"email": "news@example.org", "name": "Example Network"},
        "subject": "Three new guides",
        "category": ISSUE,
        "reply_to": {"email": "editor@example.org"},
        "attachments": [picture | {"content_id": "a1"}],
    }


def test_each_request_says_what_is_its_readers_alone(stand: MailtrapStand) -> None:
    stand.provider.send(stand.letters(2), issue=ISSUE)

    request = call_of(stand)["requests"][1]
    assert request["to"] == [{"email": "reader1@example.net"}]
    assert request["custom_variables"] == {"delivery_id": "d.1"}
    assert request["headers"]["X-Delivery-ID"] == "d.1"
    assert set(request) == {"to", "html", "text", "headers", "custom_variables"}


def test_a_header_beyond_ascii_comes_encoded(stand: MailtrapStand) -> None:
    title = '"Wöchentliches" <weekly.example.org>'
    headers = tuple((name, title if name == "List-Id" else value) for name, value in an_email().headers)
    letters = compose(stand.provider, an_email().model_copy(update={"headers": headers}), addresses(1))

    stand.provider.send(letters, issue=ISSUE)

    value = call_of(stand)["requests"][0]["headers"]["List-Id"]
    assert value.isascii()
    assert value.endswith("<weekly.example.org>")


def test_digests_and_confirmations_go_through_different_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ApiServer(MailtrapApi()) as bulk, ApiServer(MailtrapApi()) as transactional:
        monkeypatch.setattr(mailtrap, "BULK_URL", bulk.url)
        monkeypatch.setattr(mailtrap, "TRANSACTIONAL_URL", transactional.url)
        provider = open_provider(settings_for(tmp_path, name="mailtrap", api_key=TOKEN))

        provider.send(compose(provider, an_email(), addresses(3)), issue=ISSUE)
        provider.send(compose(provider, an_email(), addresses(1)), issue="system")

        assert (len(bulk.taken), len(transactional.taken)) == (3, 1)


def test_limits_are_those_of_the_batch_call(stand: MailtrapStand) -> None:
    abilities = stand.provider.abilities

    assert (abilities.batch_size, abilities.batch_bytes, abilities.calls_per_s) == (500, 50_000_000, 15.0)


def test_a_missing_token_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="NEWSLETTER_PROVIDER__API_KEY: the API token is missing"):
        open_provider(settings_for(tmp_path, name="mailtrap"))


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("'to' address is invalid", Outcome.REFUSED),
        ("Recipient is on the suppression list", Outcome.REFUSED),
        ("'to' address is invalid: from.the.domain@limit.example", Outcome.REFUSED),
        ("sending domain of news@example.org is not verified", Outcome.DENIED),
        ("'from' address is invalid", Outcome.DENIED),
        ("Daily sending limit reached for this recipient", Outcome.DENIED),
        ("'subject' is too long", Outcome.DENIED),
        ("You have to verify your account", Outcome.DENIED),
        ("no", Outcome.DENIED),
        ("", Outcome.DENIED),
    ],
)
def test_an_error_is_the_recipients_only_where_it_says_so(words: str, outcome: Outcome) -> None:
    assert judge(words) is outcome


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        ({"success": True, "message_ids": ["m"]}, Outcome.ACCEPTED),
        ({"success": True}, Outcome.ACCEPTED),
        ({"success": True, "message_ids": [7]}, Outcome.ACCEPTED),
        ({"success": False, "errors": ["'to' address is invalid"]}, Outcome.REFUSED),
        ({"success": False, "errors": "'to' address is invalid"}, Outcome.REFUSED),
        ({"success": False, "errors": ["domain is not verified"]}, Outcome.DENIED),
        ({"success": False}, Outcome.UNSURE),
        ({"success": "true", "message_ids": ["m"]}, Outcome.UNSURE),
        ({"message_ids": ["m"]}, Outcome.UNSURE),
        ({}, Outcome.UNSURE),
        (None, Outcome.UNSURE),
    ],
)
def test_a_message_is_taken_only_where_its_result_says_so(response: object, outcome: Outcome) -> None:
    body = {"success": True, "responses": [response]}

    assert read_responses(body, LETTERS[:1])[0].outcome is outcome


@pytest.mark.parametrize("responses", [None, {}, "OK", [], [{"success": True}] * 2, [{"success": True}] * 4])
def test_without_a_result_for_each_message_nothing_is_certain(responses: object) -> None:
    answers = read_responses({"success": True, "responses": responses}, LETTERS)

    assert [answer.outcome for answer in answers] == [Outcome.UNSURE] * 3


def test_one_bad_address_that_makes_the_call_fail_is_singled_out(stand: MailtrapStand) -> None:
    letters = stand.letters(20)
    stand.server.api.invalid.add(letters[13].email)

    answers = stand.provider.send(letters, issue=ISSUE)

    assert [number for number, answer in enumerate(answers) if answer.outcome is Outcome.REFUSED] == [13]
    assert stand.server.taken_ids == [letter.delivery_id for letter in letters if letter is not letters[13]]


def test_a_call_refused_for_everybody_stops_the_run_after_a_few(stand: MailtrapStand) -> None:
    letters = stand.letters(100)
    stand.server.api.invalid.update(letter.email for letter in letters)

    outcomes = [answer.outcome for answer in stand.provider.send(letters, issue=ISSUE)]

    assert outcomes.count(Outcome.REFUSED) <= MAX_BAD_ONES + 1
    assert set(outcomes) == {Outcome.REFUSED, Outcome.DENIED}


def test_the_next_call_waits_where_rate_headers_say_so(stand: MailtrapStand) -> None:
    body = json.dumps({"success": True, "responses": [{"success": True, "message_ids": ["m"]}]}).encode()
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "4"}
    stand.server.misdeeds.append(Canned(200, body, headers, takes=True))

    (answer,) = stand.provider.send(stand.letters(1), issue=ISSUE)

    assert (answer.outcome, answer.pause_s) == (Outcome.ACCEPTED, 4.0)


# --- looking up -------------------------------------------------------------------------------------------------


def test_an_issue_in_doubt_is_found_in_the_log_page_by_page(stand: MailtrapStand) -> None:
    stand.server.misdeeds.append(Misdeed.CUT_AFTER)
    stand.provider.send(stand.letters(5), issue=ISSUE)
    stand.server.api.unindexed.add("d.1")

    found = stand.provider.look_up([*IDS, "d.77"], issue=ISSUE)

    assert sorted(found) == ["d.0", "d.2", "d.3", "d.4"]
    assert found["d.4"].provider_id == stand.server.taken[4].provider_id


def test_a_log_that_ignores_the_filter_finds_nobody_else(stand: MailtrapStand) -> None:
    stand.provider.send(stand.letters(3), issue=ISSUE)
    stand.server.api.ignores_filters = True

    assert stand.provider.look_up(["d.77"], issue="another-2026-11-12") == {}


@pytest.mark.parametrize("accounts", [[], [{"id": 1}, {"id": 2}], [{"id": "x"}]])
def test_without_one_certain_account_nobody_is_found(accounts: list[dict[str, Any]], stand: MailtrapStand) -> None:
    stand.provider.send(stand.letters(3), issue=ISSUE)
    stand.server.api.accounts = accounts

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


@pytest.mark.parametrize("page", [b"[]", b"{}", b'{"messages": [null, {"custom_variables": 7}]}', b"<html>"])
def test_a_log_that_is_nonsense_finds_nobody(page: bytes, stand: MailtrapStand) -> None:
    stand.server.canned_search = Response(200, page)

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


@pytest.mark.parametrize("page", [b"{}", b'{"messages": null}', b'{"messages": [null, {"custom_variables": 7}]}'])
def test_a_page_of_the_log_that_is_nonsense_finds_nobody(page: bytes) -> None:
    assert mailtrap.read_log(json.loads(page)) == {}


def test_it_can_be_asked_whether_the_token_is_right(stand: MailtrapStand) -> None:
    wrong = stand.open_with(name="mailtrap", base_url=stand.server.url, api_key="another")

    right_answer, wrong_answer = stand.provider.verify(), wrong.verify()

    assert right_answer is not None
    assert wrong_answer is not None
    assert (right_answer.outcome, wrong_answer.outcome) == (Outcome.ACCEPTED, Outcome.DENIED)
