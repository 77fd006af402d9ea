"""What is particular to Amazon SES: its merge, its tags and statuses, its account."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from newsletter.emails.markers import marker
from newsletter.errors import BadInput, Unsupported
from newsletter.models import Asset, Email
from newsletter.providers import open_provider
from newsletter.providers.base import Answer, Outcome
from tests.conformance.stand import ISSUE, addresses, an_email, compose, compose_for, form_of, settings_for
from tests.conformance.stands.ses import SesStand
from tests.loopback.api import Canned
from tests.loopback.ses import ACCESS_KEY_ID, BULK, REGION, SECRET, SINGLE, failure

PICTURE = Asset("sun.png", b"\x89PNG sun", "sun.png@pictures")


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[SesStand]:
    """Amazon SES with a stand-in that behaves."""
    with SesStand(tmp_path) as opened:
        yield opened


def outcomes(answers: list[Answer]) -> list[Outcome]:
    return [answer.outcome for answer in answers]


def pairs(named: list[dict[str, str]]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in named}


def bulk_call(stand: SesStand, email: Email | None = None, **settings: Any) -> dict[str, Any]:
    """The call of two letters."""
    provider = stand.open_with(**(stand.settings | {"base_url": stand.server.url} | settings))
    answers = provider.send(compose(provider, email or an_email(), addresses(2)), issue=ISSUE)
    assert outcomes(answers) == [Outcome.ACCEPTED] * 2
    return dict(json.loads(stand.server.bodies[-1]))


# --- the call --------------------------------------------------------------------------------------------------


def test_the_common_message_says_everything_that_the_issue_says(stand: SesStand) -> None:
    call = bulk_call(stand)

    template = call["DefaultContent"]["Template"]
    assert call["FromEmailAddress"] == '"Example Network" <news@example.org>'
    assert call["ReplyToAddresses"] == ["editor@example.org"]
    assert template["TemplateContent"]["Subject"] == "Three new guides"
    assert "/u/{{leave_token}}" in template["TemplateContent"]["Html"]
    assert pairs(template["Headers"])["List-Id"] == "<weekly.example.org>"
    assert pairs(call["DefaultEmailTags"]) == {"issue": ISSUE}


def test_each_reader_has_headers_and_a_tag_of_an_own(stand: SesStand) -> None:
    entry = bulk_call(stand)["BulkEmailEntries"][1]

    assert pairs(entry["ReplacementHeaders"]) == {
        "List-Unsubscribe": "<https://news.example.org/u/d.1>",
        "X-Delivery-ID": "d.1",
    }
    assert pairs(entry["ReplacementTags"]) == {"delivery_id": "d_1"}


def test_every_variable_has_a_value_for_those_who_have_none(stand: SesStand) -> None:
    template = bulk_call(stand)["DefaultContent"]["Template"]

    assert json.loads(template["TemplateData"]) == {"leave_token": ""}


def test_tracking_is_off_merged_or_not(stand: SesStand) -> None:
    bulk_call(stand)
    stand.provider.send(stand.letters(1, text="{{x}}"), issue=ISSUE)

    off = {"Tracking": {"OpenTrackingEnabled": "DISABLED", "ClickTrackingEnabled": "DISABLED"}}
    assert [json.loads(body)["ConfigurationOverrides"] for body in stand.server.bodies] == [off, off]


def test_the_stream_is_the_configuration_set(stand: SesStand) -> None:
    assert bulk_call(stand, stream="digests")["ConfigurationSetName"] == "digests"
    assert "ConfigurationSetName" not in bulk_call(stand)


def test_temporary_credentials_are_signed_with(stand: SesStand) -> None:
    stand.server.api.session_token = "token-of-an-hour"

    bulk_call(stand, session_token="token-of-an-hour")

    assert stand.server.requests[0].headers["x-amz-security-token"] == "token-of-an-hour"


@pytest.mark.parametrize("part", ["subject", "html", "text"])
def test_an_issue_with_braces_goes_in_finished_messages(part: str, stand: SesStand) -> None:
    email = an_email()
    odd = email.model_copy(update={part: f"About {{{{x}}}}: {getattr(email, part)}"})

    form = form_of(stand.provider, odd)

    assert (form.letter, form.shared, form.batch_size) == (None, None, 16)


def test_a_brace_beside_a_value_of_ours_makes_no_template(stand: SesStand) -> None:
    email = an_email()
    odd = email.model_copy(update={"text": f"Dear {{{marker('name', email.nonce)}\n{email.text}"})

    assert form_of(stand.provider, odd).shared is None


@pytest.mark.parametrize(
    "changes",
    [
        {"assets": (PICTURE,)},
        {"headers": (*an_email().headers, *((f"X-{number}", "x") for number in range(15)))},
        {"headers": (*an_email().headers, ("X-Long", "x" * 996))},
    ],
    ids=["pictures", "many headers", "a long header"],
)
def test_what_a_bulk_call_cannot_carry_goes_in_finished_messages(changes: Mapping[str, Any], stand: SesStand) -> None:
    email = an_email().model_copy(update=dict(changes))

    answers = stand.provider.send(compose(stand.provider, email, addresses(2)), issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED] * 2
    assert [request.path for request in stand.server.requests] == [SINGLE, SINGLE]


def test_names_beyond_ascii_travel_as_encoded_words(stand: SesStand) -> None:
    readers = [("Zoë 名前, jr", "zoe@bücher.example"), ('"Q" \\ {{x}}', "q@example.net")]

    stand.provider.send(stand.letters_for(readers), issue=ISSUE)

    assert [one.headers["To"] for one in stand.server.taken] == [
        "Zoë 名前, jr <zoe@xn--bcher-kva.example>",
        '"\\"Q\\" \\\\ {{x}}" <q@example.net>',
    ]
    assert stand.server.requests[0].path == BULK


def test_a_reader_whom_ses_cannot_write_to_keeps_nobody_else_from_the_mail(stand: SesStand) -> None:
    letters = compose_for(stand.provider, an_email(), [("", "zoë@example.net"), ("", "ann@example.net")])

    answers = stand.provider.send(letters, issue=ISSUE)

    assert outcomes(answers) == [Outcome.REFUSED, Outcome.ACCEPTED]
    assert "beyond ASCII" in str(answers[0].reason)


def test_a_sender_whom_ses_cannot_write_for_is_said_at_the_approval(stand: SesStand) -> None:
    headers = [("From", "zoë@example.org"), *an_email().headers[1:]]

    with pytest.raises(Unsupported, match="beyond ASCII"):
        form_of(stand.provider, an_email().model_copy(update={"headers": tuple(headers)}))


# --- settings --------------------------------------------------------------------------------------------------


def test_everything_missing_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        open_provider(settings_for(tmp_path, name="ses"))

    places = [place.where for place in raised.value.places]
    assert places == ["NEWSLETTER_PROVIDER__API_KEY", "NEWSLETTER_PROVIDER__API_SECRET", "provider.region"]


def test_a_wrong_secret_is_said_in_amazons_words(stand: SesStand) -> None:
    provider = stand.open_with(**(stand.settings | {"base_url": stand.server.url, "api_secret": "another/secret"}))

    (answer,) = provider.send(compose(provider, an_email(), addresses(1)), issue=ISSUE)

    assert answer.outcome is Outcome.DENIED
    assert "SignatureDoesNotMatch" in str(answer.reason)


# --- answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "message", "outcome"),
    [
        (400, "BadRequestException", "Missing final '@domain'", Outcome.REFUSED),
        (400, "BadRequestException", "Domain contains illegal character", Outcome.REFUSED),
        (400, "BadRequestException", "Invalid tag value", Outcome.DENIED),
        (400, "BadRequestException", "Sender address is invalid", Outcome.DENIED),
        (400, "BadRequestException", "Illegal address: open-source..sender@example.net", Outcome.REFUSED),
        (400, "MessageRejected", "Address blacklisted.", Outcome.REFUSED),
        (400, "MessageRejected", "Email address is not verified.", Outcome.DENIED),
        (400, "MessageRejected", "Message contains a virus.", Outcome.DENIED),
        (400, "AccountSuspendedException", "", Outcome.DENIED),
        (400, "SendingPausedException", "", Outcome.DENIED),
        (400, "MailFromDomainNotVerifiedException", "", Outcome.DENIED),
        (400, "LimitExceededException", "", Outcome.DENIED),
        (404, "NotFoundException", "Configuration set <x> does not exist.", Outcome.DENIED),
        (429, "TooManyRequestsException", "Maximum sending rate exceeded.", Outcome.BUSY),
        (429, "TooManyRequestsException", "Daily message quota exceeded.", Outcome.BUSY),
        (400, "ThrottlingException", "Rate exceeded", Outcome.BUSY),
        (500, "InternalFailure", "", Outcome.UNSURE),
    ],
)
def test_a_refused_call_is_sorted_by_whose_fault_it_is(
    status: int, kind: str, message: str, outcome: Outcome, stand: SesStand
) -> None:
    refusal = failure(status, kind, message)
    stand.server.misdeeds.append(Canned(status, refusal.body, refusal.headers))

    (answer,) = stand.provider.send(stand.letters(1), issue=ISSUE)

    assert answer.outcome is outcome
    assert kind in str(answer.reason)


# --- asking whether it knows us --------------------------------------------------------------------------------


def test_a_known_account_says_what_it_may_do(stand: SesStand) -> None:
    assert stand.provider.verify() == Answer(
        Outcome.ACCEPTED, reason="50000 mails in 24 hours, 12 of them used, 14 a second"
    )


def test_an_account_in_the_sandbox_says_so(stand: SesStand) -> None:
    stand.server.api.account["ProductionAccessEnabled"] = False

    answer = stand.provider.verify()

    assert answer
    assert "sandbox" in str(answer.reason)


def test_an_account_that_may_not_send_is_denied(stand: SesStand) -> None:
    stand.server.api.account |= {"SendingEnabled": False, "EnforcementStatus": "SHUTDOWN"}

    answer = stand.provider.verify()

    assert answer == Answer(Outcome.DENIED, reason="Amazon SES has switched sending off (status SHUTDOWN)")


def test_a_wrong_key_is_not_known(stand: SesStand) -> None:
    settings = {"name": "ses", "api_key": "AKIAOTHER", "api_secret": SECRET, "region": REGION}
    answer = stand.open_with(base_url=stand.server.url, **settings).verify()

    assert answer
    assert answer.outcome is Outcome.DENIED
    assert ACCESS_KEY_ID not in str(answer.reason)
