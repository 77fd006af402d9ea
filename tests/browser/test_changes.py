"""A change of the theme can be looked at: golden mails before and after, with frames around what differs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser.changes import FRAME, GAP, Area, Change, changes, differing, side_by_side, take_changes
from tests.browser.pictures import View

PAGE = """<!DOCTYPE html><body style="margin:0;background:#fff"><h1 style="height:60px;margin:0">Title</h1>
<p style="width:100px;height:40px;margin:0;background:{colour}">x</p><div style="height:300px">Below</div>"""
WAS = PAGE.format(colour="#080")


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """A folder of golden mails under git: one, and a text that is no mail."""
    folder = tmp_path / "golden"
    folder.mkdir()
    (folder / "digest.html").write_text(WAS, "utf-8")
    (folder / "digest.txt").write_text("Text", "utf-8")
    _git(tmp_path, "init", "-q")
    _git(folder, "add", ".")
    _git(folder, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "Golden")
    return folder


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def test_only_mails_that_are_not_as_committed_are_compared(golden: Path) -> None:
    assert changes(golden, "HEAD") == []

    (golden / "digest.html").write_text("new", "utf-8")
    (golden / "digest.txt").write_text("new", "utf-8")
    (golden / "plain.html").write_text("added", "utf-8")

    assert changes(golden, "HEAD") == [Change("digest", WAS, "new"), Change("plain", "", "added")]


def test_a_mail_that_was_taken_out_is_a_change_too(golden: Path) -> None:
    (golden / "digest.html").unlink()

    assert changes(golden, "HEAD") == [Change("digest", WAS, "")]


@pytest.mark.browser
def test_a_change_is_seen_before_and_after_in_light_and_dark_at_two_widths(browser: Browser, tmp_path: Path) -> None:
    is_now = PAGE.format(colour="#800")

    @contextmanager
    def page_in(view: View) -> Iterator[Page]:
        with closing(browser.new_page(color_scheme=view.scheme)) as page:
            yield page

    found = [Change("digest", WAS, is_now), Change("same", WAS, WAS + "<!-- -->")]
    taken = take_changes(found, tmp_path, page_in=page_in)

    names = [f"digest-{scheme}-{width}-change.png" for scheme in ("light", "dark") for width in (375, 640)]
    assert [path.name for path in taken] == names
    picture = Image.open(taken[0]).convert("RGB")
    assert picture.width == 2 * 375 + GAP
    assert (picture.getpixel((90, 90)), picture.getpixel((375 + GAP + 90, 90))) == ((0, 136, 0), (136, 0, 0))
    framed = [x for x in range(picture.width) if picture.getpixel((x, 80)) == FRAME]
    assert max(framed) < 375 + GAP + 110
    assert any(x > 375 + GAP for x in framed)


def test_what_only_moved_down_has_no_frame() -> None:
    before = Image.new("RGB", (10, 100), "white")
    before.paste("black", (0, 60, 10, 70))
    after = Image.new("RGB", (10, 130), "white")
    after.paste("green", (0, 20, 10, 50))
    after.paste("black", (0, 90, 10, 100))

    ((old, new),) = differing(before, after)

    assert old.bottom - old.top == 0
    assert new == Area(20, 50, 0, 10)


def test_pictures_that_are_the_same_make_none() -> None:
    image = Image.new("RGB", (10, 10), "white")

    assert side_by_side(image, image.copy()) is None
