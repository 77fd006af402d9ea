"""What is particular to SparkPost: its templates, its counting answers, its events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter.emails.markers import filled, marker
from newsletter.errors import BadInput, Unsupported
from newsletter.models import Asset, Email
from newsletter.providers import open_provider
from newsletter.providers.base import Answer, Letter, Outcome
from newsletter.providers.http import Reply
from newsletter.providers.sparkpost import (
    API_URLS,
    MAX_CAMPAIGN_BYTES,
    MAX_CONTENT_BYTES,
    campaign_of,
    read_events,
    read_refusal,
    read_results,
)
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
from tests.conformance.stands.sparkpost import SparkpostStand
from tests.loopback.api import Canned, Misdeed, Response
from tests.loopback.sparkpost import KEY

NOW = datetime(2026, 11, 19, 9, tzinfo=UTC)
LETTERS = [Letter(f"d.{number}", f"reader{number}@example.net", ()) for number in range(3)]
IDS = [letter.delivery_id for letter in LETTERS]
FIRST_PAGE = "/v1/events/message?cursor=initial&per_page=10"
NEXT_PAGE = "/v1/events/message?cursor=WyJhIl0%3D&per_page=10"


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[SparkpostStand]:
    """SparkPost with a stand-in that behaves."""
    with SparkpostStand(tmp_path) as opened:
        yield opened


def call(stand: SparkpostStand, number: int = 0) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(stand.server.bodies[number])
    return body


def greeting(before: str = "Dear ", after: str = ",") -> Email:
    """An issue that says the reader's name in both parts."""
    fields = {"text": marker("name", NONCE), "html": marker("name", NONCE, html=True)}
    email = an_email()
    return email.model_copy(update={part: f"{before}{field}{after}" for part, field in fields.items()})


# --- what is asked for ------------------------------------------------------------------------------------------


def test_the_text_goes_once_a_call_and_each_reader_adds_little(stand: SparkpostStand) -> None:
    text = "A rather long sentence. " * 1000

    stand.provider.send(stand.letters(100, text=text), issue=ISSUE)

    (body,) = stand.server.bodies
    people = call(stand)["recipients"]
    assert len(people) == 100
    assert len(json.dumps(people, separators=(",", ":"))) / 100 < 360
    assert len(body) < 2 * len(text) + 100 * 360 + 2000


def test_values_are_put_in_as_they_are(stand: SparkpostStand) -> None:
    name = "{{x}} O'Neil & <b>"

    stand.provider.send(compose_for(stand.provider, greeting(), [(name, "pat@example.net")]), issue=ISSUE)

    (taken,) = stand.server.taken
    copy = filled(greeting(), values_of("d.0", "pat@example.net", name))
    assert call(stand)["options"]["perform_substitutions"] is True
    assert (taken.html, taken.text) == (copy.html, copy.text)


@pytest.mark.parametrize(
    ("subject", "text", "merges"),
    [
        ("Three guides", "a { brace, b } and css {p{color:red}}", True),
        ("Three guides", "Use {{ site.title }} here", False),
        ("The {{x}} of it", "Hello", False),
        ("Three guides", 'https://example.org[[data-msys-unsubscribe="1"]]', False),
    ],
)
def test_an_email_that_holds_their_syntax_goes_letter_by_letter(
    subject: str, text: str, merges: bool, stand: SparkpostStand
) -> None:
    email = an_email(subject=subject, text=text)

    answers = stand.provider.send(compose(stand.provider, email, addresses(2)), issue=ISSUE)

    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED] * 2
    assert [one.subject for one in stand.server.taken] == [subject] * 2
    assert all(text in one.html and text in one.text for one in stand.server.taken)
    assert len(stand.server.bodies) == (1 if merges else 2)
    assert call(stand)["options"]["perform_substitutions"] is merges


@pytest.mark.parametrize(("before", "after"), [("{", "}"), ("{", ""), ("", "}")])
def test_a_brace_beside_a_value_is_not_taken_for_theirs(before: str, after: str, stand: SparkpostStand) -> None:
    email = greeting(before, after)

    stand.provider.send(compose_for(stand.provider, email, [("Ann", "ann@example.net")]), issue=ISSUE)

    assert stand.server.taken[0].text == f"{before}Ann{after}"
    assert call(stand)["options"]["perform_substitutions"] is False


def test_their_syntax_in_a_header_is_syntax_too(stand: SparkpostStand) -> None:
    email = an_email()
    email = email.model_copy(update={"headers": (*email.headers, ("List-Name", "The {{x}} list"))})

    stand.provider.send(compose(stand.provider, email, addresses(1)), issue=ISSUE)

    assert stand.server.taken[0].headers["List-Name"] == "The {{x}} list"


def test_each_reader_has_an_own_link_to_leave_in_the_headers(stand: SparkpostStand) -> None:
    stand.provider.send(stand.letters(2), issue=ISSUE)

    assert len(stand.server.bodies) == 1
    assert stand.server.taken[1].headers["List-Unsubscribe"] == "<https://news.example.org/u/d.1>"
    assert stand.server.taken[1].headers["Message-ID"] == "<d.1@example.org>"
    assert call(stand)["recipients"][1]["metadata"] == {"delivery_id": "d.1"}


