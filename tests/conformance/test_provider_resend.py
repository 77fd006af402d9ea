"""What is particular to Resend: its message, its partial batches, its keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.errors import BadInput
from newsletter.models import Asset
from newsletter.providers import open_provider
from newsletter.providers.base import Answer, Outcome
from newsletter.providers.http import Reply
from newsletter.providers.resend import MAX_MESSAGES, read_batch, read_refusal
from tests.conformance.stand import ISSUE, addresses, an_email, compose, form_of, settings_for
from tests.conformance.stands.resend import ResendStand
from tests.loopback.api import Canned, Misdeed
from tests.loopback.resend import BAD_TO, failure

PICTURE = Asset("sun.png", b"\x89PNG sun", "sun.png@pictures")


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[ResendStand]:
    """Resend with a stand-in that behaves."""
    with ResendStand(tmp_path) as opened:
        yield opened


def outcomes(answers: list[Answer]) -> list[Outcome]:
    return [answer.outcome for answer in answers]


# --- the message -----------------------------------------------------------------------------------------------


def test_a_message_says_everything_that_the_issue_says(stand: ResendStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    message = stand.server.taken[0].message
    assert message["from"] == '"Example Network" <news@example.org>'
    assert message["to"] == ["reader0@example.net"]
    assert message["reply_to"] == ["editor@example.org"]
    assert message["subject"] == "Three new guides"
    assert message["headers"]["List-Unsubscribe"] == "<https://news.example.org/u/d.0>"
    assert message["headers"]["X-Delivery-ID"] == "d.0"


def test_tags_name_issue_and_delivery_without_dots(stand: ResendStand) -> None:
    stand.provider.send(stand.letters(2), issue=ISSUE)

    assert stand.server.taken[1].message["tags"] == [
        {"name": "issue", "value": ISSUE},
        {"name": "delivery_id", "value": "d_1"},
    ]


def test_pictures_within_the_mail_go_one_by_one_because_no_batch_takes_them(stand: ResendStand) -> None:
    email = an_email().model_copy(update={"assets": (PICTURE,)})

    answers = stand.provider.send(compose(stand.provider, email, addresses(2)), issue=ISSUE, key="k")

    assert form_of(stand.provider, email).batch_size == 16
    assert outcomes(answers) == [Outcome.ACCEPTED] * 2
    assert [request.path for request in stand.server.requests] == ["/emails", "/emails"]
    assert stand.server.taken[1].message["attachments"] == [
        {"filename": "sun.png", "content": "iVBORyBzdW4=", "content_id": "sun.png@pictures"}
    ]


def test_limits_are_those_of_the_batch_call(stand: ResendStand) -> None:
    abilities = stand.provider.abilities

    assert (abilities.batch_size, abilities.calls_per_s, abilities.key_valid_s) == (MAX_MESSAGES, 2, 24 * 3600)


@pytest.mark.parametrize("key", [None, "two words", "schlüssel"])
def test_a_key_that_cannot_be_one_is_said_before_anything_is_sent(key: str | None, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="NEWSLETTER_PROVIDER__API_KEY"):
        open_provider(settings_for(tmp_path, name="resend", api_key=key))


# --- keys ------------------------------------------------------------------------------------------------------


def test_a_call_in_doubt_repeated_with_its_key_is_taken_once(stand: ResendStand) -> None:
    letters = stand.letters(3)
    stand.server.misdeeds.append(Misdeed.CUT_AFTER)
    first = stand.provider.send(letters, issue=ISSUE, key="issue/1")

    answers = stand.provider.send(letters, issue=ISSUE, key="issue/1")

    assert set(outcomes(first)) == {Outcome.UNSURE}
    assert set(outcomes(answers)) == {Outcome.ACCEPTED}
    assert stand.server.taken_ids == ["d.0", "d.1", "d.2"]


def test_a_batch_with_a_key_is_left_to_be_halved_because_it_may_be_repeated(stand: ResendStand) -> None:
    letters = stand.letters(4)
    stand.server.api.invalid.add(letters[2].email)

    whole = stand.provider.send(letters, issue=ISSUE, key="issue/1")
    half = stand.provider.send(letters[:2], issue=ISSUE, key="issue/2")
    alone = stand.provider.send(letters[2:3], issue=ISSUE, key="issue/3")

    assert [(one.outcome, one.in_halves) for one in whole] == [(Outcome.BUSY, True)] * 4
    assert outcomes([*half, *alone]) == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.REFUSED]
    assert stand.server.taken_ids == ["d.0", "d.1"]


def test_pictures_sent_one_by_one_and_repeated_are_taken_once(stand: ResendStand) -> None:
    letters = compose(stand.provider, an_email().model_copy(update={"assets": (PICTURE,)}), addresses(3))
    stand.server.misdeeds.extend([None, Misdeed.CUT_AFTER])
    first = stand.provider.send(letters, issue=ISSUE, key="issue/1")

    again = stand.provider.send(letters, issue=ISSUE, key="issue/1")

    assert outcomes(first) == [Outcome.ACCEPTED, Outcome.UNSURE, Outcome.BUSY]
    assert outcomes(again) == [Outcome.ACCEPTED] * 3
    assert stand.server.taken_ids == ["d.0", "d.1", "d.2"]


@pytest.mark.parametrize("name", ["concurrent_idempotent_requests", "invalid_idempotent_request"])
def test_a_key_that_is_in_use_leaves_the_call_in_doubt(name: str, stand: ResendStand) -> None:
    stand.server.misdeeds.append(Canned(409, failure(409, name, "Same idempotency key used.").body))

    (answer,) = stand.provider.send(stand.letters(1), issue=ISSUE, key="k")

    assert answer.outcome is Outcome.UNSURE
    assert name in str(answer.reason)


# --- answers ---------------------------------------------------------------------------------------------------


def test_of_a_partly_taken_batch_each_id_is_its_own(stand: ResendStand) -> None:
    letters = stand.letters(4)
    stand.server.api.refused[letters[1].email] = BAD_TO

    answers = stand.provider.send(letters, issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert [answers[number].provider_id for number in (0, 2, 3)] == [one.provider_id for one in stand.server.taken]


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        (BAD_TO, Outcome.REFUSED),
        ("This recipient is suppressed.", Outcome.REFUSED),
        ("", Outcome.REFUSED),
        ("Invalid `from` field.", Outcome.DENIED),
        ("Tags should only contain ASCII letters.", Outcome.DENIED),
        ("Missing `subject` field.", Outcome.DENIED),
    ],
)
def test_only_what_is_about_the_recipient_is_his_fault(message: str, outcome: Outcome) -> None:
    answers = read_batch({"data": [{"id": "a"}], "errors": [{"index": 0, "message": message}]}, 2)

    assert outcomes(answers) == [outcome, Outcome.ACCEPTED]


def test_where_nobody_was_taken_unknown_words_refuse_nobody() -> None:
    errors = [{"index": index, "message": "a message of tomorrow"} for index in range(2)]

    assert outcomes(read_batch({"data": [], "errors": errors}, 2)) == [Outcome.DENIED] * 2


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {"data": None},
        {"data": [{"id": "a"}]},
        {"data": [{"id": "a"}] * 3},
        {"data": [{"id": 7}, {}]},
        {"data": [{"id": "a"}], "errors": [{"index": 9, "message": BAD_TO}]},
        {"data": [{"id": "a"}], "errors": [{"index": True, "message": BAD_TO}]},
    ],
)
def test_where_ids_and_messages_do_not_match_nothing_is_certain(said: object) -> None:
    assert set(outcomes(read_batch(said, 2))) == {Outcome.UNSURE}


@pytest.mark.parametrize(
    ("status", "name", "outcome"),
    [
        (429, "rate_limit_exceeded", Outcome.BUSY),
        (429, "daily_quota_exceeded", Outcome.DENIED),
        (429, "monthly_quota_exceeded", Outcome.DENIED),
        (401, "missing_api_key", Outcome.DENIED),
        (403, "invalid_api_key", Outcome.DENIED),
        (422, "validation_error", Outcome.DENIED),
        (500, "application_error", Outcome.UNSURE),
    ],
)
def test_a_quota_stops_the_run_and_a_rate_does_not(status: int, name: str, outcome: Outcome) -> None:
    answer = read_refusal(Reply(status, {}, failure(status, name, "some words").body))

    assert answer
    assert answer.outcome is outcome
    assert name in str(answer.reason)


def test_the_rate_headers_of_an_answer_are_heeded(stand: ResendStand) -> None:
    stand.server.api.rate = {"ratelimit-limit": "2", "ratelimit-remaining": "0", "ratelimit-reset": "1"}

    answers = stand.provider.send(stand.letters(2), issue=ISSUE)

    assert [answer.pause_s for answer in answers] == [1.0, 1.0]


# --- asking whether it knows us --------------------------------------------------------------------------------


def test_a_key_with_full_access_is_known(stand: ResendStand) -> None:
    assert stand.provider.verify() == Answer(Outcome.ACCEPTED)


def test_a_key_that_may_only_send_is_known(stand: ResendStand) -> None:
    stand.server.api.may_only_send = True

    assert stand.provider.verify() == Answer(Outcome.ACCEPTED)


def test_a_wrong_key_is_said(stand: ResendStand) -> None:
    answer = stand.open_with(name="resend", base_url=stand.server.url, api_key="another").verify()

    assert answer
    assert answer.outcome is Outcome.DENIED


def test_a_domain_that_is_not_verified_is_said(stand: ResendStand) -> None:
    stand.server.api.domains["example.org"] = "pending"

    answer = stand.provider.verify()

    assert answer == Answer(Outcome.DENIED, reason="at Resend the domain example.org is pending")
