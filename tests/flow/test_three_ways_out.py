"""1,300 imported subscribers get the approved issue, by `provider.name` and an address alone."""

from __future__ import annotations

import email
import json
import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default as policy
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.loopback.api import ApiServer, Taken
from tests.loopback.postmark import TOKEN, PostmarkApi
from tests.loopback.smtp import SmtpServer
from tests.sites import ISSUE, SiteFolder, site

__all__ = ["site"]

READERS = 1300


class Received(NamedTuple):
    to: str
    html: str
    text: str
    leave: str


def of_mime(content: bytes) -> Received:
    mail = email.message_from_bytes(content, policy=policy)
    assert isinstance(mail, EmailMessage)
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert isinstance(html, EmailMessage)
    assert isinstance(text, EmailMessage)
    to = mail["To"].addresses[0].addr_spec
    return Received(to, html.get_content(), text.get_content(), leave_address(mail["List-Unsubscribe"]))


def leave_address(header: str) -> str:
    found = re.search(r"<(https://[^>]+)>", header)
    assert found
    return found[1]


@pytest.fixture
def ready(site: SiteFolder) -> SiteFolder:
    """A site with an approved issue and 1,300 readers."""
    site.post("guides/first-aid", title="First aid for bicycles")
    site.readers(READERS)
    site.approved()
    return site


def check(site: SiteFolder, received: Iterator[Received]) -> None:
    """Everyone once, each with a link of its own in every part, and nothing but the approved bytes around it."""
    found = list(received)
    manifest = json.loads(site.read(f"issues/{ISSUE}/manifest.json"))
    html = re.split(rf"merge{manifest['nonce']}\w*?end", site.read(f"issues/{ISSUE}/email.html"))
    assert {one.to for one in found} == {f"reader{number}@example.net" for number in range(READERS)}
    assert len(found) == len({one.leave for one in found}) == READERS
    for one in found:
        assert one.leave in one.html
        assert one.leave in one.text
        assert all(piece in one.html.replace("\r\n", "\n") for piece in html)


def test_through_the_outbox(ready: SiteFolder) -> None:
    assert ready.facts("send", ISSUE)["sent"] == READERS

    check(ready, (of_mime(file.read_bytes()) for file in (ready.folder / "outbox" / ISSUE).glob("*.eml")))


def test_through_an_smtp_server(ready: SiteFolder) -> None:
    with SmtpServer() as server:
        ready.environ |= {
            "NEWSLETTER_PROVIDER__NAME": "smtp",
            "NEWSLETTER_PROVIDER__HOST": "127.0.0.1",
            "NEWSLETTER_PROVIDER__PORT": str(server.port),
            "NEWSLETTER_PROVIDER__SECURITY": "none",
        }
        assert ready.facts("send", ISSUE)["sent"] == READERS

        check(ready, (of_mime(taken.content) for taken in server.taken))


def test_through_postmarks_api(ready: SiteFolder) -> None:
    with ApiServer(PostmarkApi()) as server:
        ready.environ |= {
            "NEWSLETTER_PROVIDER__NAME": "postmark",
            "NEWSLETTER_PROVIDER__BASE_URL": server.url,
            "NEWSLETTER_PROVIDER__API_KEY": TOKEN,
        }
        assert ready.facts("send", ISSUE)["sent"] == READERS

        check(ready, map(of_api, server.taken))


def of_api(taken: Taken) -> Received:
    return Received(taken.address, taken.html, taken.text, leave_address(taken.headers["List-Unsubscribe"]))


def test_no_key_and_no_full_address_is_in_what_a_failure_says(ready: SiteFolder, tmp_path: Path) -> None:
    with ApiServer(PostmarkApi()) as server:
        ready.environ |= {
            "NEWSLETTER_PROVIDER__NAME": "postmark",
            "NEWSLETTER_PROVIDER__BASE_URL": server.url,
            "NEWSLETTER_PROVIDER__API_KEY": "canary-of-a-key",
        }

        said = ready.run("send", ISSUE)

    assert said.exit_code == 1
    assert "canary-of-a-key" not in said.out + said.err
    assert "@example.net" not in said.out + said.err
