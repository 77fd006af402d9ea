"""From the test mail to the last reader: what an editor decides at the desk, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from newsletter.app import open_site
from newsletter.issues import archive
from newsletter.models import IssueState
from newsletter.pipeline.preview import MADE_UP, copy_for, preview
from tests.browser.editors import Editor, a_site, at_the_desk
from tests.served import NOW
from tests.sites import ISSUE

pytestmark = pytest.mark.browser


@pytest.fixture
def editor(browser: Browser, tmp_path: Path) -> Iterator[Editor]:
    """A draft of two posts for three readers."""
    with at_the_desk(a_site(tmp_path / "site", posts=2), browser) as editor:
        yield editor


def test_a_test_mail_goes_to_several_addresses_and_counts_as_nobodys(editor: Editor) -> None:
    editor.open()

    editor.ask("Send a test")
    editor.dialog.get_by_label("To").fill("ann@example.org, ben@example.org")
    editor.dialog.get_by_role("button", name="Send the test").click()

    expect(editor.page.locator("#says")).to_have_text("The test went to ann@example.org, ben@example.org")
    assert len(list((editor.site.folder / "outbox" / "test").glob("*.eml"))) == 2
    expect(editor.page.locator(".facts")).to_contain_text("Draft")


def test_a_wrong_address_is_told_where_it_was_typed(editor: Editor) -> None:
    editor.open()

    editor.ask("Send a test")
    editor.dialog.get_by_label("To").fill("nobody")
    editor.dialog.get_by_role("button", name="Send the test").click()

    expect(editor.dialog.get_by_role("alert")).to_contain_text("must have an @-sign")


def test_what_is_approved_is_what_the_page_showed(editor: Editor) -> None:
    editor.open()
    editor.page.get_by_label("Introduction").fill("Look, *this* is what goes out.")
    editor.expect_mail("this is what goes out")
    editor.page.get_by_role("link", name="Source").click()
    shown = editor.page.get_by_label("The source").inner_text()

    editor.ask("Approve…")
    expect(editor.dialog).to_contain_text("Goes to 3 readers")
    expect(editor.dialog).to_contain_text("Goes out Thu 16 Nov 2023, 09:00, in 60 minutes")
    editor.dialog.get_by_role("button", name="Approve it").click()

    expect(editor.page.locator(".facts")).to_contain_text("Approved")
    with open_site(editor.site.folder) as site:
        frozen = archive.read_frozen(site.issue_folder(ISSUE)).email
        reader = MADE_UP["ordinary"]
        copy = copy_for(site, preview(site, ISSUE, now=NOW)._replace(email=frozen), reader)
    assert lines_of(copy.html) == lines_of(shown)
    expect(editor.page.get_by_label("The source")).to_have_text(re.compile("this</em> is what goes out"))
    assert lines_of(editor.page.get_by_label("The source").inner_text()) == lines_of(shown)


def lines_of(html: str) -> list[str]:
    """A page's own line ends and outer blanks are the browser's affair."""
    return [line.rstrip() for line in html.replace("\r\n", "\n").strip().split("\n")]


def test_what_changed_after_the_question_was_asked_is_not_approved(editor: Editor) -> None:
    editor.open()
    editor.ask("Approve…")

    editor.site.post("p1", on="2023-11-11", title="Post number 1", text="Changed in the last moment.")
    editor.dialog.get_by_role("button", name="Approve it").click()

    expect(editor.dialog.get_by_role("alert")).to_contain_text("is not as you saw it")
    assert not archive.is_frozen(editor.site.folder / "issues" / ISSUE)


def test_an_error_is_shown_before_the_approval_and_refuses_it(editor: Editor) -> None:
    editor.write_issue(
        editor.issue_md.replace("subject: ", "subject: 'Re: ")
        .replace("+0", "")
        .replace("  # automatic until edited", "'", 1)
    )
    editor.open()

    editor.ask("Approve…")
    expect(editor.dialog).to_contain_text("1 error must be mended first")
    editor.dialog.get_by_role("button", name="Approve it").click()

    expect(editor.dialog.get_by_role("alert")).to_contain_text("what nobody should be mailed")


def test_an_approval_is_withdrawn_and_the_draft_can_be_shaped_again(editor: Editor) -> None:
    editor.approve()

    editor.ask("Withdraw the approval")
    editor.dialog.get_by_role("button", name="Withdraw it").click()

    expect(editor.page.get_by_label("Subject", exact=True)).to_be_editable()


def test_the_sending_is_watched_to_its_end(editor: Editor) -> None:
    editor.approve()

    editor.ask("Send now")
    editor.dialog.get_by_role("button", name="Send it now").click()

    expect(editor.page.locator("#progress-says")).to_contain_text("3 of 3 readers")
    expect(editor.page.locator(".facts")).to_contain_text("Sent")
    assert len(list((editor.site.folder / "outbox" / ISSUE).glob("*.eml"))) == 3


def test_what_another_process_does_shows_too(editor: Editor) -> None:
    editor.approve()

    assert editor.run("pause", ISSUE).exit_code == 0
    expect(editor.page.locator(".facts")).to_contain_text("Paused")

    editor.page.get_by_role("button", name="Resume").click()
    expect(editor.page.locator("#says")).to_have_text("It waits for its time again")
    with open_site(editor.site.folder) as site:
        assert site.issue_row(ISSUE).state is IssueState.APPROVED


def test_an_issue_is_cancelled_for_good(editor: Editor) -> None:
    editor.approve()

    editor.ask("Cancel…")
    editor.dialog.get_by_role("button", name="Cancel it for good").click()

    expect(editor.page.locator(".facts")).to_contain_text("Cancelled")


def test_the_refused_and_the_unsure_are_shown_with_reasons_and_a_person_decides(editor: Editor) -> None:
    settings = editor.site.read("newsletter.toml")
    fake = '[provider]\nname = "fake"\nmisbehave = "refuse=@1, unsure-sent=@2"\n'
    editor.site.write("newsletter.toml", f"{settings}\n{fake}")
    editor.approve()
    editor.ask("Send now")
    editor.dialog.get_by_role("button", name="Send it now").click()

    table = editor.page.locator("#sending table")
    expect(table).to_contain_text("Refused")
    expect(table).to_contain_text("Unsure")

    editor.ask("Decide about the unsure…")
    editor.dialog.get_by_label("sent: they are not mailed again").check()
    editor.dialog.get_by_role("button", name="Decide").click()

    expect(table).not_to_contain_text("Unsure")


# --- templates ------------------------------------------------------------------------------------------------


def test_a_broken_template_is_told_with_its_lines_and_mended(editor: Editor) -> None:
    assert editor.run("theme", "eject", "parts/intro.mjml.j2").exit_code == 0
    template = "templates/default/parts/intro.mjml.j2"
    good = editor.site.read(template)
    editor.write_issue(editor.issue_md + "\nAn introduction.\n")
    editor.open()
    editor.expect_mail("An introduction.")

    editor.site.write(template, good + "{% if %}\n")

    trouble = editor.page.locator("#trouble")
    expect(trouble).to_contain_text("A template is broken")
    expect(trouble).to_contain_text("default/parts/intro.mjml.j2, line")
    expect(trouble.locator(".it")).to_contain_text("{% if %}")
    editor.expect_mail("An introduction.")
    expect(editor.page.get_by_role("button", name="Approve…")).to_have_count(0)

    editor.site.write(template, good.replace("{{ intro }}", "<p>Mended.</p>{{ intro }}"))

    expect(trouble).to_have_count(0)
    editor.expect_mail("Mended.")


def test_settings_that_cannot_be_used_are_told_and_the_last_good_ones_stay(editor: Editor) -> None:
    editor.open()
    good = editor.site.read("newsletter.toml")

    editor.site.write("newsletter.toml", good.replace('"thu 09:00"', '"some day"'))
    expect(editor.page.locator("#site-trouble")).to_contain_text("newsletter.toml")
    editor.expect_mail("Post number 1")

    editor.site.write("newsletter.toml", good.replace('"The week"', '"The fortnight"'))
    expect(editor.page.locator("#site-trouble")).to_have_count(0)
    expect(editor.page.get_by_role("heading", level=1)).to_have_text("The fortnight")
