"""Mails and pages in a real browser: they fit a phone, can be read by everybody in both schemes, and phone nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from newsletter.emails.budget import LIMIT_BYTES
from tests.browser import issues
from tests.browser.chromium import Finding, Scheme, Window, without_styles
from tests.browser.issues import Arrived
from tests.flow.test_public_pages import Site, site, store

__all__ = ["site", "store"]

pytestmark = pytest.mark.browser

MAKERS: dict[str, Callable[[Path], Arrived]] = {
    "demo": issues.demo,
    "real": issues.real,
    "real-monthly": lambda folder: issues.real(folder, schedule="16th 09:00"),
    "awful": issues.awful,
    "awful-whole": lambda folder: issues.awful(folder, posts=12),
    "awful-arabic": lambda folder: issues.awful(folder, posts=12, language="ar"),
    "awful-plain": lambda folder: issues.awful(folder, posts=12, theme="plain"),
    "awful-magazine": lambda folder: issues.awful(folder, posts=12, theme="magazine", body="summary"),
}
PHONES = (640, 375, 320)


class Seen(NamedTuple):
    """What the browser shows of one issue."""

    issue: Arrived
    too_wide: dict[int, list[str]]
    """By width of the window."""
    too_wide_without_styles: list[str]
    too_wide_without_images: list[str]
    asked: list[tuple[str, str]]
    axe: dict[Scheme, list[Finding]]
    brightness: dict[Scheme, float]


@pytest.fixture(scope="module", params=MAKERS)
def seen(request: pytest.FixtureRequest, window: Window, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """One issue after another, made and looked at once."""
    return _look(window, MAKERS[request.param](tmp_path_factory.mktemp("made") / "site"))


def _look(window: Window, issue: Arrived) -> Seen:
    axe: dict[Scheme, list[Finding]] = {}
    brightness: dict[Scheme, float] = {}
    window.show(without_styles(issue.html), width=375)
    too_wide_without_styles = window.beyond(375)
    window.show(issue.html, width=375, with_images=False)
    too_wide_without_images = window.beyond(375)
    window.show(issue.html, scheme="dark")
    axe["dark"], brightness["dark"] = window.axe(), window.brightness_of("body")
    window.show(issue.html)
    asked = list(window.asked)
    axe["light"], brightness["light"] = window.axe(), window.brightness_of("body")
    too_wide = {width: found for width in PHONES if (found := window.beyond(width))}
    return Seen(issue, too_wide, too_wide_without_styles, too_wide_without_images, asked, axe, brightness)


def test_a_mail_fits_a_phone_without_its_styles_and_without_its_images_too(seen: Seen) -> None:
    assert seen.too_wide == {}
    assert seen.too_wide_without_styles == []
    assert seen.too_wide_without_images == []


def test_axe_finds_nothing_in_a_mail_in_light_or_dark(seen: Seen) -> None:
    assert seen.axe == {"light": [], "dark": []}


def test_a_mail_is_dark_where_the_reader_wants_it_dark(seen: Seen) -> None:
    assert seen.brightness["light"] > 200
    assert seen.brightness["dark"] < 60


def test_a_mail_asks_the_network_for_nothing_but_its_images(seen: Seen) -> None:
    assert [(kind, url) for kind, url in seen.asked if kind != "image" or url not in seen.issue.html] == []


def test_nothing_is_clipped_by_gmail_and_no_post_is_lost(seen: Seen) -> None:
    issue = seen.issue

    assert len(issue.html.encode()) < LIMIT_BYTES
    assert [title for title in issue.titles if len(title) < 70 and title not in " ".join(issue.text.split())] == []


def test_the_web_version_fits_a_phone_and_axe_finds_nothing(window: Window, seen: Seen) -> None:
    window.show(seen.issue.web_html, scheme="dark")
    in_the_dark = window.axe()
    window.show(seen.issue.web_html)

    assert [kind for kind, _ in window.asked if kind != "image"] == []
    assert {width: found for width in PHONES if (found := window.beyond(width))} == {}
    assert (window.axe(), in_the_dark) == ([], [])


def test_the_pages_for_readers_fit_a_phone_and_axe_finds_nothing(window: Window, site: Site) -> None:
    for address in (site.url, site.link, site.url + "/there-is-no-such-page"):
        page = requests.get(address, timeout=10).text

        window.show(page, scheme="dark")
        in_the_dark = window.axe()
        window.show(page)

        assert window.asked == []
        assert {width: found for width in PHONES if (found := window.beyond(width))} == {}
        assert (window.axe(), in_the_dark) == ([], [])


def test_these_tests_would_notice(window: Window) -> None:
    bad = """<!DOCTYPE html><html><body style="background:#fff;color:#eee"><p style="width:900px">pale</p>
    <img src="https://tracker.example/a.png"><link rel="stylesheet" href="https://fonts.example/f.css"></body></html>"""

    window.show(bad, scheme="dark")

    assert sorted(kind for kind, _ in window.asked) == ["image", "stylesheet"]
    assert {"color-contrast", "html-has-lang", "image-alt"} <= {finding.rule for finding in window.axe()}
    assert window.beyond(640)
    assert window.brightness_of("body") == 255
