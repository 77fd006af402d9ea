"""What is particular to SendGrid: what it puts in, whom it takes once a call, its errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter.emails.markers import filled, marker
from newsletter.errors import BadInput, Unsupported
from newsletter.models import Asset
from newsletter.providers import open_provider
from newsletter.providers.base import Outcome
from newsletter.providers.http import Reply
from newsletter.providers.sendgrid import API_URLS, MAX_BODY_BYTES, read_answer, read_refusal
from tests.conformance.stand import (
    ISSUE,
    NONCE,
    addresses,
    an_email,
    compose,
    compose_for,
    form_of,
    settings_for,
    values_of,
)
from tests.conformance.stands.sendgrid import SendgridStand
from tests.loopback.api import Canned, Misdeed
from tests.loopback.sendgrid import KEY

NOW = datetime(2026, 11, 19, 9, tzinfo=UTC)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[SendgridStand]:
    """SendGrid with a stand-in that behaves."""
    with SendgridStand(tmp_path) as opened:
        yield opened


def call(stand: SendgridStand, number: int = 0) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(stand.server.bodies[number])
    return body


def a_picture(size_bytes: int = 3) -> Asset:
    return Asset("logo.png", b"x" * size_bytes, content_id="logo")


# --- what is asked for ------------------------------------------------------------------------------------------


def test_the_text_goes_once_a_call_and_each_reader_adds_little(stand: SendgridStand) -> None:
    text = "A rather long sentence. " * 1000

    stand.provider.send(stand.letters(100, text=text), issue=ISSUE)

    (body,) = stand.server.bodies
    people = call(stand)["personalizations"]
    assert len(people) == 100
    assert len(json.dumps(people, separators=(",", ":"))) / 100 < 400
    assert len(body) < 2 * len(text) + 100 * 400 + 2000


def test_a_post_that_holds_what_looks_like_our_keys_arrives_as_written(stand: SendgridStand) -> None:
    guesses = "-unsubscribe_url- -0-unsubscribe_url- -name- -email_html-"

    stand.provider.send(stand.letters(2, subject=guesses, text=guesses), issue=ISSUE)

    assert [one.subject for one in stand.server.taken] == [guesses, guesses]
    assert all(guesses in one.html and guesses in one.text for one in stand.server.taken)


def test_every_key_holds_the_emails_nonce(stand: SendgridStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    (person,) = call(stand)["personalizations"]
    assert person["substitutions"]
    assert all(f"-{NONCE}-" in key for key in person["substitutions"])


def test_a_name_full_of_merge_syntax_is_put_in_as_written(stand: SendgridStand) -> None:
    name = "{{x}} %recipient.y% -name- <b>&"
    greeted = an_email(text=f"Dear {marker('name', NONCE)}")
    greeted = greeted.model_copy(update={"html": f"<p>Dear {marker('name', NONCE, html=True)}</p>"})

    stand.provider.send(compose_for(stand.provider, greeted, [(name, "pat@example.net")]), issue=ISSUE)

    (taken,) = stand.server.taken
    copy = filled(greeted, values_of("d.0", "pat@example.net", name))
    assert (taken.html, taken.text) == (copy.html, copy.text)
    assert "&lt;b&gt;&amp;" in taken.html


def test_each_reader_has_an_own_link_to_leave_in_the_headers(stand: SendgridStand) -> None:
    stand.provider.send(stand.letters(2), issue=ISSUE)

    assert stand.server.taken[1].headers["List-Unsubscribe"] == "<https://news.example.org/u/d.1>"
    assert call(stand)["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert call(stand)["personalizations"][1]["custom_args"] == {"delivery_id": "d.1"}


def test_tracking_and_sendgrids_own_unsubscribe_are_off(stand: SendgridStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    settings = call(stand)["tracking_settings"]
    assert {name: one["enable"] for name, one in settings.items()} == dict.fromkeys(
        ("click_tracking", "open_tracking", "subscription_tracking", "ganalytics"), False
    )


def test_an_address_goes_once_a_call(stand: SendgridStand) -> None:
    letters = compose(stand.provider, an_email(), ["a@example.net", "b@example.net", "A@example.net", "c@example.net"])

    answers = stand.provider.send(letters, issue=ISSUE)

    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED] * 4
    assert [len(call(stand, number)["personalizations"]) for number in range(2)] == [2, 2]
    assert stand.server.taken_ids == ["d.0", "d.1", "d.2", "d.3"]


def test_what_follows_a_call_in_doubt_is_not_tried(stand: SendgridStand) -> None:
    letters = compose(stand.provider, an_email(), ["a@example.net", "b@example.net", "A@example.net"])
    stand.server.misdeeds.append(Misdeed.CUT_AFTER)

    answers = stand.provider.send(letters, issue=ISSUE)

    assert [answer.outcome for answer in answers] == [Outcome.UNSURE, Outcome.UNSURE, Outcome.BUSY]
    assert stand.server.taken_ids == ["d.0", "d.1"]


def test_mail_that_goes_to_one_address_is_sent_letter_by_letter(stand: SendgridStand) -> None:
    form = form_of(stand.provider, an_email(), may_merge=False)
    letters = compose_for(stand.provider, an_email(), [("", "me@example.org")] * 3, may_merge=False)

    answers = stand.provider.send(letters, issue=ISSUE)

    assert form.batch_size == 16
    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED] * 3
    assert len({answer.provider_id for answer in answers}) == 3
    assert "substitutions" not in call(stand, 2)["personalizations"][0]
    assert [one.delivery_id for one in stand.server.taken] == ["d.0", "d.1", "d.2"]


def test_a_header_beyond_ascii_is_encoded(stand: SendgridStand) -> None:
    email = an_email()
    email = email.model_copy(update={"headers": (*email.headers, ("List-Name", '"Übersicht" <weekly.example.org>'))})

    stand.provider.send(compose(stand.provider, email, addresses(1)), issue=ISSUE)

    assert call(stand)["headers"]["List-Name"] == "=?utf-8?q?=C3=9Cbersicht?= <weekly.example.org>"


def test_pictures_travel_within_the_mail(stand: SendgridStand) -> None:
    email = an_email().model_copy(update={"assets": (a_picture(), Asset("web.png", b"y"))})

    stand.provider.send(compose(stand.provider, email, addresses(2)), issue=ISSUE)

    (picture,) = call(stand)["attachments"]
    assert (picture["content"], picture["content_id"], picture["disposition"]) == ("eHh4", "logo", "inline")


@pytest.mark.parametrize("may_merge", [True, False])
def test_a_mail_that_leaves_no_room_for_recipients_is_said_before_the_night(may_merge: bool) -> None:
    email = an_email().model_copy(update={"assets": (a_picture(MAX_BODY_BYTES),)})
    provider = open_provider(settings_for(Path(), name="sendgrid", api_key=KEY))

    with pytest.raises(Unsupported, match="30 MB") as raised:
        form_of(provider, email, may_merge=may_merge)

    assert raised.value.fix


# --- settings ---------------------------------------------------------------------------------------------------


def test_all_that_is_wrong_with_the_settings_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        open_provider(settings_for(tmp_path, name="sendgrid", region="mars", domain="mg.example.org"))

    places = [place.where for place in raised.value.places]
    assert places == ["NEWSLETTER_PROVIDER__API_KEY", "provider.region", "provider.domain"]


def test_europe_has_an_address_of_its_own() -> None:
    assert API_URLS["eu"] == "https://api.eu.sendgrid.com"


def test_the_stream_is_a_pool_of_addresses(stand: SendgridStand) -> None:
    provider = stand.open_with(name="sendgrid", base_url=stand.server.url, api_key=KEY, stream="digests")

    provider.send(compose(provider, an_email(), addresses(1)), issue=ISSUE)

    assert call(stand)["ip_pool_name"] == "digests"


def test_a_key_that_may_not_send_is_found_before_the_night(stand: SendgridStand) -> None:
    known = stand.provider.verify()
    stand.server.api.scopes = ("stats.read",)
    lacking = stand.provider.verify()
    unknown = stand.open_with(name="sendgrid", base_url=stand.server.url, api_key="another").verify()

    outcomes = [answer.outcome for answer in (known, lacking, unknown) if answer]
    assert outcomes == [Outcome.ACCEPTED, Outcome.DENIED, Outcome.DENIED]


# --- answers ----------------------------------------------------------------------------------------------------


def refused(status: int, *errors: dict[str, Any], headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, headers or {}, json.dumps({"errors": list(errors)}).encode())


NO_ADDRESS = {"message": "Does not contain a valid address.", "field": "personalizations.3.to.0.email"}


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (refused(400, {"message": "invalid", "field": "personalizations.3.to.0.email"}), Outcome.REFUSED),
        (refused(400, {"message": "needs a valid email address", "field": "personalizations.3.to"}), Outcome.REFUSED),
        (
            refused(400, {"message": "invalid", "field": "personalizations.3.to.0.email"}, {"field": None}),
            Outcome.DENIED,
        ),
        (refused(400, {"message": "twice", "field": "personalizations"}), Outcome.DENIED),
        (refused(400, {"message": "bad", "field": "personalizations.0.tomato"}), Outcome.DENIED),
        (refused(400, {"message": "Bad Request", "field": None}), Outcome.DENIED),
        (refused(400), Outcome.DENIED),
        (refused(401, {"message": "Maximum credits exceeded"}), Outcome.DENIED),
        (refused(403, {"message": "not a verified Sender Identity", "field": "from"}), Outcome.DENIED),
        (refused(413), Outcome.DENIED),
        (refused(429), Outcome.BUSY),
        (refused(500), Outcome.UNSURE),
        (Reply(400, {}, b"<html>"), Outcome.DENIED),
        (Reply(400, {}, b'{"errors": "none"}'), Outcome.DENIED),
        (Reply(400, {}, b'{"errors": ["none"]}'), Outcome.DENIED),
    ],
)
def test_only_an_error_about_addresses_is_the_fault_of_recipients(reply: Reply, outcome: Outcome) -> None:
    answer = read_refusal(reply, now=NOW)

    assert answer is not None
    assert answer.outcome is outcome


def test_the_words_of_a_refusal_are_kept() -> None:
    answer = read_refusal(refused(403, {"message": "not a verified Sender Identity", "field": "from"}), now=NOW)

    assert answer is not None
    assert answer.reason == "HTTP 403: not a verified Sender Identity (from)"


def test_busy_tells_the_moment_at_which_sendgrid_takes_calls_again() -> None:
    moment = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 42)}

    answer = read_refusal(refused(429, headers=moment), now=NOW)

    assert answer is not None
    assert answer.retry_after_s == 42


def test_an_answer_other_than_202_takes_nobody_for_certain() -> None:
    answer = read_answer(Reply(200, {}, b""), 3, now=NOW)

    assert not isinstance(answer, list)
    assert answer.outcome is Outcome.UNSURE


def test_an_answer_without_an_id_is_an_acceptance_all_the_same(stand: SendgridStand) -> None:
    stand.server.misdeeds.append(Canned(202, takes=True))

    answers = stand.provider.send(stand.letters(2), issue=ISSUE)

    assert [(answer.outcome, answer.provider_id) for answer in answers] == [(Outcome.ACCEPTED, None)] * 2
