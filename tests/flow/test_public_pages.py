"""The public pages as a reader's browser, a mailbox provider and a mail scanner meet them: over HTTP."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from newsletter.errors import NotPossible, StoreUnusable
from newsletter.models import Subscriber, SubscriberState
from newsletter.settings import Settings
from newsletter.store.store import Store
from newsletter.subscribers.links import Links
from newsletter.subscribers.roster import Roster
from newsletter.web.public.app import MAX_BODY_BYTES, SentIssue, create_app
from newsletter.web.public.server import Server, serve
from tests.factories import a_site, utc

NOW = utc(2023, 11, 16, 9)
KEY = b"k" * 32
ISSUE = "weekly-2023-11-16"
WEB_VERSION = "<!DOCTYPE html><title>Three new guides</title><p>Grüße, and all of the text.</p>".encode()
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


class Site(NamedTuple):
    """A site whose pages are served, with Ann in two digests."""

    url: str
    store: Store
    roster: Roster
    ann: Subscriber

    @property
    def link(self) -> str:
        return self.link_of(self.ann.id)

    def link_of(self, subscriber_id: str, issue_id: str = ISSUE) -> str:
        return Links([KEY], self.url).unsubscribe_url(subscriber_id, issue_id)

    def ann_now(self) -> Subscriber:
        return self.roster.show(self.ann.id)


PICTURE = b"\x89PNG and so on"


def settings_of(folder: Path, language: str = "en-GB", **sections: Any) -> Settings:
    digests = {"weekly": {"title": "The week"}, "monthly": {"title": "The month <3"}}
    return a_site(folder, digests=digests, site={"name": "Example Network", "language": language}, **sections)


def served(settings: Settings, store: Store) -> Iterator[Site]:
    roster = Roster(store.subscribers, keys=[KEY], digests=list(settings.digests))
    ann = roster.add("ann.other@example.org", name="Ann", now=NOW).subscriber
    app = create_app(
        settings,
        roster,
        Links([KEY], settings.site.url),
        web_version={ISSUE: WEB_VERSION}.get,
        sent_issues=lambda: [SentIssue(ISSUE, "Three new guides & a date", date(2023, 11, 16))],
        asset=lambda issue, name: PICTURE if (issue, name) == (ISSUE, "0a1b.png") else None,
        now=lambda: NOW,
    )
    server = Server(app, port=0)
    is_ready = threading.Event()
    thread = threading.Thread(target=server.serve_until_stopped, args=(lambda _: is_ready.set(),))
    thread.start()
    assert is_ready.wait(10)
    yield Site(server.url, store, roster, ann)
    server.stop()
    thread.join()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A new database."""
    opened = Store("sqlite:///data/newsletter.db", folder=tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def site(tmp_path: Path, store: Store) -> Iterator[Site]:
    """A site in English whose pages are served on loopback."""
    yield from served(settings_of(tmp_path), store)


def everything_in(site: Site) -> list[str]:
    return [str(row) for row in site.store.subscribers.list()]


# --- leaving --------------------------------------------------------------------------------------------------


def test_a_scanner_that_opens_every_link_of_a_mail_changes_nothing(site: Site) -> None:
    before = everything_in(site)
    page = requests.get(site.link, timeout=10)
    found = re.findall(r"""(?:href|src|action)=["']?([^"'> ]+)""", page.text)

    for url in [site.link, f"{site.link}?everything=yes", f"{site.url}/issues/{ISSUE}", *found]:
        for method in ("GET", "HEAD", "OPTIONS"):
            full = requests.compat.urljoin(page.url, url)
            if full.startswith(site.url):
                requests.request(method, full, timeout=10)

    assert page.status_code == 200
    assert everything_in(site) == before


def test_one_click_leaves_the_digest_of_the_mail_at_once(site: Site) -> None:
    answer = requests.post(site.link, data=ONE_CLICK, allow_redirects=False, timeout=10)

    assert (answer.status_code, len(answer.cookies)) == (200, 0)
    assert site.ann_now().digests == ("monthly",)
    assert site.ann_now().state is SubscriberState.ACTIVE


@pytest.mark.parametrize("body", ["urlencoded", "multipart", "none"])
def test_one_click_works_in_whatever_form_the_mailbox_provider_sends_it(site: Site, body: str) -> None:
    parts = {"List-Unsubscribe": (None, "One-Click")} if body == "multipart" else None

    answer = requests.post(site.link, data=ONE_CLICK if body == "urlencoded" else None, files=parts, timeout=10)

    assert answer.status_code == 200
    assert site.ann_now().digests == ("monthly",)


def test_one_click_again_is_fine_and_changes_nothing(site: Site) -> None:
    requests.post(site.link, data=ONE_CLICK, timeout=10)
    before = everything_in(site)

    again = requests.post(site.link, data=ONE_CLICK, timeout=10)

    assert again.status_code == 200
    assert everything_in(site) == before


def test_who_is_in_one_digest_only_is_unsubscribed_by_leaving_it(site: Site) -> None:
    bob = site.roster.add("bob@example.org", digests=["weekly"], now=NOW).subscriber

    requests.post(site.link_of(bob.id), data=ONE_CLICK, timeout=10)

    assert site.roster.show(bob.id).state is SubscriberState.UNSUBSCRIBED


def test_the_page_offers_to_leave_everything_by_a_second_button(site: Site) -> None:
    page = requests.get(site.link, timeout=10)

    left = requests.post(site.link, data={"everything": "yes"}, timeout=10)

    assert re.findall(r"<button[^>]*>([^<]+)", page.text) == [
        "Leave “The week”",
        "Leave everything from Example Network",
    ]
    assert 'name="everything" value="yes"' in page.text
    assert "You have left" in left.text
    assert "<button" not in left.text
    assert site.ann_now().state is SubscriberState.UNSUBSCRIBED


def test_the_page_says_what_is_left_and_what_still_comes(site: Site) -> None:
    left = requests.post(site.link, data=ONE_CLICK, timeout=10)

    assert "You have left “The week”" in left.text
    assert "You still get: The month &lt;3." in left.text


def test_the_page_shows_whose_link_it_is_without_giving_the_address_away(site: Site) -> None:
    page = requests.get(site.link, timeout=10)

    assert "a…@example.org" in page.text
    assert "ann.other" not in page.text


def test_an_erased_person_has_nothing_to_leave_and_that_is_no_error(site: Site) -> None:
    site.roster.erase(site.ann.id, now=NOW)

    page = requests.get(site.link, timeout=10)
    left = requests.post(site.link, data=ONE_CLICK, timeout=10)

    assert (page.status_code, left.status_code) == (200, 200)
    assert "nothing to leave" in page.text
    assert everything_in(site) == []


@pytest.mark.parametrize("end", ["x", "", ".", "/", "%00", "%0d%0aX-Evil:1", "é"])
def test_a_forged_link_changes_nothing_and_is_told_so_in_plain_words(site: Site, end: str) -> None:
    before = everything_in(site)
    forged = site.link[:-2] + end

    page = requests.get(forged, timeout=10)
    posted = requests.post(forged, data=ONE_CLICK, allow_redirects=False, timeout=10)

    assert (page.status_code, posted.status_code) == (404, 404)
    assert "<h1" in page.text
    assert "X-Evil" not in page.headers
    assert everything_in(site) == before


def test_a_link_of_another_site_changes_nothing(site: Site) -> None:
    foreign = Links([b"x" * 32], site.url).unsubscribe_url(site.ann.id, ISSUE)

    answer = requests.post(foreign, data=ONE_CLICK, timeout=10)

    assert answer.status_code == 404
    assert site.ann_now().digests == ("monthly", "weekly")


def test_a_body_beyond_all_reason_is_refused(site: Site) -> None:
    answer = requests.post(site.link, data={"x": "x" * MAX_BODY_BYTES}, timeout=10)

    assert answer.status_code == 413
    assert site.ann_now().digests == ("monthly", "weekly")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(site: Site, method: str) -> None:
    answer = requests.request(method, site.link, timeout=10)

    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


# --- issues ---------------------------------------------------------------------------------------------------


def test_a_sent_issue_is_served_byte_for_byte(site: Site) -> None:
    answer = requests.get(f"{site.url}/issues/{ISSUE}", timeout=10)

    assert (answer.status_code, answer.content) == (200, WEB_VERSION)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "path", ["/issues/weekly-2023-11-23", "/issues/..%2f..%2fsecret.key", "/issues/", "/data/secret.key", "/%00"]
)
def test_what_there_is_not_is_a_page_that_says_so(site: Site, path: str) -> None:
    answer = requests.get(f"{site.url}{path}", timeout=10)

    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_the_front_page_lists_what_was_sent(site: Site) -> None:
    page = requests.get(site.url, timeout=10)

    assert f'<a href="issues/{ISSUE}">Three new guides &amp; a date</a>' in page.text
    assert "16 November 2023" in page.text