def test_a_digest_is_no_transactional_mail_and_a_confirmation_is(stand: SparkpostStand) -> None:
    confirmation = an_email().model_copy(update={"issue": "system"})

    stand.provider.send(stand.letters(1), issue=ISSUE)
    stand.provider.send(compose(stand.provider, confirmation, addresses(1)), issue="system")

    assert [call(stand, number)["options"]["transactional"] for number in range(2)] == [False, True]


def test_tracking_is_off(stand: SparkpostStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)

    options = call(stand)["options"]
    assert (options["open_tracking"], options["click_tracking"]) == (False, False)


def test_the_name_of_an_issue_is_cut_to_what_a_campaign_may_have() -> None:
    assert campaign_of(ISSUE) == ISSUE
    assert len(campaign_of("ü" * 40).encode()) <= MAX_CAMPAIGN_BYTES


def test_an_address_goes_once_a_call(stand: SparkpostStand) -> None:
    letters = compose(stand.provider, an_email(), ["a@example.net", "A@example.net"])

    stand.provider.send(letters, issue=ISSUE)

    assert len(stand.server.bodies) == 2
    assert stand.server.taken_ids == ["d.0", "d.1"]


def test_pictures_travel_within_the_mail(stand: SparkpostStand) -> None:
    email = an_email().model_copy(update={"assets": (Asset("logo.png", b"xxx", content_id="logo"),)})

    stand.provider.send(compose(stand.provider, email, addresses(2)), issue=ISSUE)

    assert call(stand)["content"]["inline_images"] == [{"name": "logo", "type": "image/png", "data": "eHh4"}]


def test_a_mail_larger_than_they_take_is_said_before_the_night() -> None:
    email = an_email().model_copy(update={"assets": (Asset("a.png", b"x" * MAX_CONTENT_BYTES, content_id="a"),)})
    provider = open_provider(settings_for(Path(), name="sparkpost", api_key=KEY))

    with pytest.raises(Unsupported, match="20 MB"):
        form_of(provider, email)


# --- settings ---------------------------------------------------------------------------------------------------


def test_all_that_is_wrong_with_the_settings_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        open_provider(settings_for(tmp_path, name="sparkpost", region="mars", domain="mg.example.org"))

    places = [place.where for place in raised.value.places]
    assert places == ["NEWSLETTER_PROVIDER__API_KEY", "provider.region", "provider.domain"]


def test_europe_has_an_address_of_its_own() -> None:
    assert API_URLS["eu"] == "https://api.eu.sparkpost.com"


def test_the_stream_is_a_pool_of_addresses(stand: SparkpostStand) -> None:
    provider = stand.open_with(name="sparkpost", base_url=stand.server.url, api_key=KEY, stream="digests")

    provider.send(compose(provider, an_email(), addresses(1)), issue=ISSUE)

    assert call(stand)["options"]["ip_pool"] == "digests"


def test_a_call_may_be_larger_than_it_usually_is_but_not_without_end(stand: SparkpostStand) -> None:
    sizes = [
        stand.open_with(name="sparkpost", api_key=KEY, batch_size=wanted).abilities.batch_size
        for wanted in (None, 5, 5_000, 50_000)
    ]

    assert sizes == [1_000, 5, 5_000, 10_000]


def test_a_wrong_key_is_found_before_the_night(stand: SparkpostStand) -> None:
    known = stand.provider.verify()
    unknown = stand.open_with(name="sparkpost", base_url=stand.server.url, api_key="another").verify()

    assert [answer.outcome for answer in (known, unknown) if answer] == [Outcome.ACCEPTED, Outcome.DENIED]


# --- answers ----------------------------------------------------------------------------------------------------


def refused(status: int, *codes: str) -> Reply:
    return Reply(status, {}, json.dumps({"errors": [{"message": "m", "code": code} for code in codes]}).encode())


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (refused(400, "5002"), Outcome.REFUSED),
        (refused(400, "5002", "7001"), Outcome.DENIED),
        (refused(400, "7001"), Outcome.DENIED),
        (refused(422, "3000"), Outcome.DENIED),
        (refused(420, "2101"), Outcome.BUSY),
        (refused(420, "2102"), Outcome.DENIED),
        (refused(420), Outcome.DENIED),
        (refused(401, "1303"), Outcome.DENIED),
        (refused(403, "1100"), Outcome.DENIED),
        (refused(429), Outcome.BUSY),
        (refused(500, "1500"), Outcome.UNSURE),
        (Reply(400, {}, b"<html>"), Outcome.DENIED),
        (Reply(400, {}, b'{"errors": "none"}'), Outcome.DENIED),
    ],
)
def test_only_a_call_without_a_fit_recipient_is_the_fault_of_recipients(reply: Reply, outcome: Outcome) -> None:
    answer = read_refusal(reply, now=NOW)

    assert answer is not None
    assert answer.outcome is outcome


