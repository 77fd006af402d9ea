"""How an editor looks at a mail, at the list and at the calendar; and nobody is kept out by how the pages are made."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect

from newsletter.web.preview.simulations import SIMULATIONS
from tests.browser.chromium import axe
from tests.browser.editors import Editor, a_site, at_the_desk, drafted
from tests.sites import ISSUE

pytestmark = pytest.mark.browser

PIXELS = Path(__file__).parents[2] / "posts" / "new-lathe.jpg"


@pytest.fixture(scope="module")
def editor(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """A draft with a picture, at the desk."""
    site = a_site(tmp_path_factory.mktemp("views") / "site", posts=0)
    site.write("posts/lathe.jpg", PIXELS.read_bytes())
    site.post("lathe", title="The lathe", more="image: lathe.jpg\nimage_alt: A lathe\n")
    site.post("vague", title="A post with a vague link", text="Press [here](https://www.example.org/a) now.")
    drafted(site)
    with at_the_desk(site, browser) as editor:
        yield editor


def test_a_picture_of_the_folder_shows_and_is_off_where_readers_have_pictures_off(editor: Editor) -> None:
    editor.open()
    picture = editor.frame.get_by_alt_text("A lathe")
    assert picture.evaluate("one => one.naturalWidth") > 100

    editor.page.get_by_label("Pictures off").check()

    editor.expect_loaded("images=off")
    assert editor.frame.get_by_alt_text("A lathe").evaluate("one => one.naturalWidth") == 0
    assert editor.strangers == []


def test_the_mail_is_as_wide_as_a_phone_and_as_dark_as_the_reader_wants_it(editor: Editor) -> None:
    editor.open()
    light = editor.brightness()

    editor.page.get_by_label("Phone").check(force=True)
    editor.page.get_by_label("Dark", exact=True).check(force=True)

    editor.expect_loaded("scheme=dark")
    assert light > 200
    assert editor.brightness() < 60
    assert editor.page.locator("#stage iframe").evaluate("one => one.clientWidth") == 375


@pytest.mark.parametrize("program", ["gmail-dark", "outlook-dark"])
def test_a_program_that_turns_colours_round_is_simulated_and_said_to_be(editor: Editor, program: str) -> None:
    editor.open()

    editor.page.get_by_label("Program").select_option(program)

    editor.expect_loaded(f"program={program}")
    assert editor.brightness() < 60
    assert editor.ink() > 150
    expect(editor.page.get_by_role("note")).to_contain_text("Simulated:")


def test_outlook_for_windows_shows_what_only_it_reads_and_none_of_what_it_does_not_know(editor: Editor) -> None:
    editor.open(f"/issues/{ISSUE}?program=outlook-windows")

    html = editor.frame.locator("html").inner_html()

    assert "border-radius" not in html
    assert "max-width" not in html
    assert "@media" not in html
    assert "<!--[if" not in html


def test_every_simulation_says_that_it_is_one() -> None:
    assert [one.says for name, one in SIMULATIONS.items() if name != "plain" and "Simulated" not in one.says] == []


def test_the_mail_is_seen_as_a_reader_with_a_name_from_right_to_left(editor: Editor) -> None:
    editor.open(f"/issues/{ISSUE}?tab=headers&reader=rtl")

    expect(editor.page.locator("tr", has=editor.page.locator("th", has_text="To")).first).to_contain_text("ליאור")


def test_the_mail_is_seen_as_somebody_of_the_list(editor: Editor) -> None:
    editor.open()

    editor.page.get_by_label("Reader").select_option(label="Somebody of the list…")
    editor.dialog.get_by_label("Address").fill("nobody@example.net")
    editor.dialog.get_by_role("button", name="Show it").click()
    expect(editor.dialog.get_by_role("alert")).to_contain_text("there is no subscriber")
    editor.dialog.get_by_label("Address").fill("reader2@example.net")
    editor.dialog.get_by_role("button", name="Show it").click()

    expect(editor.page.get_by_label("Reader").locator("option:checked")).to_have_text("Reader 2")


def test_the_message_is_a_whole_mail_for_the_chosen_reader(editor: Editor) -> None:
    answer = requests.get(f"{editor.url}/issues/{ISSUE}/message.eml?reader=reader1@example.net", timeout=10)

    mail = message_from_bytes(answer.content)

    assert mail["To"] == '"Reader 1" <reader1@example.net>'
    assert {part.get_content_type() for part in mail.walk()} >= {"text/plain", "text/html"}


def test_an_inbox_shows_where_the_subject_is_cut(editor: Editor) -> None:
    editor.open(f"/issues/{ISSUE}?tab=inbox")
    subject = editor.page.get_by_label("Subject", exact=True)

    subject.fill("A subject that goes on for longer than any telephone in the world would show")

    phone = editor.page.get_by_role("region", name="Gmail on a phone")
    expect(phone).to_contain_text("A subject that goes on for longer than…")
    expect(phone).to_contain_text("Cut off the subject: “")


def test_the_views_are_links_that_keep_the_place_and_can_be_gone_back(editor: Editor) -> None:
    editor.open()

    editor.page.get_by_role("link", name="Text part").click()
    expect(editor.page.get_by_label("The text part")).to_contain_text("The lathe")
    editor.page.get_by_role("link", name="Source").click()
    expect(editor.page.get_by_label("The source")).to_contain_text("<!DOCTYPE html>")
    editor.page.go_back()

    expect(editor.page.get_by_label("The text part")).to_be_visible()


def test_a_problem_stands_beside_the_post_that_it_is_about(editor: Editor) -> None:
    editor.open()

    expect(editor.page.locator("[data-post=vague] .problem")).to_contain_text("“here”")
    expect(editor.page.locator("[data-post=lathe] .problem")).to_have_count(0)


def test_the_list_names_what_is_coming_and_an_issue_is_opened_by_one_click(editor: Editor) -> None:
    editor.open("/")
    next_week = editor.page.locator("li.card", has_text="Thu 23 Nov 2023")

    editor.site.post("later", on="2023-11-17", title="For the week after")
    next_week.get_by_role("button", name="Open it").click()

    expect(editor.page.locator("[data-post=later]")).to_be_visible()
    assert editor.page.url.endswith("/issues/weekly-2023-11-23")


def test_an_empty_week_is_seen_coming(editor: Editor) -> None:
    editor.open("/ahead")

    expect(editor.page.locator("li.week", has_text="Thu 30 Nov")).to_contain_text("there is no post for it")


def test_a_page_for_nothing_says_so(editor: Editor) -> None:
    assert requests.get(f"{editor.url}/issues/weekly-2020-01-02", timeout=10).status_code == 404
    assert requests.get(f"{editor.url}/issues/..%2f..%2fetc", timeout=10).status_code == 404
    assert requests.get(f"{editor.url}/issues/{ISSUE}?tab=nonsense", timeout=10).status_code == 422


PAGES = (
    "/", "/ahead", f"/issues/{ISSUE}", f"/issues/{ISSUE}?tab=inbox", f"/issues/{ISSUE}?tab=text",
    f"/issues/{ISSUE}?tab=links", f"/issues/{ISSUE}?tab=headers", f"/issues/{ISSUE}?tab=source",
    f"/issues/{ISSUE}?program=gmail-dark&width=phone",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_in_light_or_dark(editor: Editor, path: str) -> None:
    editor.open(path)
    editor.expect_checked()
    for one in editor.page.locator("details").all():
        one.evaluate("one => one.open = true")

    light = axe(editor.page)
    editor.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    dark = axe(editor.page)
    editor.page.emulate_media(color_scheme="light")

    assert (light, dark) == ([], [])


@pytest.mark.parametrize("question", ["Send a test", "Approve…"])
def test_axe_finds_nothing_in_what_is_asked(editor: Editor, question: str) -> None:
    editor.open()
    editor.page.get_by_role("button", name=question).click()
    expect(editor.page.locator("dialog[open]")).to_be_visible()

    assert axe(editor.page) == []


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_cut_off_at_twice_the_size(editor: Editor, path: str) -> None:
    editor.page.set_viewport_size({"width": 640, "height": 450})
    editor.open(path)

    wide = editor.page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth")

    editor.page.set_viewport_size({"width": 1400, "height": 900})
    assert wide == 0
