"""What is particular to Mailpit: its address, its login, its search."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.errors import BadInput
from newsletter.models import Asset
from newsletter.providers import open_provider
from newsletter.providers.base import Answer, Outcome
from tests.conformance.stand import ISSUE, addresses, an_email, compose, settings_for
from tests.conformance.stands.mailpit import MailpitStand
from tests.loopback.api import Canned, Misdeed, Response

IDS = ["d.0", "d.1", "d.2"]
PICTURE = Asset("sun.png", b"\x89PNG sun", "sun.png@pictures")


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[MailpitStand]:
    """Mailpit with a stand-in that behaves."""
    with MailpitStand(tmp_path) as opened:
        yield opened


def outcomes(answers: list[Answer]) -> list[Outcome]:
    return [answer.outcome for answer in answers]


def test_a_message_says_everything_that_the_issue_says(stand: MailpitStand) -> None:
    stand.provider.send(stand.letters_for([('Zoë "Q", jr', "zoe@bücher.example")]), issue=ISSUE)

    message = stand.server.taken[0].message
    assert message["To"] == [{"Name": 'Zoë "Q", jr', "Email": "zoe@xn--bcher-kva.example"}]
    assert message["From"] == {"Name": "Example Network", "Email": "news@example.org"}
    assert message["ReplyTo"] == [{"Email": "editor@example.org"}]
    assert message["Subject"] == "Three new guides"
    assert message["Tags"] == [ISSUE]
    assert message["Headers"]["Message-ID"] == "<d.0@example.org>"
    assert message["Headers"]["List-Unsubscribe"] == "<https://news.example.org/u/d.0>"


def test_pictures_travel_within_the_mail(stand: MailpitStand) -> None:
    email = an_email().model_copy(update={"assets": (PICTURE,)})

    stand.provider.send(compose(stand.provider, email, addresses(1)), issue=ISSUE)

    assert stand.server.taken[0].message["Attachments"] == [
        {
            "Filename": "sun.png",
            "Content": "iVBORyBzdW4=",
            "ContentType": "image/png",
            "ContentID": "sun.png@pictures",
        }
    ]


def test_it_is_asked_for_where_mailpit_is(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"provider\.base_url") as raised:
        open_provider(settings_for(tmp_path, name="mailpit"))

    assert raised.value.fix == "mend what stands under [provider] in newsletter.toml"


def test_half_a_login_is_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="NEWSLETTER_PROVIDER__PASSWORD"):
        open_provider(settings_for(tmp_path, name="mailpit", base_url="http://127.0.0.1:9", username="editor"))


def test_a_mailpit_without_a_login_wants_none(stand: MailpitStand) -> None:
    stand.server.api.login = None
    provider = stand.open_with(name="mailpit", base_url=stand.server.url)

    answers = provider.send(compose(provider, an_email(), addresses(2)), issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED] * 2
    assert "authorization" not in stand.server.requests[0].headers


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, b'{"Error": "invalid To address: x"}', Outcome.REFUSED),
        (400, b'{"Error": "invalid Reply-To address: x"}', Outcome.DENIED),
        (400, b'{"Error": "cannot overwrite header: \\"To\\""}', Outcome.DENIED),
        (404, b"404 page not found", Outcome.DENIED),
        (200, b'{"ID": ""}', Outcome.UNSURE),
        (200, b"[]", Outcome.UNSURE),
    ],
)
def test_only_a_bad_address_is_the_recipients_fault(
    status: int, body: bytes, outcome: Outcome, stand: MailpitStand
) -> None:
    stand.server.misdeeds.append(Canned(status, body))

    assert outcomes(stand.provider.send(stand.letters(1), issue=ISSUE)) == [outcome]


def test_a_doubt_is_cleared_by_our_message_id(stand: MailpitStand) -> None:
    stand.server.misdeeds.extend([None, Misdeed.CUT_AFTER])
    stand.provider.send(stand.letters(3), issue=ISSUE)

    found = stand.provider.look_up(IDS, issue=ISSUE)

    assert sorted(found) == ["d.0", "d.1"]
    assert found["d.1"] == Answer(Outcome.ACCEPTED, provider_id=stand.server.taken[1].provider_id)


def test_a_delivery_whose_id_begins_like_anothers_is_not_taken_for_it(stand: MailpitStand) -> None:
    letter = stand.letters(11)[10]
    stand.provider.send([letter], issue=ISSUE)

    assert letter.delivery_id == "d.10"
    assert stand.provider.look_up(["d.1"], issue=ISSUE) == {}


@pytest.mark.parametrize(
    "page", [b"[]", b"{}", b'{"messages": [null, {"MessageID": 7}, {"MessageID": "d.0@x"}]}', b"<"]
)
def test_a_search_that_answers_nonsense_finds_nobody(page: bytes, stand: MailpitStand) -> None:
    stand.server.canned_search = Response(200, page)

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


def test_a_search_that_fails_finds_nobody(stand: MailpitStand) -> None:
    stand.provider.send(stand.letters(1), issue=ISSUE)
    stand.server.search_is_off = lambda: True

    assert stand.provider.look_up(IDS, issue=ISSUE) == {}


def test_a_mailpit_that_lets_us_in_is_known(stand: MailpitStand) -> None:
    assert stand.provider.verify() == Answer(Outcome.ACCEPTED)


def test_a_wrong_login_is_said(stand: MailpitStand) -> None:
    settings = {"name": "mailpit", "base_url": stand.server.url, "username": "editor", "password": "another"}
    answer = stand.open_with(**settings).verify()

    assert answer
    assert answer.outcome is Outcome.DENIED


def test_a_mailpit_that_is_not_there_is_busy(stand: MailpitStand) -> None:
    answer = stand.open_with(name="mailpit", base_url="http://127.0.0.1:9").verify()

    assert answer
    assert answer.outcome is Outcome.BUSY
