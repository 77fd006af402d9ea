"""A test mail: the issue as it is now, marked, harmless, and nobody's delivery."""

from __future__ import annotations

import email
import email.policy
import threading
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests

from newsletter.app import open_site
from newsletter.cli.serve import public_app
from newsletter.web.public.server import Server
from tests.sites import ISSUE, SiteFolder, site

__all__ = ["site"]


@pytest.fixture
def draft(site: SiteFolder) -> SiteFolder:
    """A draft of one post, and one subscriber."""
    site.post("a", title="A new path")
    site.readers(1)
    site.facts("build", "weekly", "--on", "2023-11-16")
    return site


def mails(site: SiteFolder, folder: str = "test") -> list[EmailMessage]:
    files = sorted((site.folder / "outbox" / folder).glob("*.eml"))
    return [_parsed(file) for file in files]


def _parsed(file: Path) -> EmailMessage:
    return email.message_from_bytes(file.read_bytes(), _class=EmailMessage, policy=email.policy.default)


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def test_a_draft_goes_to_each_address_marked_as_a_test(draft: SiteFolder) -> None:
    facts = draft.facts("test", ISSUE, "--to", "ann@example.org", "--to", "bo@example.org")

    assert [(one["email"], one["outcome"]) for one in facts["mails"]] == [
        ("ann@example.org", "accepted"),
        ("bo@example.org", "accepted"),
    ]
    assert {str(mail["To"]) for mail in mails(draft)} == {"Ann Other <ann@example.org>", "Ann Other <bo@example.org>"}
    assert {str(mail["Subject"]) for mail in mails(draft)} == {"[test] A new path"}


def test_a_second_test_is_mailed_too(draft: SiteFolder) -> None:
    draft.facts("test", ISSUE, "--to", "ann@example.org")
    draft.facts("test", ISSUE, "--to", "ann@example.org")

    assert len(mails(draft)) == 2


def test_a_test_is_nobodys_delivery(draft: SiteFolder) -> None:
    before = draft.facts("status", ISSUE)

    draft.facts("test", ISSUE, "--to", "reader0@example.net")

    assert draft.facts("status", ISSUE) == before
    assert draft.facts("deliveries", ISSUE) == []


def test_an_approved_issue_is_tested_with_the_bytes_that_go_out(draft: SiteFolder) -> None:
    draft.facts("approve", ISSUE, "--yes")
    draft.facts("test", ISSUE, "--to", "reader0@example.net", "--as", "reader0@example.net")
    draft.facts("send", ISSUE)

    (test,), (sent,) = mails(draft), mails(draft, ISSUE)
    marks = [next(line for line in text_of(one).splitlines() if "/unsubscribe/" in line) for one in (test, sent)]
    assert text_of(test).replace(marks[0], marks[1]) == text_of(sent)
    assert str(test["To"]) == str(sent["To"]) == "Reader 0 <reader0@example.net>"
    assert marks[0] != marks[1]


def test_the_unsubscribe_link_of_a_test_explains_itself_and_changes_nothing(draft: SiteFolder) -> None:
    draft.facts("test", ISSUE, "--to", "reader0@example.net", "--as", "reader0@example.net")
    link = str(mails(draft)[0]["List-Unsubscribe"]).strip("<>").partition("://")[2].partition("/")[2]

    with open_site(draft.folder) as opened:
        server = Server(public_app(opened), host="127.0.0.1", port=0)
        thread = threading.Thread(target=server.serve_until_stopped)
        thread.start()
        try:
            asked = requests.get(f"{server.url}/{link}", timeout=20)
            left = requests.post(f"{server.url}/{link}", data={"List-Unsubscribe": "One-Click"}, timeout=20)
        finally:
            server.stop()
            thread.join()

    assert (asked.status_code, left.status_code) == (200, 200)
    assert "test mail" in asked.text
    assert "<button" not in asked.text
    assert [one["state"] for one in draft.facts("subscribers", "list")] == ["active"]


@pytest.mark.parametrize(
    ("who", "to"),
    [("nameless", "ann@example.org"), ("rtl", "ליאור בן־דוד <ann@example.org>")],
)
def test_a_test_shows_what_becomes_of_unusual_names(draft: SiteFolder, who: str, to: str) -> None:
    draft.facts("test", ISSUE, "--to", "ann@example.org", "--as", who)

    assert str(mails(draft)[0]["To"]) == to


def test_pictures_of_a_draft_travel_within_its_test(draft: SiteFolder) -> None:
    from PIL import Image

    Image.new("RGB", (60, 40), "#336699").save(draft.folder / "posts" / "map.png")
    draft.post("b", title="With a map", text="![A map](map.png)", more="image: map.png\n")
    draft.facts("build", "weekly", "--on", "2023-11-16")

    draft.facts("test", ISSUE, "--to", "ann@example.org")

    (mail,) = mails(draft)
    assert [part["Content-ID"] for part in mail.walk() if part.get_content_maintype() == "image"]
    assert f"/issues/{ISSUE}/assets/" not in mail.as_string()


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (("test", ISSUE), 2, "--to"),
        (("test", ISSUE, "--to", "nowhere"), 1, "no usable e-mail address"),
        (("test", ISSUE, "--to", "a@example.org", "--as", "b@example.org"), 2, "no subscriber"),
        (("test", ISSUE, "--to", "a@example.org", "--as", "somebody"), 2, "ordinary, long, nameless, rtl"),
        (("test", "weekly-2023-11-23", "--to", "a@example.org"), 2, "there is no issue"),
    ],
)
def test_what_cannot_be_tested_is_told(draft: SiteFolder, words: tuple[str, ...], exit_code: int, said: str) -> None:
    found = draft.run(*words)

    assert found.exit_code == exit_code
    assert said in found.err
    assert not (draft.folder / "outbox").exists()


@pytest.mark.parametrize(
    ("misbehaviour", "exit_code", "outcome"),
    [("denied=@1", 1, "denied"), ("unsure-sent=@1", 3, "unsure")],
)
def test_the_exit_status_tells_a_refusal_from_a_doubt(
    draft: SiteFolder, misbehaviour: str, exit_code: int, outcome: str
) -> None:
    draft.environ |= {"NEWSLETTER_PROVIDER__NAME": "fake", "NEWSLETTER_PROVIDER__MISBEHAVE": misbehaviour}

    found = draft.run("test", ISSUE, "--to", "ann@example.org", "--json")

    assert found.exit_code == exit_code
    assert [one["outcome"] for one in found.json["mails"]] == [outcome]


def test_a_redirected_site_redirects_its_tests(draft: SiteFolder) -> None:
    draft.environ["NEWSLETTER_PROVIDER__REDIRECT_TO"] = "me@example.org"

    draft.facts("test", ISSUE, "--to", "ann@example.org")

    (mail,) = mails(draft)
    assert str(mail["To"]) == "Ann Other <me@example.org>"
    assert str(mail["Subject"]).startswith("[redirected] [test] ")
