"""What Amazon SES's answers mean, read without a server."""

from __future__ import annotations

import pytest

from newsletter.providers.base import Answer, Outcome
from newsletter.providers.http import Reply
from newsletter.providers.ses_answers import QUOTA_PAUSE_S, read_account, read_refusal, read_results
from tests.factories import utc

NOW = utc(2026, 11, 19, 9)


def outcomes(answers: list[Answer]) -> list[Outcome]:
    return [answer.outcome for answer in answers]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("ACCOUNT_THROTTLED", Outcome.BUSY),
        ("TRANSIENT_FAILURE", Outcome.BUSY),
        ("MESSAGE_REJECTED", Outcome.REFUSED),
        ("INVALID_PARAMETER", Outcome.REFUSED),
        ("FAILED", Outcome.REFUSED),
        ("ACCOUNT_DAILY_QUOTA_EXCEEDED", Outcome.BUSY),
        ("ACCOUNT_SUSPENDED", Outcome.DENIED),
        ("ACCOUNT_SENDING_PAUSED", Outcome.DENIED),
        ("CONFIGURATION_SET_SENDING_PAUSED", Outcome.DENIED),
        ("CONFIGURATION_SET_NOT_FOUND", Outcome.DENIED),
        ("MAIL_FROM_DOMAIN_NOT_VERIFIED", Outcome.DENIED),
        ("TEMPLATE_NOT_FOUND", Outcome.DENIED),
        ("INVALID_SENDING_POOL_NAME", Outcome.DENIED),
        ("A_STATUS_OF_TOMORROW", Outcome.UNSURE),
    ],
)
def test_each_status_says_what_to_do_next(status: str, outcome: Outcome) -> None:
    taken = {"Status": "SUCCESS", "MessageId": "m"}

    answers = read_results({"BulkEmailEntryResults": [{"Status": status, "Error": "some words"}, taken]}, 2)

    assert outcomes(answers) == [outcome, Outcome.ACCEPTED]
    assert answers[0].reason == f"{status}: some words"


def test_a_days_quota_is_waited_for() -> None:
    entry = {"Status": "ACCOUNT_DAILY_QUOTA_EXCEEDED", "Error": "Daily message quota exceeded."}
    call = Reply(429, {}, b'{"message": "Daily message quota exceeded."}')

    answers = [read_results({"BulkEmailEntryResults": [entry]}, 1)[0], read_refusal(call, now=NOW)]

    assert [answer and answer.retry_after_s for answer in answers] == [QUOTA_PAUSE_S] * 2


def test_a_refusal_of_one_and_all_is_nobodys_fault() -> None:
    results = [{"Status": "MESSAGE_REJECTED", "Error": "virus"}] * 10

    assert set(outcomes(read_results({"BulkEmailEntryResults": results}, 10))) == {Outcome.DENIED}


def test_an_entry_refused_for_our_address_is_not_the_recipients_fault() -> None:
    result = {"Status": "MESSAGE_REJECTED", "Error": "Email address is not verified."}

    assert outcomes(read_results({"BulkEmailEntryResults": [result]}, 1)) == [Outcome.DENIED]


def test_an_address_of_a_recipient_is_no_word_about_us() -> None:
    result = {"Status": "INVALID_PARAMETER", "Error": "Illegal address: open-source..sender@example.net"}

    assert outcomes(read_results({"BulkEmailEntryResults": [result]}, 1)) == [Outcome.REFUSED]


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {"BulkEmailEntryResults": None},
        {"BulkEmailEntryResults": [{"Status": "SUCCESS", "MessageId": "m"}]},
        {"BulkEmailEntryResults": [{"Status": "SUCCESS"}, {"Status": 7}]},
        {"BulkEmailEntryResults": [None, "SUCCESS"]},
    ],
)
def test_without_a_result_for_each_nothing_is_certain(said: object) -> None:
    assert set(outcomes(read_results(said, 2))) == {Outcome.UNSURE}


def test_the_kind_of_an_error_may_stand_in_the_body() -> None:
    body = b'{"__type": "com.amazonaws.sesv2#BadRequestException", "message": "Missing final \'@domain\'"}'

    answer = read_refusal(Reply(400, {}, body), now=NOW)

    assert answer
    assert answer.outcome is Outcome.REFUSED


def test_a_key_that_may_only_send_is_known() -> None:
    reply = Reply(403, {"x-amzn-ErrorType": "AccessDeniedException"}, b'{"message": "not authorized"}')

    assert read_account(reply, now=NOW).outcome is Outcome.ACCEPTED
