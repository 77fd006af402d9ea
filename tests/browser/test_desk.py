"""An editor's stories at the desk, each in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.editors import Editor, a_site, at_the_desk
from tests.sites import ISSUE

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """A draft at the desk, served once for all stories."""
    with at_the_desk(a_site(tmp_path_factory.mktemp("desk") / "site"), browser) as editor:
        yield editor


@pytest.fixture
def editor(served: Editor) -> Editor:
    """The draft as it was at first: four posts, newest first."""
    served.begin_again()
    return served


# --- shaping --------------------------------------------------------------------------------------------------


def test_the_order_is_changed_by_the_keyboard_and_the_focus_stays(editor: Editor) -> None:
    editor.open()
    handle = editor.page.get_by_role("button", name="Move “Post number 3”", exact=True)

    handle.focus()
    editor.page.keyboard.press("Alt+ArrowDown")

    editor.expect_file(lambda text: text.index("- p2") < text.index("- p3"))
    expect(handle).to_be_focused()
    expect(editor.page.locator("#says")).to_have_text("“Post number 3” is now 2 of 4 in the untitled section")
    editor.expect_titles("Post number 2", "Post number 3", "Post number 1", "Post number 0")


def test_a_page_that_comes_late_does_not_undo_what_was_done_meanwhile(editor: Editor) -> None:
    editor.open()
    editor.expect_checked()
    page, held, address = editor.page, list[Route](), f"{editor.url}/issues/{ISSUE}"
    page.route(address, lambda route: held.append(route))
    page.evaluate("dispatchEvent(new Event('popstate'))")
    while not held:
        page.wait_for_timeout(20)
    old = held[0].fetch()

    handle = page.get_by_role("button", name="Move “Post number 3”", exact=True)
    handle.focus()
    page.keyboard.press("Alt+ArrowDown")
    editor.expect_file(lambda text: text.index("- p2") < text.index("- p3"))
    held[0].fulfill(response=old)

    while len(held) < 2:  # the page that has it is asked for when the old one was looked at
        page.wait_for_timeout(20)
    editor.expect_titles("Post number 2", "Post number 3", "Post number 1", "Post number 0")
    page.unroute(address)
    held[1].continue_()
    editor.expect_titles("Post number 2", "Post number 3", "Post number 1", "Post number 0")


def test_the_order_is_changed_by_buttons_and_the_focus_goes_with_the_post(editor: Editor) -> None:
    editor.open()

    editor.page.get_by_role("button", name="Move “Post number 2” up").press("Enter")

    editor.expect_file(lambda text: text.index("- p2") < text.index("- p3"))
    expect(editor.page.get_by_role("button", name="Move “Post number 2”", exact=True)).to_be_focused()


def test_a_post_is_dragged_by_its_handle(editor: Editor) -> None:
    editor.open()
    handle = editor.page.get_by_role("button", name="Move “Post number 0”", exact=True)
    first = editor.page.locator("[data-post]").first

    handle.hover()
    editor.page.mouse.down()
    editor.page.mouse.move(*editor.top_of(first), steps=5)
    editor.page.mouse.up()

    editor.expect_file(lambda text: text.index("- p0") < text.index("- p3"))
    editor.expect_titles("Post number 0", "Post number 3", "Post number 2", "Post number 1")


def test_a_post_opens_the_issue(editor: Editor) -> None:
    editor.open()

    editor.page.get_by_role("button", name="Put “Post number 1” first").click()

    editor.expect_titles("Post number 1", "Post number 3", "Post number 2", "Post number 0")
    editor.expect_file(lambda text: text.index("- p1") < text.index("- p3"))


def test_a_post_is_left_out_and_taken_in_again(editor: Editor) -> None:
    editor.open()

    editor.page.get_by_role("button", name="Leave “Post number 2” out").click()

    editor.expect_titles("Post number 3", "Post number 1", "Post number 0")
    expect(editor.page.get_by_role("button", name="Leave “Post number 1” out")).to_be_focused()

    editor.page.get_by_role("button", name="Take in “Post number 2”").click()

    expect(editor.page.locator("[data-post]")).to_have_count(4)
    editor.expect_file(lambda text: "exclude: []" in text)


def test_what_is_written_as_introduction_is_in_the_mail_and_in_the_file(editor: Editor) -> None:
    editor.open()

    editor.page.get_by_label("Introduction").press_sequentially("Welcome, *dear* readers.")

    editor.expect_mail("Welcome, dear readers.")
    editor.expect_file(lambda text: text.endswith("Welcome, *dear* readers.\n"))


def test_subject_and_preheader_are_written_and_an_emptied_one_is_automatic_again(editor: Editor) -> None:
    editor.open()
    subject = editor.page.get_by_label("Subject", exact=True)
    before = subject.input_value()

    subject.fill("Four posts of which one is good")
    editor.page.get_by_label("Preheader").fill("Which one is it?")

    editor.expect_file(lambda text: "subject: Four posts of which one is good" in text)
    editor.expect_file(lambda text: "preheader: Which one is it?" in text)

    subject.fill("")
    subject.blur()

    expect(subject).to_have_value(before)


def test_title_and_summary_are_other_ones_in_this_issue_only(editor: Editor) -> None:
    editor.open()
    row = editor.page.locator("[data-post=p3]")

    row.get_by_text("Another title or summary").click()
    row.get_by_label("Title in this issue").fill("A better title")
    row.get_by_label("Summary in this issue").fill("In short.")

    editor.expect_mail("A better title")
    editor.expect_mail("In short.")
    editor.expect_file(lambda text: "A better title" in text and "In short." in text)
    assert "A better title" not in editor.site.read("posts/p3.md")


def test_comments_and_unknown_keys_of_the_file_stay(editor: Editor) -> None:
    editor.write_issue(editor.issue_md.replace("exclude:", "mood: sunny  # ours\n# think of the photo\nexclude:"))
    editor.open()

    editor.page.get_by_role("button", name="Put “Post number 0” first").click()

    editor.expect_file(lambda text: text.index("- p0") < text.index("- p3"))
    assert "mood: sunny  # ours\n# think of the photo\nexclude:" in editor.issue_md


# --- live -----------------------------------------------------------------------------------------------------


def test_a_change_of_the_file_shows_while_somebody_types_and_the_place_stays(editor: Editor) -> None:
    editor.open()
    intro, stage = editor.page.get_by_label("Introduction"), editor.page.locator("#stage")
    editor.page.evaluate("scrollTo(0, 120)")
    stage.evaluate("one => one.scrollTop = 200")
    intro.press_sequentially("Half a sen")
    editor.expect_mail("Half a sen")

    editor.write_issue(editor.issue_md.replace("subject: ", "subject: By hand; "))

    expect(editor.page.get_by_label("Subject", exact=True)).to_have_value(re.compile("^By hand; "))
    expect(intro).to_be_focused()
    expect(intro).to_have_value("Half a sen")
    assert editor.page.evaluate("scrollY") == 120
    assert stage.evaluate("one => one.scrollTop") == 200


def test_a_new_post_in_the_folder_can_be_taken_in_at_once(editor: Editor) -> None:
    editor.open()

    editor.site.post("late", on="2023-11-15", title="A late post")

    take_in = editor.page.get_by_role("button", name="Take in “A late post”")
    take_in.click()
    expect(editor.page.locator("[data-post=late]")).to_be_visible()
    editor.expect_mail("A late post")


def test_a_change_of_a_post_is_in_the_mail(editor: Editor) -> None:
    editor.open()

    editor.site.post("p3", on="2023-11-13", title="Post number 3", text="Quite another text.")

    editor.expect_mail("Quite another text.")


# --- both at once ---------------------------------------------------------------------------------------------


def test_an_edit_is_made_on_the_newer_file_where_nobody_touched_the_same(editor: Editor) -> None:
    editor.open()
    editor.deafen()

    editor.write_issue(editor.issue_md.replace("subject: ", "subject: By hand; "))
    editor.page.get_by_label("Introduction").fill("From the page.")

    editor.expect_file(lambda text: "subject: By hand; " in text and text.endswith("From the page.\n"))
    expect(editor.page.locator("#conflict")).not_to_be_visible()


def test_two_who_change_the_same_see_both_sides_and_choose(editor: Editor) -> None:
    editor.open()
    editor.deafen()
    intro, conflict = editor.page.get_by_label("Introduction"), editor.page.locator("#conflict")

    editor.write_issue(editor.issue_md + "Written by hand.\n")
    intro.fill("Written on the page.")

    expect(conflict).to_be_visible()
    expect(conflict.locator("#conflict-yours")).to_have_text("Written on the page.")
    expect(conflict.locator("#conflict-theirs")).to_have_text("Written by hand.")
    assert editor.issue_md.endswith("Written by hand.\n")

    conflict.get_by_role("button", name="Keep yours").click()

    editor.expect_file(lambda text: text.endswith("Written on the page.\n"))
    editor.expect_mail("Written on the page.")


def test_what_is_in_the_file_can_be_kept_instead(editor: Editor) -> None:
    editor.open()
    editor.deafen()
    intro, conflict = editor.page.get_by_label("Introduction"), editor.page.locator("#conflict")

    editor.write_issue(editor.issue_md + "Written by hand.\n")
    intro.fill("Written on the page.")
    conflict.get_by_role("button", name="Keep what is in the file").click()

    expect(intro).to_have_value("Written by hand.")
    assert editor.issue_md.endswith("Written by hand.\n")


def test_a_broken_file_is_told_with_its_line_and_the_last_mail_stays(editor: Editor) -> None:
    editor.open()
    good = editor.issue_md

    editor.write_issue(good.replace("sections:", "sections: [", 1))

    expect(editor.page.get_by_role("heading", name="issue.md cannot be read")).to_be_visible()
    expect(editor.page.locator("#trouble")).to_contain_text(f"issues/{ISSUE}/issue.md:")
    editor.expect_mail("Post number 3")

    editor.write_issue(good)

    expect(editor.page.locator("#trouble")).to_have_count(0)