def counted(accepted: object, rejected: object, *descriptions: str) -> dict[str, Any]:
    results = {"total_accepted_recipients": accepted, "total_rejected_recipients": rejected, "id": "7"}
    return {"results": results | {"rcpt_to_errors": [{"description": one, "code": "1300"} for one in descriptions]}}


def outcomes(read: list[Answer] | Answer) -> list[Outcome]:
    return [answer.outcome for answer in (read if isinstance(read, list) else [read] * 3)]


def test_everybody_is_taken_only_where_the_counts_say_so() -> None:
    assert outcomes(read_results(counted(3, 0), LETTERS)) == [Outcome.ACCEPTED] * 3
    assert outcomes(read_results(counted(0, 3), LETTERS)) == [Outcome.REFUSED] * 3
    for counts in ((2, 0), (4, 0), (3, 1), (2, 1), (0, 0), (None, None), ("3", "0")):
        assert outcomes(read_results(counted(*counts), LETTERS)) == [Outcome.UNSURE] * 3


@pytest.mark.parametrize("said", [None, [], {}, {"results": 3}, {"errors": []}])
def test_an_answer_without_a_result_says_nothing(said: object) -> None:
    assert outcomes(read_results(said, LETTERS)) == [Outcome.UNSURE] * 3


def test_of_a_call_taken_in_part_those_are_known_who_are_named() -> None:
    said = counted(2, 1, "address Reader1@example.net is not JSON")

    assert outcomes(read_results(said, LETTERS)) == [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.ACCEPTED]


@pytest.mark.parametrize(
    "descriptions",
    [
        ("address.email is required for each recipient",),
        ("reader0@example.net or reader1@example.net",),
        ("somereader1@example.net is bad",),
        ("reader0@example.net", "reader1@example.net"),
        (),
    ],
)
def test_where_it_does_not_say_who_was_refused_nobody_is_sure(descriptions: tuple[str, ...]) -> None:
    assert outcomes(read_results(counted(2, 1, *descriptions), LETTERS)) == [Outcome.UNSURE] * 3


def test_a_doubt_about_a_part_is_cleared_by_the_events(stand: SparkpostStand) -> None:
    letters = stand.letters(3)
    stand.server.api.refused[letters[1].email] = "address.email is required for each recipient"

    answers = stand.provider.send(letters, issue=ISSUE)
    found = stand.provider.look_up(IDS, issue=ISSUE)

    assert outcomes(answers) == [Outcome.UNSURE] * 3
    assert {name: answer.outcome for name, answer in found.items()} == dict.fromkeys(("d.0", "d.2"), Outcome.ACCEPTED)


# --- looking up -------------------------------------------------------------------------------------------------


def test_an_issue_in_doubt_is_found_in_the_events_page_by_page(stand: SparkpostStand) -> None:
    stand.server.api.events_a_page = 2
    stand.server.misdeeds.append(Misdeed.CUT_AFTER)
    stand.provider.send(stand.letters(5), issue=ISSUE)

    found = stand.provider.look_up(["d.0", "d.4"], issue=ISSUE)

    assert {name: answer.outcome for name, answer in found.items()} == dict.fromkeys(("d.0", "d.4"), Outcome.ACCEPTED)
    assert found["d.4"].provider_id == stand.server.taken[4].provider_id


def test_what_the_events_do_not_show_yet_is_not_called_untaken(stand: SparkpostStand) -> None:
    stand.provider.send(stand.letters(3), issue=ISSUE)
    stand.server.api.unindexed.add("d.1")

    assert sorted(stand.provider.look_up(IDS, issue=ISSUE)) == ["d.0", "d.2"]


def test_a_search_that_never_ends_is_left(stand: SparkpostStand) -> None:
    endless = {"results": [], "links": {"next": "/api/v1/events/message?cursor=again"}}
    stand.server.canned_search = Response(200, json.dumps(endless).encode())

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


@pytest.mark.parametrize("page", [b"[]", b"{}", b'{"results": [null, {"rcpt_meta": 7}], "links": 3}', b"<html>"])
def test_a_search_that_answers_nonsense_finds_nobody(page: bytes, stand: SparkpostStand) -> None:
    stand.server.canned_search = Response(200, page)

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


@pytest.mark.parametrize(
    ("links", "cursor"),
    [
        ({"next": NEXT_PAGE}, "WyJhIl0="),
        ([{"href": FIRST_PAGE, "rel": "first"}, {"href": NEXT_PAGE, "rel": "next"}], "WyJhIl0="),
        ([{"href": FIRST_PAGE, "rel": ["first"]}, None], ""),
        ({}, ""),
        ({"next": None}, ""),
    ],
)
def test_a_page_of_events_says_how_it_goes_on(links: object, cursor: str) -> None:
    assert read_events({"results": [], "links": links}) == ({}, cursor)


def test_busy_tells_how_long_to_wait_where_sparkpost_says_so(stand: SparkpostStand) -> None:
    stand.server.misdeeds.append(Canned(429, headers={"Retry-After": "7"}))

    answers = stand.provider.send(stand.letters(2), issue=ISSUE)

    assert [answer.retry_after_s for answer in answers] == [7.0, 7.0]
