"""What is particular to MailerSend: bulks whose results are fetched, single mails, suppressed people, tags as ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter import clock
from newsletter.errors import BadInput
from newsletter.models import Asset
from newsletter.providers import open_provider
from newsletter.providers.base import Letter, Outcome
from newsletter.providers.mailersend import POLLS
from newsletter.providers.mailersend_answers import read_bulk
from tests.conformance.stand import ISSUE, addresses, an_email, compose, settings_for
from tests.conformance.stands.mailersend import MailerSendStand
from tests.loopback.api import Canned, Misdeed, Response
from tests.loopback.mailersend import TOKEN

LETTERS = [Letter(f"d.{number}", f"reader{number}@example.net", ()) for number in range(3)]
IDS = [letter.delivery_id for letter in LETTERS]
BAD_ADDRESS = {"to.0.email": ["must be a valid email address"]}


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[MailerSendStand]:
    """MailerSend with a stand-in that behaves."""
    with MailerSendStand(tmp_path) as opened:
        yield opened


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that would have been."""
    waited: list[float] = []
    monkeypatch.setattr(clock, "sleep", waited.append)
    return waited


def state_of(**changed: Any) -> dict[str, Any]:
    """Of a bulk of three messages, all of them taken."""
    return {"state": "completed", "total_recipients_count": 3, "messages_id": ["a", "b", "c"]} | changed


def outcomes(state: object, letters: list[Letter] = LETTERS) -> list[Outcome]:
    return [answer.outcome for answer in read_bulk(state, "bulk", letters)]


def test_a_message_says_everything_that_the_issue_says(stand: MailerSendStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    message = stand.server.taken[0].message
    assert message["list_unsubscribe"] == "https://news.example.org/u/d.0"
    assert message["tags"] == [ISSUE, "d.0"]
    assert message["settings"] == {"track_clicks": False, "track_opens": False, "track_content": False}
    assert {one["name"] for one in message["headers"]} == {"List-Id", "X-Delivery-ID"}


def test_nothing_in_a_message_makes_a_template_of_it(stand: MailerSendStand) -> None:
    stand.provider.send(stand.letters(2), issue=ISSUE)

    assert not any({"personalization", "variables", "template_id"} & set(one.message) for one in stand.server.taken)


@pytest.mark.parametrize(("name", "fit"), [("O'Neil, Pat; jr.", "O'Neil Pat jr."), ("Zoë", "Zoë"), (";", None)])
def test_a_name_loses_what_mailersend_forbids(name: str, fit: str | None, stand: MailerSendStand) -> None:
    stand.provider.send(stand.letters_for([(name, "pat@example.net")]), issue=ISSUE)

    assert stand.server.taken[0].message["to"][0].get("name") == fit


def test_pictures_travel_within_the_mail(stand: MailerSendStand) -> None:
    email = an_email().model_copy(update={"assets": (Asset("a1.png", b"\x89PNG", "a1"), Asset("b2.jpg", b"x"))})

    stand.provider.send(compose(stand.provider, email, addresses(1)), issue=ISSUE)

    picture = {"filename": "a1.png", "content": "iVBORw==", "disposition": "inline", "id": "a1"}
    assert stand.server.taken[0].message["attachments"] == [picture]


def test_a_missing_token_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="NEWSLETTER_PROVIDER__API_KEY: the API token is missing"):
        open_provider(settings_for(tmp_path, name="mailersend"))


def test_limits_are_those_of_bulks(stand: MailerSendStand) -> None:
    assert stand.provider.abilities.batch_size == 500
    assert stand.provider.abilities.calls_per_s == pytest.approx(10 / 60)


# --- bulks ------------------------------------------------------------------------------------------------------


def test_nobody_is_called_mailed_before_the_bulk_is_worked_off(stand: MailerSendStand, waits: list[float]) -> None:
    stand.server.api.polls_until_completed = 99

    answers = stand.provider.send(stand.letters(3), issue=ISSUE)

    assert {answer.outcome for answer in answers} == {Outcome.UNSURE}
    assert len(waits) == POLLS - 1


def test_a_bulk_that_takes_a_moment_is_waited_for(stand: MailerSendStand, waits: list[float]) -> None:
    stand.server.api.polls_until_completed = 2

    answers = stand.provider.send(stand.letters(3), issue=ISSUE)

    assert {answer.outcome for answer in answers} == {Outcome.ACCEPTED}
    assert len(waits) == 2


