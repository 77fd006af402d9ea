"""What is particular to Brevo: its template language, names and headers, keys that answer with an error, its words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from newsletter.errors import BadInput, Unsupported
from newsletter.models import Asset, Email
from newsletter.providers import open_provider
from newsletter.providers.base import Letter, Outcome
from newsletter.providers.brevo import judge, read_events, read_ids
from newsletter.providers.brevo_names import SPECIAL, fit_name
from newsletter.providers.lots import MAX_BAD_ONES
from tests.conformance.stand import ISSUE, addresses, an_email, compose, compose_for, form_of, settings_for
from tests.conformance.stands.brevo import BrevoStand
from tests.loopback.api import Canned, Misdeed, Response
from tests.loopback.brevo import KEY

LETTERS = [Letter(f"d.{number}", f"reader{number}@example.net", ()) for number in range(3)]
CALL = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[BrevoStand]:
    """Brevo with a stand-in that behaves."""
    with BrevoStand(tmp_path) as opened:
        yield opened


def with_name(text: str) -> Email:
    """An email that greets its reader."""
    email = an_email()
    return email.model_copy(
        update={
            "html": f"<p>{text}mergeq7Hnameend{{%</p>",
            "text": f"{text}mergeq7Tnameend{{%",
        }
    )


def test_the_call_holds_once_what_is_the_same_for_all(stand: BrevoStand) -> None:
    stand.provider.send(stand.letters(2), issue=ISSUE)

    call = json.loads(stand.server.bodies[0])
    assert call["sender"] == {"email": "news@example.org", "name": "Example Network"}
    assert call["replyTo"] == {"email": "editor@example.org"}
    assert [version["to"] for version in call["messageVersions"]] == [[{"email": one}] for one in addresses(2)]
    assert "to" not in call


def test_a_delivery_is_named_to_webhooks(stand: BrevoStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    custom = stand.server.taken[0].headers["X-Mailin-custom"]
    assert json.loads(custom) == {"delivery_id": "d.0", "issue": ISSUE}


@pytest.mark.parametrize(
    "name", ["{{contact.EMAIL}}", "{% if x %}", "{# a #} & <b>", "{{params.brace}}", "{x}} {", "Ann & Co"]
)
def test_a_name_that_looks_like_a_template_is_greeted_as_written(name: str, stand: BrevoStand) -> None:
    letters = compose_for(stand.provider, with_name("Dear {{x}} {{{"), [(name, "ann@example.net")])

    stand.provider.send(letters, issue=ISSUE)

    arrived = stand.server.taken[0]
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert arrived.text == f"Dear {{{{x}}}} {{{{{{{name}{{%"
    assert arrived.html == f"<p>Dear {{{{x}}}} {{{{{{{escaped}{{%</p>"


@pytest.mark.parametrize(
    ("name", "fit"),
    [
        ("Zoë 名前", "Zoë 名前"),
        ("Zoë, 名前", "Zoë, 名前"),
        ('O\'Neil, "Pat"', 'O\'Neil, "Pat"'),
        ("x" * 80, "x" * 70),
        ("Ø, " + "x" * 80, "Ø " + "x" * 68),
    ],
)
def test_names_come_as_brevo_can_send_them(name: str, fit: str) -> None:
    inside = json.dumps(name)[1:-1].encode()

    fitted = json.loads(b'"%s"' % fit_name(inside))

    assert str(make_header(decode_header(fitted))) == fit
    assert len(fitted) <= 70
    assert fitted.isascii() or not SPECIAL.search(fitted)


def test_a_list_keeps_its_id_though_its_title_is_not_ascii(stand: BrevoStand) -> None:
    headers = tuple(
        (name, '"Wöchentliches" <weekly.example.org>' if name == "List-Id" else value)
        for name, value in an_email().headers
    )

    stand.provider.send(
        compose(stand.provider, an_email().model_copy(update={"headers": headers}), addresses(1)), issue=ISSUE
    )

    assert stand.server.taken[0].headers["List-Id"] == "<weekly.example.org>"


def test_another_header_beyond_ascii_is_refused_before_the_night(stand: BrevoStand) -> None:
    email = an_email().model_copy(update={"headers": (*an_email().headers, ("X-Motto", "Grüße"))})

    with pytest.raises(Unsupported, match="X-Motto"):
        form_of(stand.provider, email)


def test_pictures_within_the_mail_are_refused_before_the_night(stand: BrevoStand) -> None:
    email = an_email().model_copy(update={"assets": (Asset("a1.png", b"\x89PNG", "a1"),)})

    with pytest.raises(Unsupported, match="pictures") as raised:
        form_of(stand.provider, email)

    assert "hosted" in str(raised.value.fix)


def test_a_missing_key_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="NEWSLETTER_PROVIDER__API_KEY: the API key is missing"):
        open_provider(settings_for(tmp_path, name="brevo"))


def test_settings_that_brevo_has_no_use_for_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        open_provider(settings_for(tmp_path, name="brevo", api_key=KEY, region="eu", stream="digests"))

    assert [place.where for place in raised.value.places] == ["provider.region", "provider.stream"]


def test_limits_are_those_of_the_batch_call(stand: BrevoStand) -> None:
    abilities = stand.provider.abilities

    assert (abilities.batch_size, abilities.key_valid_s) == (1000, 900.0)
    assert abilities.calls_per_s == pytest.approx(100 / 60)


# --- keys -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["duplicate_parameter", "duplicate_request"])
def test_a_call_repeated_with_its_key_is_taken_once_and_its_answers_are_found(code: str, stand: BrevoStand) -> None:
    letters = stand.letters(3)
    stand.server.api.code_of_seen_key = code
    stand.server.misdeeds.append(Misdeed.CUT_AFTER)

    first = stand.provider.send(letters, issue=ISSUE, key="k1")
    second = stand.provider.send(letters, issue=ISSUE, key="k1")

    assert {answer.outcome for answer in first} == {Outcome.UNSURE}
    assert {answer.outcome for answer in second} == {Outcome.ACCEPTED}
    assert [answer.provider_id for answer in second] == [one.provider_id for one in stand.server.taken]
    assert stand.server.taken_ids == ["d.0", "d.1", "d.2"]


def test_a_repeated_call_that_had_not_arrived_is_taken(stand: BrevoStand) -> None:
    letters = stand.letters(2)
    stand.server.misdeeds.append(Misdeed.CUT_BEFORE)

    stand.provider.send(letters, issue=ISSUE, key="k1")
    answers = stand.provider.send(letters, issue=ISSUE, key="k1")

    assert {answer.outcome for answer in answers} == {Outcome.ACCEPTED}
    assert stand.server.taken_ids == ["d.0", "d.1"]


def test_what_the_events_do_not_show_yet_stays_in_doubt(stand: BrevoStand) -> None:
    letters = stand.letters(2)
    stand.server.misdeeds.append(Misdeed.CUT_AFTER)
    stand.server.api.unindexed.add("d.1")

    stand.provider.send(letters, issue=ISSUE, key="k1")
    answers = stand.provider.send(letters, issue=ISSUE, key="k1")

    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.UNSURE]


def test_another_key_is_another_call(stand: BrevoStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE, key="k1")
    stand.provider.send(stand.letters(1), issue=ISSUE, key="k2")

    assert len(stand.server.taken) == 2


@pytest.mark.parametrize("page", [b"[]", b"{}", b'{"events": [null, {"email": 7}]}', b"<html>"])
def test_events_that_are_nonsense_leave_everybody_in_doubt(page: bytes, stand: BrevoStand) -> None:
    letters = stand.letters(2)
    stand.provider.send(letters, issue=ISSUE, key="k1")
    stand.server.canned_search = Response(200, page)

    answers = stand.provider.send(letters, issue=ISSUE, key="k1")

    assert {answer.outcome for answer in answers} == {Outcome.UNSURE}


def test_events_of_another_call_count_for_nobody() -> None:
    page = {"events": [{"email": one.email, "tag": "another", "messageId": "m"} for one in LETTERS]}

    assert {answer.outcome for answer in read_events(page, CALL, LETTERS)} == {Outcome.UNSURE}


def test_events_say_nothing_where_all_mail_goes_to_one_address() -> None:
    letters = [letter._replace(email="me@example.org") for letter in LETTERS]
    page = {"events": [{"email": "me@example.org", "tag": f'["{CALL}"]', "messageId": "m"}]}

    assert {answer.outcome for answer in read_events(page, CALL, letters)} == {Outcome.UNSURE}


# --- answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "message", "outcome"),
    [
        ("invalid_parameter", "email is not valid in to", Outcome.REFUSED),
        ("invalid_parameter", "messageVersions[3].to[0].email is invalid", Outcome.REFUSED),
        ("invalid_parameter", "Sending has been rejected because the sender you used is not valid", Outcome.DENIED),
        ("invalid_parameter", "email is not valid in replyTo", Outcome.DENIED),
        ("invalid_parameter", "header value is too long in messageVersions", Outcome.DENIED),
        ("invalid_parameter", "You have to verify your account", Outcome.DENIED),
        ("missing_parameter", "to is missing", Outcome.DENIED),
        ("not_enough_credits", "You have reached your limit of emails to send", Outcome.DENIED),
        ("account_under_validation", "recipient", Outcome.DENIED),
        ("", "", Outcome.DENIED),
    ],
)
def test_a_refusal_is_the_recipients_only_where_it_says_so(code: str, message: str, outcome: Outcome) -> None:
    assert judge(code, message) is outcome


@pytest.mark.parametrize(
    "body", [None, {}, [], {"messageId": "m"}, {"messageIds": ["a", "b"]}, {"messageIds": ["a", "b", None]}, "OK"]
)
def test_without_an_id_for_each_message_nothing_is_certain(body: object) -> None:
    assert {answer.outcome for answer in read_ids(body, LETTERS)} == {Outcome.UNSURE}


def test_a_call_for_one_message_may_be_answered_with_one_id() -> None:
    (answer,) = read_ids({"messageId": "<m@relay>"}, LETTERS[:1])

    assert (answer.outcome, answer.provider_id) == (Outcome.ACCEPTED, "<m@relay>")


def test_one_bad_address_of_a_call_is_singled_out(stand: BrevoStand) -> None:
    letters = stand.letters(20)
    stand.refuse(letters[13].email)

    answers = stand.provider.send(letters, issue=ISSUE)

    assert [number for number, answer in enumerate(answers) if answer.outcome is Outcome.REFUSED] == [13]
    assert stand.server.taken_ids == [letter.delivery_id for letter in letters if letter is not letters[13]]


def test_a_call_with_a_key_is_left_to_be_halved_because_it_may_be_repeated(stand: BrevoStand) -> None:
    letters = stand.letters(4)
    stand.refuse(letters[2].email)

    whole = stand.provider.send(letters, issue=ISSUE, key="k1")
    half = stand.provider.send(letters[:2], issue=ISSUE, key="k2")
    alone = stand.provider.send(letters[2:3], issue=ISSUE, key="k3")

    assert [(one.outcome, one.in_halves) for one in whole] == [(Outcome.BUSY, True)] * 4
    assert [one.outcome for one in (*half, *alone)] == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.REFUSED]
    assert stand.server.taken_ids == ["d.0", "d.1"]


def test_a_call_refused_for_everybody_stops_the_run_after_a_few(stand: BrevoStand) -> None:
    letters = stand.letters(100)
    stand.server.api.refused = dict.fromkeys((letter.email for letter in letters), "email is not valid in to")

    outcomes = [answer.outcome for answer in stand.provider.send(letters, issue=ISSUE)]

    assert outcomes.count(Outcome.REFUSED) <= MAX_BAD_ONES + 1
    assert set(outcomes) == {Outcome.REFUSED, Outcome.DENIED}


def test_the_next_call_waits_when_none_are_left(stand: BrevoStand) -> None:
    stand.server.api.rate_headers = {"x-sib-ratelimit-remaining": "0", "x-sib-ratelimit-reset": "12"}

    answers = stand.provider.send(stand.letters(2), issue=ISSUE)

    assert [(answer.outcome, answer.pause_s) for answer in answers] == [(Outcome.ACCEPTED, 12.0)] * 2


def test_busy_tells_how_long_to_wait_by_the_rate_headers(stand: BrevoStand) -> None:
    stand.server.misdeeds.append(Canned(429, headers={"x-sib-ratelimit-remaining": "0", "x-sib-ratelimit-reset": "7"}))

    answers = stand.provider.send(stand.letters(1), issue=ISSUE)

    assert (answers[0].outcome, answers[0].retry_after_s) == (Outcome.BUSY, 7.0)


def test_it_can_be_asked_whether_the_key_is_right(stand: BrevoStand) -> None:
    wrong = stand.open_with(name="brevo", base_url=stand.server.url, api_key="another")

    right_answer, wrong_answer = stand.provider.verify(), wrong.verify()

    assert right_answer is not None
    assert wrong_answer is not None
    assert (right_answer.outcome, wrong_answer.outcome) == (Outcome.ACCEPTED, Outcome.DENIED)


def test_the_key_is_in_no_body(stand: BrevoStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    assert KEY.encode() not in stand.server.bodies[0]
