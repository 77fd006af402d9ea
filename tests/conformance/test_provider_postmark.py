"""What is particular to Postmark: its message, its codes, its search."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import BadInput
from newsletter.providers import open_provider
from newsletter.providers.base import Letter, Outcome
from newsletter.providers.lots import MAX_BAD_ONES
from newsletter.providers.postmark import judge, read_entries
from tests.conformance.stand import ISSUE, addresses, an_email, compose, settings_for
from tests.conformance.stands.postmark import PostmarkStand
from tests.loopback.api import Canned, Misdeed, Response
from tests.loopback.postmark import TOKEN

LETTERS = [Letter(f"d.{number}", f"reader{number}@example.net", ()) for number in range(3)]
IDS = [letter.delivery_id for letter in LETTERS]


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[PostmarkStand]:
    """Postmark with a stand-in that behaves."""
    with PostmarkStand(tmp_path) as opened:
        yield opened


def sent(stand: PostmarkStand) -> dict[str, Any]:
    stand.provider.send(stand.letters(1), issue=ISSUE)
    return dict(stand.server.taken[0].message)


def test_a_message_says_everything_that_the_issue_says(stand: PostmarkStand) -> None:
    message = sent(stand)

    assert message["From"] == '"Example Network" <news@example.org>'
    assert message["ReplyTo"] == "editor@example.org"
    assert message["To"] == "reader0@example.net"
    assert message["Subject"] == "Three new guides"
    assert message["Tag"] == ISSUE
    assert message["Metadata"] == {"delivery_id": "d.0"}
    assert "https://news.example.org/u/d.0" in message["HtmlBody"]
    assert "https://news.example.org/u/d.0" in message["TextBody"]


def test_each_reader_has_an_own_link_to_leave_in_the_headers(stand: PostmarkStand) -> None:
    stand.provider.send(stand.letters(2), issue=ISSUE)

    headers = [{one["Name"]: one["Value"] for one in taken.message["Headers"]} for taken in stand.server.taken]
    assert headers[1]["List-Unsubscribe"] == "<https://news.example.org/u/d.1>"
    assert headers[1]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers[1]["X-Delivery-ID"] == "d.1"
    assert headers[0]["List-Unsubscribe"] == "<https://news.example.org/u/d.0>"


def test_our_message_id_is_kept(stand: PostmarkStand) -> None:
    headers = {one["Name"]: one["Value"] for one in sent(stand)["Headers"]}

    assert headers["Message-ID"] == "<d.0@example.org>"
    assert headers["X-PM-KeepID"] == "true"


def test_tracking_is_off(stand: PostmarkStand) -> None:
    message = sent(stand)

    assert message["TrackOpens"] is False
    assert message["TrackLinks"] == "None"


def test_a_digest_goes_through_the_broadcast_stream_and_a_confirmation_does_not(stand: PostmarkStand) -> None:
    confirmation = an_email().model_copy(update={"issue": "system"})

    stand.provider.send(stand.letters(1), issue=ISSUE)
    stand.provider.send(compose(stand.provider, confirmation, addresses(1)), issue="system")

    assert [taken.message["MessageStream"] for taken in stand.server.taken] == ["broadcast", "outbound"]


def test_the_stream_may_have_another_name(stand: PostmarkStand) -> None:
    provider = stand.open_with(name="postmark", base_url=stand.server.url, api_key=TOKEN, stream="digests")

    answers = provider.send(compose(provider, an_email(), addresses(1)), issue=ISSUE)

    assert answers[0].outcome is Outcome.DENIED
    assert "MessageStream" in str(answers[0].reason)


def test_limits_are_those_of_the_batch_call(stand: PostmarkStand) -> None:
    assert stand.provider.abilities.batch_size == 500
    assert (stand.provider.abilities.batch_bytes or 0) <= 50_000_000 - 501


@pytest.mark.parametrize("key", [None, "", "  ", "two words", "schlüssel", "line\nbreak"])
def test_a_key_that_cannot_be_one_is_said_before_anything_is_sent(key: str | None, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="NEWSLETTER_PROVIDER__API_KEY") as raised:
        open_provider(settings_for(tmp_path, name="postmark", api_key=key))

    assert not key or not key.strip() or key not in str(raised.value)


def test_settings_for_which_postmark_has_no_use_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        open_provider(settings_for(tmp_path, name="postmark", api_key="k", region="eu", domain="mg.example.org"))

    assert [place.where for place in raised.value.places] == ["provider.region", "provider.domain"]


@pytest.mark.parametrize(("header", "seconds"), [({"Retry-After": "7"}, 7.0), ({}, None)])
def test_busy_tells_how_long_to_wait_where_postmark_says_so(
    header: dict[str, str], seconds: float | None, stand: PostmarkStand
) -> None:
    stand.server.misdeeds.append(Canned(429, headers=header))

    answers = stand.provider.send(stand.letters(2), issue=ISSUE)

    assert [answer.retry_after_s for answer in answers] == [seconds, seconds]


@pytest.mark.parametrize(
    ("code", "message", "outcome"),
    [
        (300, "Error parsing 'To': Illegal email address", Outcome.REFUSED),
        (300, "Invalid 'To' address: 'header@example.net'.", Outcome.REFUSED),
        (300, "Invalid 'From' address: 'sender@example.com'", Outcome.DENIED),
        (300, "Error parsing 'Reply-To': Illegal email domain", Outcome.DENIED),
        (300, "Invalid metadata content. Field names are limited to 20 characters", Outcome.DENIED),
        (300, "Provide either email TextBody or HtmlBody or both.", Outcome.DENIED),
        (406, "recipient(s) that have been marked as inactive", Outcome.REFUSED),
        (10, "bad token", Outcome.DENIED),
        (100, "Maintenance", Outcome.BUSY),
        (400, "Sender Signature not found", Outcome.DENIED),
        (401, "Sender signature not confirmed", Outcome.DENIED),
        (402, "Invalid JSON", Outcome.DENIED),
        (405, "Not allowed to send", Outcome.DENIED),
        (412, "Account is pending", Outcome.DENIED),
        (413, "Account may not send", Outcome.DENIED),
        (429, "Rate limit", Outcome.BUSY),
        (99999, "a code of tomorrow", Outcome.DENIED),
    ],
)
def test_a_code_about_us_stops_the_run_and_one_about_the_recipient_does_not(
    code: int, message: str, outcome: Outcome
) -> None:
    assert judge(code, message).outcome is outcome


@pytest.mark.parametrize(
    ("entry", "outcome"),
    [
        ({"ErrorCode": 0, "MessageID": "m"}, Outcome.ACCEPTED),
        ({"ErrorCode": "0", "MessageID": "m"}, Outcome.ACCEPTED),
        ({"MessageID": "m", "Message": "delivery may be delayed"}, Outcome.ACCEPTED),
        ({"Message": "OK, but delivery may be delayed"}, Outcome.ACCEPTED),
        ({"Message": "what"}, Outcome.UNSURE),
        ({"ErrorCode": None}, Outcome.UNSURE),
        ({"ErrorCode": False}, Outcome.UNSURE),
        ({"ErrorCode": [0]}, Outcome.UNSURE),
        ({"ErrorCode": 406, "Message": "inactive"}, Outcome.REFUSED),
        ({}, Outcome.UNSURE),
        (None, Outcome.UNSURE),
        ("OK", Outcome.UNSURE),
    ],
)
def test_an_entry_is_accepted_only_where_it_says_so(entry: object, outcome: Outcome) -> None:
    assert read_entries([entry], LETTERS[:1])[0].outcome is outcome


@pytest.mark.parametrize("entries", [None, {}, {"ErrorCode": 0}, "OK", 7, [{"ErrorCode": 0}] * 4])
def test_an_answer_that_is_no_list_of_as_many_results_says_nothing(entries: object) -> None:
    assert {answer.outcome for answer in read_entries(entries, LETTERS)} == {Outcome.UNSURE}


def test_of_a_short_answer_only_those_count_that_are_named() -> None:
    entries = [
        {"To": "Reader2@example.net", "ErrorCode": 0, "MessageID": "m2"},
        {"ErrorCode": 406, "Message": "inactive"},
    ]

    answers = read_entries(entries, LETTERS)

    assert [answer.outcome for answer in answers] == [Outcome.UNSURE, Outcome.UNSURE, Outcome.ACCEPTED]
    assert answers[2].provider_id == "m2"


def test_a_short_answer_says_nothing_where_all_mail_goes_to_one_address() -> None:
    letters = [letter._replace(email="me@example.org") for letter in LETTERS]

    answers = read_entries([{"To": "me@example.org", "ErrorCode": 0, "MessageID": "m"}], letters)

    assert {answer.outcome for answer in answers} == {Outcome.UNSURE}


def test_a_call_refused_for_one_letter_is_halved_until_that_one_is_found(stand: PostmarkStand) -> None:
    letters = stand.letters(20)
    stand.server.api.invalid.add(letters[13].email)

    answers = stand.provider.send(letters, issue=ISSUE)

    refused = [number for number, answer in enumerate(answers) if answer.outcome is Outcome.REFUSED]
    assert refused == [13]
    assert stand.server.taken_ids == [letter.delivery_id for letter in letters if letter is not letters[13]]


def test_a_call_refused_for_everybody_stops_the_run_after_a_few(stand: PostmarkStand) -> None:
    letters = stand.letters(200)
    stand.server.api.invalid.update(letter.email for letter in letters)

    answers = stand.provider.send(letters, issue=ISSUE)

    outcomes = [answer.outcome for answer in answers]
    assert outcomes.count(Outcome.REFUSED) <= MAX_BAD_ONES + 1
    assert set(outcomes) == {Outcome.REFUSED, Outcome.DENIED}
    assert len(stand.server.bodies) < 40


def test_a_fault_while_halving_leaves_the_untried_for_later(stand: PostmarkStand) -> None:
    letters = stand.letters(4)
    stand.server.api.invalid.add(letters[3].email)
    stand.server.misdeeds.extend([None, Misdeed.CUT_AFTER])

    answers = stand.provider.send(letters, issue=ISSUE)

    assert [answer.outcome for answer in answers] == [Outcome.UNSURE] * 2 + [Outcome.BUSY] * 2
    assert stand.server.taken_ids == ["d.0", "d.1"]


def test_an_issue_in_doubt_is_found_by_one_search(stand: PostmarkStand) -> None:
    stand.server.misdeeds.append(Misdeed.CUT_AFTER)
    stand.provider.send(stand.letters(3), issue=ISSUE)

    found = stand.provider.look_up(IDS, issue=ISSUE)

    assert {name: answer.outcome for name, answer in found.items()} == dict.fromkeys(IDS, Outcome.ACCEPTED)
    assert found["d.1"].provider_id == stand.server.taken[1].provider_id


def test_a_large_call_in_doubt_is_found_behind_all_that_was_sent_since(stand: PostmarkStand) -> None:
    letters = stand.letters(1100)
    for first in (0, 500, 1000):
        stand.provider.send(letters[first : first + 500], issue=ISSUE)
    in_doubt = [letter.delivery_id for letter in letters[:200]]

    found = stand.provider.look_up(in_doubt, issue=ISSUE)

    assert found.keys() == set(in_doubt)


def test_what_the_search_does_not_show_yet_is_not_called_untaken(stand: PostmarkStand) -> None:
    stand.provider.send(stand.letters(3), issue=ISSUE)
    stand.server.api.unindexed.add("d.1")

    found = stand.provider.look_up(IDS, issue=ISSUE)

    assert sorted(found) == ["d.0", "d.2"]


def test_a_search_that_ignores_the_filter_finds_nobody_else(stand: PostmarkStand) -> None:
    stand.provider.send(stand.letters(3), issue=ISSUE)
    stand.server.api.ignores_metadata_filter = True

    assert stand.provider.look_up(["d.77"], issue="another-2026-11-12") == {}


@pytest.mark.parametrize("page", [b"[]", b"{}", b'{"Messages": [null, {"Metadata": 7}]}', b"<html>"])
def test_a_search_that_answers_nonsense_finds_nobody(page: bytes, stand: PostmarkStand) -> None:
    stand.server.canned_search = Response(200, page)

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


def test_a_search_that_fails_finds_nobody(stand: PostmarkStand) -> None:
    stand.server.search_is_off = lambda: True

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


def test_the_key_is_in_no_body(stand: PostmarkStand) -> None:
    sent(stand)

    assert TOKEN.encode() not in stand.server.bodies[0]
    assert json.loads(stand.server.bodies[0])