def test_those_in_doubt_about_a_slow_bulk_are_found_later(stand: MailerSendStand, waits: list[float]) -> None:
    stand.server.api.polls_until_completed = 99
    stand.provider.send(stand.letters(3), issue=ISSUE)

    found = stand.provider.look_up(IDS, issue=ISSUE)

    assert {name: answer.outcome for name, answer in found.items()} == dict.fromkeys(IDS, Outcome.ACCEPTED)


def test_a_refusal_says_what_mailersend_says_of_the_field(stand: MailerSendStand) -> None:
    said = {"message": "The given data was invalid.", "errors": BAD_ADDRESS}
    stand.server.misdeeds.append(Canned(422, json.dumps(said).encode()))

    (answer,) = stand.provider.send(stand.letters(1), issue=ISSUE)

    assert answer.outcome is Outcome.REFUSED
    assert answer.reason == "HTTP 422: The given data was invalid. must be a valid email address"


@pytest.mark.parametrize("kind", ["ALL_SUPPRESSED", "SOME_SUPPRESSED"])
def test_who_is_suppressed_is_refused_though_the_answer_has_an_id(kind: str, stand: MailerSendStand) -> None:
    recipient = {"email": "reader0@example.net", "name": "", "reasons": ["blocklisted"]}
    said = {"message": "There are some warnings.", "warnings": [{"type": kind, "recipients": [recipient]}]}
    stand.server.misdeeds.append(Canned(202, json.dumps(said).encode(), {"X-Message-Id": "m"}))

    (answer,) = stand.provider.send(stand.letters(1), issue=ISSUE)

    assert answer.outcome is Outcome.REFUSED
    assert "blocklisted" in str(answer.reason)


@pytest.mark.parametrize("is_flat", [False, True])
def test_a_domain_that_is_not_verified_is_nobodys_refusal(is_flat: bool, stand: MailerSendStand) -> None:
    stand.server.api.senders = ["other@example.org"]
    stand.server.api.flat_errors = is_flat

    answers = stand.provider.send(stand.letters(3), issue=ISSUE)

    assert {answer.outcome for answer in answers} == {Outcome.DENIED}
    assert "must be verified" in str(answers[0].reason)


@pytest.mark.parametrize(
    "errors",
    [
        {"message.1": BAD_ADDRESS},
        {"message.1": {"to.0.name": ["may not be greater than 191 characters"]}},
        {"message.1.to.0.email": ["no"]},
        {"1.to.0.email": ["no"]},
    ],
)
def test_a_bad_address_or_name_is_its_recipients_alone(errors: dict[str, Any]) -> None:
    state = state_of(validation_errors_count=1, validation_errors=errors, messages_id=["a", "c"])

    assert outcomes(state) == [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.ACCEPTED]


@pytest.mark.parametrize(
    "suppressed",
    [
        {"message.2": {"to": [{"email": "Reader2@example.net", "reasons": ["blocklisted"]}]}},
        [{"email": "reader2@example.net", "reasons": ["blocklisted"]}],
    ],
)
def test_a_suppressed_recipient_is_refused_with_the_reason(suppressed: object) -> None:
    state = state_of(suppressed_recipients_count=1, suppressed_recipients=suppressed, messages_id=["a", "b"])

    answers = read_bulk(state, "bulk", LETTERS)

    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.REFUSED]
    assert "blocklisted" in str(answers[2].reason)


@pytest.mark.parametrize(
    "state",
    [
        None,
        {},
        state_of(messages_id=["a", "b"]),
        state_of(messages_id=None),
        state_of(messages_id="abc"),
        state_of(validation_errors_count=1),
        state_of(validation_errors_count=1, validation_errors="message 1 is bad"),
        state_of(suppressed_recipients_count=1, suppressed_recipients=["somebody"]),
    ],
)
def test_a_state_that_does_not_account_for_all_leaves_them_in_doubt(state: object) -> None:
    assert outcomes(state) == [Outcome.UNSURE] * 3


def test_each_letter_of_a_bulk_has_an_id_of_its_own() -> None:
    answers = read_bulk(state_of(), "614470d1", LETTERS)

    assert [answer.provider_id for answer in answers] == ["614470d1#0", "614470d1#1", "614470d1#2"]


# --- one mail ---------------------------------------------------------------------------------------------------


def test_one_mail_is_no_bulk_and_has_its_own_id(stand: MailerSendStand) -> None:
    answers = stand.provider.send(stand.letters(1), issue="system")

    assert stand.server.requests[0].path == "/v1/email"
    assert answers[0].provider_id == stand.server.taken[0].provider_id