# --- what holds for every page --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", f"/issues/{ISSUE}", "/nowhere", "/unsubscribe/forged"])
def test_every_answer_is_harmless_to_a_browser(site: Site, path: str) -> None:
    answer = requests.get(f"{site.url}{path}", timeout=10)

    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert "<script" not in answer.text


def test_pages_speak_the_language_of_the_site(tmp_path: Path, store: Store) -> None:
    for site in served(settings_of(tmp_path, language="de-AT"), store):
        page = requests.get(site.link, timeout=10)

    assert '<html lang="de-AT" dir="ltr">' in page.text
    assert "„The week“ abbestellen?" in page.text


def test_pages_have_the_design_of_the_site(tmp_path: Path, store: Store) -> None:
    design = {"light": {"accent": "#7a1f5c"}, "dark": {"accent": "#f0b"}, "logo": "https://x.example/l.png"}

    for site in served(settings_of(tmp_path, design=design), store):
        for url in (site.url, site.link, f"{site.url}/there-is-no-such-page"):
            page = requests.get(url, timeout=10).text

            assert page.index("--accent: #7a1f5c;") < page.index("--accent: #ff00bb;")
            assert '<img src="https://x.example/l.png"' in page


def test_a_failure_is_a_page_in_plain_words_and_a_log_line_without_address_or_key(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(subscriber_id: str) -> None:
        raise RuntimeError("no row for ann.other@example.org")

    monkeypatch.setattr(site.roster.store, "get", broken)

    with caplog.at_level(logging.DEBUG):
        answer = requests.get(site.link, timeout=10)

    assert answer.status_code == 500
    assert "That did not work" in answer.text
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("urllib3")]
    assert [line for line in ours if "GET /unsubscribe/… failed: RuntimeError at broken" in line]
    assert not [line for line in ours if "ann.other" in line or site.ann.id in line]
    assert not [record for record in caplog.records if record.exc_info]