def test_a_suppressed_recipient_of_one_mail_is_refused(stand: MailerSendStand) -> None:
    stand.refuse(addresses(1)[0])

    (answer,) = stand.provider.send(stand.letters(1), issue=ISSUE)

    assert answer.outcome is Outcome.REFUSED
    assert "hard_bounced" in str(answer.reason)


@pytest.mark.parametrize(
    ("errors", "outcome"),
    [
        ({"to.0.email": ["no"]}, Outcome.REFUSED),
        ({"0.to.0.email": ["no"]}, Outcome.REFUSED),
        ({"to.0.email": ["no"], "subject": ["no"]}, Outcome.DENIED),
        ({"to": ["Trial accounts can only send emails to the administrator's email. #MS42225"]}, Outcome.DENIED),
        ({"from.email": ["must be verified"]}, Outcome.DENIED),
        ({}, Outcome.DENIED),
        ([], Outcome.DENIED),
    ],
)
def test_a_422_is_the_recipients_only_where_its_address_is_none(
    errors: object, outcome: Outcome, stand: MailerSendStand
) -> None:
    stand.server.misdeeds.append(Canned(422, json.dumps({"message": "no", "errors": errors}).encode()))

    assert stand.provider.send(stand.letters(1), issue=ISSUE)[0].outcome is outcome


# --- limits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "outcome", "seconds"),
    [
        ({"x-apiquota-reset": "2026-11-20T00:00:00Z"}, Outcome.BUSY, 15 * 3600.0),
        ({"x-apiquota-reset": "2026-11-20T00:00:00"}, Outcome.BUSY, 15 * 3600.0),
        ({"x-apiquota-reset": "soon"}, Outcome.DENIED, None),
        ({}, Outcome.DENIED, None),
    ],
)
def test_a_used_up_day_is_waited_for_where_its_end_is_known(
    headers: dict[str, str],
    outcome: Outcome,
    seconds: float | None,
    stand: MailerSendStand,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NEWSLETTER_NOW", "2026-11-19T09:00:00+00:00")
    stand.server.misdeeds.append(Canned(429, b'{"message": "daily quota limit. #MS42901"}', headers))

    (answer,) = stand.provider.send(stand.letters(1), issue=ISSUE)

    assert (answer.outcome, answer.retry_after_s) == (outcome, seconds)


def test_maintenance_is_waited_for(stand: MailerSendStand) -> None:
    stand.server.misdeeds.append(Canned(421, b'{"message": "maintenance"}'))

    assert stand.provider.send(stand.letters(2), issue=ISSUE)[0].outcome is Outcome.BUSY


# --- looking up -------------------------------------------------------------------------------------------------


def test_an_issue_in_doubt_is_found_by_its_tags(stand: MailerSendStand) -> None:
    stand.server.misdeeds.append(Misdeed.CUT_AFTER)
    stand.provider.send(stand.letters(3), issue=ISSUE)
    stand.server.api.unindexed.add("d.1")

    found = stand.provider.look_up([*IDS, "d.77"], issue=ISSUE)

    assert sorted(found) == ["d.0", "d.2"]
    assert found["d.2"].provider_id == stand.server.taken[2].provider_id


def test_a_list_that_ignores_the_filter_finds_nobody_else(stand: MailerSendStand) -> None:
    stand.provider.send(stand.letters(3), issue=ISSUE)
    stand.server.api.ignores_tag_filter = True

    assert stand.provider.look_up(["d.77"], issue=ISSUE) == {}


def test_a_domain_that_mailersend_does_not_know_finds_nobody(stand: MailerSendStand) -> None:
    provider = stand.open_with(name="mailersend", base_url=stand.server.url, api_key=TOKEN, domain="mail.example.org")
    provider.send(stand.letters(3), issue=ISSUE)

    assert provider.look_up(IDS, issue=ISSUE) == {}


@pytest.mark.parametrize("page", [b"[]", b"{}", b'{"data": [null, {"tags": 7}]}', b"<html>"])
def test_a_list_that_is_nonsense_finds_nobody(page: bytes, stand: MailerSendStand) -> None:
    stand.server.canned_search = Response(200, page)

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


def test_it_can_be_asked_whether_the_token_is_right(stand: MailerSendStand) -> None:
    wrong = stand.open_with(name="mailersend", base_url=stand.server.url, api_key="another")

    right_answer, wrong_answer = stand.provider.verify(), wrong.verify()

    assert right_answer is not None
    assert wrong_answer is not None
    assert (right_answer.outcome, wrong_answer.outcome) == (Outcome.ACCEPTED, Outcome.DENIED)