def test_one_click_while_the_database_is_busy_asks_the_mailbox_provider_to_come_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy() -> None:
        raise StoreUnusable("the database did not answer: database is locked")

    monkeypatch.setattr(site.roster.store, "changing", busy)

    answer = requests.post(site.link, data=ONE_CLICK, timeout=10)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")


def test_a_broken_template_of_the_site_does_not_keep_anybody_from_leaving(tmp_path: Path, store: Store) -> None:
    override = tmp_path / "templates" / "web" / "leave.html.j2"
    override.parent.mkdir(parents=True)
    override.write_text("{% if %}")

    for site in served(settings_of(tmp_path), store):
        answer = requests.post(site.link, data=ONE_CLICK, timeout=10)
        left = site.ann_now()

    assert (answer.status_code, left.digests) == (200, ("monthly",))
    assert "You have left “The week”" in answer.text


# --- serving --------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_named_with_a_way_out(tmp_path: Path, site: Site) -> None:
    port = int(site.url.rpartition(":")[2])

    with pytest.raises(NotPossible, match=f":{port}: the port is in use") as refused:
        serve(None, port=port)  # type: ignore[arg-type]

    assert "--port" in str(refused.value.fix)


def test_an_address_that_is_not_ours_is_named_with_a_way_out() -> None:
    with pytest.raises(NotPossible, match=r"192\.0\.2\.1") as refused:
        serve(None, host="192.0.2.1")  # type: ignore[arg-type]

    assert "--host" in str(refused.value.fix)


PROGRAM = """
import sys
from starlette.applications import Starlette
from newsletter.web.public.server import serve
serve(Starlette(), port=0, ready=lambda url: print(url, flush=True))
print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_order_to_stop_ends_the_serving_in_peace(number: signal.Signals) -> None:
    program = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout is not None
    url = program.stdout.readline().decode().strip()
    assert requests.get(url, timeout=10).status_code == 404

    os.kill(program.pid, number)
    out, err = program.communicate(timeout=20)

    assert (program.returncode, out.strip(), err) == (0, b"stopped", b"")
    with socket.socket() as free_again:
        assert free_again.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0


# --- pictures --------------------------------------------------------------------------------------------------


def test_a_picture_is_served_as_what_it_is_and_kept_for_good(site: Site) -> None:
    answer = requests.get(f"{site.url}/issues/{ISSUE}/assets/0a1b.png", timeout=10)

    assert (answer.status_code, answer.content) == (200, PICTURE)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        f"/issues/{ISSUE}/assets/other.png",
        f"/issues/{ISSUE}/assets/0a1b.html",
        f"/issues/{ISSUE}/assets/..%2F0a1b.png",
        "/issues/..%2F..%2Fetc/assets/0a1b.png",
        "/issues/weekly-2023-11-23/assets/0a1b.png",
    ],
)
def test_any_other_name_of_a_picture_is_not_found(site: Site, path: str) -> None:
    assert requests.get(site.url + path, timeout=10).status_code == 404
