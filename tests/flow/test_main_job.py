"""The main job through the command line: posts become an issue in every subscriber's mailbox."""

from __future__ import annotations

import email
import json
import re
from email.message import EmailMessage
from email.policy import default as policy
from pathlib import Path

import pytest

from tests.sites import ISSUE, SiteFolder, site

__all__ = ["site"]

CONTENT = Path(__file__).parents[3] / "shared" / "content" / "proud2bops-news.txt"


def mails(site: SiteFolder, issue: str = ISSUE) -> list[EmailMessage]:
    files = sorted((site.folder / "outbox" / issue).glob("*.eml"))
    parsed = [email.message_from_bytes(file.read_bytes(), policy=policy) for file in files]
    return [mail for mail in parsed if isinstance(mail, EmailMessage)]


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert isinstance(body, EmailMessage)
    return str(body.get_content())


def unsubscribe_address(mail: EmailMessage) -> str:
    found = re.search(r"<(https://[^>]+)>", mail["List-Unsubscribe"])
    assert found
    return found[1]


def test_posts_become_mail_with_both_parts_and_a_link_of_its_own_for_each(site: SiteFolder) -> None:
    site.post("guides/first-aid", title="First aid for bicycles")
    site.readers(3)
    issue = site.approved()

    sent = site.facts("send", issue)

    assert sent == {"issue": ISSUE, "state": "sent", "recipients": 3, "pending": 0, "sent": 3, "refused": 0,
                    "unsure": 0, "skipped": 0}  # fmt: skip
    received = mails(site)
    assert sorted(mail["To"].addresses[0].addr_spec for mail in received) == [
        f"reader{number}@example.net" for number in range(3)
    ]
    assert len({unsubscribe_address(mail) for mail in received}) == 3
    for mail in received:
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        for kind in ("html", "plain"):
            assert "First aid for bicycles" in part(mail, kind)
            assert unsubscribe_address(mail) in part(mail, kind)


def test_the_approved_bytes_are_the_sent_bytes(site: SiteFolder) -> None:
    site.post("a", title="Ärger mit dem Tor 🚪")
    site.readers(1)
    issue = site.approved()
    manifest = json.loads(site.read(f"issues/{issue}/manifest.json"))
    frozen = {
        kind: site.read(f"issues/{issue}/email.{suffix}") for kind, suffix in (("html", "html"), ("plain", "txt"))
    }

    site.facts("send", issue)

    (mail,) = mails(site)
    assert mail["Subject"] == manifest["subject"]
    for kind, text in frozen.items():
        pieces = [re.escape(piece) for piece in re.split(rf"merge{manifest['nonce']}\w*?end", text)]
        assert len(pieces) > 1
        assert re.fullmatch(r"[^\s]*".join(pieces), part(mail, kind).replace("\r\n", "\n"), re.DOTALL)


def test_what_was_approved_does_not_change_with_its_posts(site: SiteFolder) -> None:
    site.post("a", title="As approved")
    site.readers(1)
    issue = site.approved()
    site.post("a", title="Changed after the approval")

    site.facts("send", issue)

    assert "As approved" in part(mails(site)[0], "html")


@pytest.mark.parametrize("name", ["email.html", "email.txt", "web.html", "manifest.json"])
def test_a_frozen_file_that_was_altered_is_not_sent(site: SiteFolder, name: str) -> None:
    site.post("a")
    site.readers(1)
    issue = site.approved()
    file = site.folder / "issues" / issue / name
    file.write_bytes(file.read_bytes().replace(b"Title", b"Tilte"))

    said = site.run("send", issue)

    assert said.exit_code == 1
    assert name in said.err
    assert mails(site) == []


@pytest.mark.skipif(not CONTENT.exists(), reason="the shared content is not beside this checkout")
def test_the_real_page_gives_the_five_posts_of_its_week(site: SiteFolder) -> None:
    added = site.facts("import", "posts", str(CONTENT))
    again = site.facts("import", "posts", str(CONTENT))

    built = site.facts("build", "weekly", "--on", "2023-11-16")

    assert (len(added["added"]), len(again["added"]), again["unchanged"]) == (9, 0, 9)
    days = [post["published_at"][:10] for post in built["posts"]]
    assert days == ["2023-11-16", "2023-11-14", "2023-11-13", "2023-11-13", "2023-11-13"]


@pytest.mark.skipif(not CONTENT.exists(), reason="the shared content is not beside this checkout")
@pytest.mark.parametrize(("on", "state", "count"), [("2023-11-02", "draft", 1), ("2023-11-09", "skipped", 0)])
def test_the_real_page_in_a_fresh_site(site: SiteFolder, on: str, state: str, count: int) -> None:
    site.facts("import", "posts", str(CONTENT))

    built = site.facts("build", "weekly", "--on", on)

    assert (built["state"], len(built["posts"])) == (state, count)
    assert (site.folder / "issues" / f"weekly-{on}").exists() == (state == "draft")


def test_a_date_on_which_the_digest_is_not_due_is_refused_with_the_nearest(site: SiteFolder) -> None:
    site.post("a")

    said = site.run("build", "weekly", "--on", "2023-11-10")

    assert said.exit_code == 2
    assert "2023-11-09" in said.err
    assert "2023-11-16" in said.err


def test_a_post_of_thursday_at_ten_waits_for_the_next_issue(site: SiteFolder) -> None:
    site.post("early", on="2023-11-16T08:59:00+00:00")
    site.post("late", on="2023-11-16T10:00:00+00:00")

    this_week = site.facts("build", "weekly", "--on", "2023-11-16")
    site.facts("approve", ISSUE, "--yes")
    next_week = site.facts("build", "weekly", "--on", "2023-11-23")

    assert [post["id"] for post in this_week["posts"]] == ["early"]
    assert "waits for the issue of 2023-11-23" in this_week["left_out"][0]["reason"]
    assert [post["id"] for post in next_week["posts"]] == ["late"]


def test_no_posts_is_a_skipped_issue_and_no_error(site: SiteFolder) -> None:
    built = site.facts("build", "weekly", "--on", "2023-11-16")

    assert (built["state"], built["posts"]) == ("skipped", [])
    assert not (site.folder / "issues" / ISSUE).exists()


def test_an_editors_work_survives_a_refresh_and_a_late_post_is_added(site: SiteFolder) -> None:
    site.post("a", on="2023-11-14")
    site.post("b", on="2023-11-13")
    site.facts("build", "weekly", "--on", "2023-11-16")
    path = f"issues/{ISSUE}/issue.md"
    text = site.read(path)
    lines = text.splitlines()
    first, second = (next(i for i, line in enumerate(lines) if f"- {name}" in line) for name in "ab")
    lines[first], lines[second] = lines[second], lines[first] + " and a word of mine"
    edited = re.sub(r"^subject:.*", "subject: Mine alone", "\n".join(lines), flags=re.M) + "\n\nAn *intro*.\n"
    site.write(path, edited)
    site.post("c", on="2023-11-15")

    built = site.facts("build", "weekly", "--on", "2023-11-16")

    after = site.read(path)
    assert [post["id"] for post in built["posts"]] == ["b", "a", "c"]
    assert "subject: Mine alone" in after
    assert "and a word of mine" in after
    assert "An *intro*." in after


def test_a_post_that_the_editor_deleted_does_not_come_back(site: SiteFolder) -> None:
    site.post("a")
    site.post("b")
    site.facts("build", "weekly", "--on", "2023-11-16")
    path = f"issues/{ISSUE}/issue.md"
    site.write(path, re.sub(r".*- b .*\n", "", site.read(path)))

    built = site.facts("build", "weekly", "--on", "2023-11-16")

    assert [post["id"] for post in built["posts"]] == ["a"]


def test_a_broken_edit_is_shown_with_line_and_column_and_nothing_is_lost(site: SiteFolder) -> None:
    site.post("a")
    site.facts("build", "weekly", "--on", "2023-11-16")
    path = f"issues/{ISSUE}/issue.md"
    broken = site.read(path).replace("sections:", "sections: [", 1)
    site.write(path, broken)

    for words in (("build", "weekly", "--on", "2023-11-16"), ("approve", ISSUE, "--yes")):
        said = site.run(*words)
        assert said.exit_code == 1
        assert re.search(rf"{path}:\d+:\d+", said.err)

    assert site.read(path) == broken


def test_building_an_approved_issue_changes_nothing_and_says_so(site: SiteFolder) -> None:
    site.post("a")
    issue = site.approved()
    site.post("b")
    before = site.read(f"issues/{issue}/issue.md")

    built = site.facts("build", "weekly", "--on", "2023-11-16")

    assert built["state"] == "approved"
    assert "nothing was changed" in built["warnings"][-1]
    assert site.read(f"issues/{issue}/issue.md") == before


def test_a_withdrawn_approval_can_be_given_again_with_changes(site: SiteFolder) -> None:
    site.post("a", title="First")
    issue = site.approved()

    withdrawn = site.facts("approve", issue, "--withdraw")
    site.post("a", title="Second")
    site.facts("build", "weekly", "--on", "2023-11-16")
    site.facts("approve", issue, "--yes")

    assert (withdrawn["state"], withdrawn["sha256"]) == ("draft", None)
    assert "Second" in site.read(f"issues/{issue}/email.html")


def test_the_second_of_two_drafts_with_one_post_is_refused(site: SiteFolder) -> None:
    site.post("a", on="2023-11-14")
    site.facts("build", "weekly", "--on", "2023-11-16")
    site.post("b", on="2023-11-20")
    site.facts("build", "weekly", "--on", "2023-11-23")
    path = "issues/weekly-2023-11-23/issue.md"
    site.write(path, re.sub(r"( *)- b ", r"\1- a\n\1- b ", site.read(path)))
    site.facts("approve", ISSUE, "--yes")

    said = site.run("approve", "weekly-2023-11-23", "--yes")

    assert said.exit_code == 1
    assert f"already in {ISSUE}" in said.err
    assert "newsletter build" in said.err


def test_the_posts_of_a_cancelled_issue_are_free_again(site: SiteFolder) -> None:
    site.post("a", on="2023-11-14")
    issue = site.approved()

    site.facts("cancel", issue, "--yes")
    built = site.facts("build", "weekly", "--on", "2023-11-23")

    assert [post["id"] for post in built["posts"]] == ["a"]


def test_what_is_over_max_posts_is_named_and_goes_into_the_next_issue(site: SiteFolder) -> None:
    site.environ["NEWSLETTER_DIGESTS__WEEKLY__MAX_POSTS"] = "2"
    for day in (11, 13, 14):
        site.post(f"of-{day}", on=f"2023-11-{day}")

    first = site.facts("build", "weekly", "--on", "2023-11-16")
    site.facts("approve", ISSUE, "--yes")
    second = site.facts("build", "weekly", "--on", "2023-11-23")

    assert [post["id"] for post in first["posts"]] == ["of-14", "of-13"]
    assert "of-11" in first["warnings"][0]
    assert [post["id"] for post in second["posts"]] == ["of-11"]


def test_posts_says_where_each_went_and_why_not(site: SiteFolder) -> None:
    site.post("sent", on="2023-11-14")
    site.approved()
    site.post("draft", more="draft: true\n")
    site.post("future", on="2024-01-01")
    site.post("next", on="2023-11-16T12:00:00+00:00")
    site.now = "2023-11-17T09:00:00+00:00"

    facts = {post["id"]: (post["issues"], post["reason"]) for post in site.facts("posts")}

    assert facts["sent"] == ([ISSUE], None)
    assert facts["next"] == ([], None)
    assert facts["draft"] == ([], "a draft")
    assert "after the cut-off" in facts["future"][1]


def test_one_bad_file_is_left_out_loudly_and_strict_refuses_it(site: SiteFolder) -> None:
    site.post("good")
    site.write("posts/bad.md", "---\ntitle: [unclosed\n---\nText\n")

    built = site.facts("build", "weekly", "--on", "2023-11-16")
    strict = site.run("posts", "--strict")

    assert [post["id"] for post in built["posts"]] == ["good"]
    assert "posts/bad.md" in built["warnings"][0]
    assert strict.exit_code == 1
    assert "bad.md" in strict.err


def test_an_issue_that_is_not_approved_is_not_sent(site: SiteFolder) -> None:
    site.post("a")
    site.readers(1)
    site.facts("build", "weekly", "--on", "2023-11-16")

    said = site.run("send", ISSUE)

    assert said.exit_code == 1
    assert f"newsletter approve {ISSUE}" in said.err


def test_with_automatic_approval_send_freezes_and_sends(site: SiteFolder) -> None:
    site.environ["NEWSLETTER_DIGESTS__WEEKLY__APPROVAL"] = "automatic"
    site.post("a")
    site.readers(1)
    site.facts("build", "weekly", "--on", "2023-11-16")

    assert site.facts("send", ISSUE)["state"] == "sent"


def test_before_its_time_send_wants_yes(site: SiteFolder) -> None:
    site.post("a")
    site.readers(1)
    issue = site.approved()
    site.now = "2023-11-16T08:00:00+00:00"

    refused = site.run("send", issue)
    sent = site.facts("send", issue, "--yes")

    assert refused.exit_code == 1
    assert "--yes" in refused.err
    assert sent["sent"] == 1


def test_without_a_terminal_approve_fails_and_names_yes(site: SiteFolder) -> None:
    site.post("a")
    site.facts("build", "weekly", "--on", "2023-11-16")

    said = site.run("approve", ISSUE)

    assert said.exit_code == 1
    assert "--yes" in said.err


def test_nobody_subscribed_is_a_warning_and_nothing_is_sent(site: SiteFolder) -> None:
    site.post("a")
    issue = site.approved()

    said = site.run("send", issue)

    assert said.exit_code == 0
    assert "warning: nobody is subscribed" in said.err
    assert site.facts("status", issue)["state"] == "approved"


def test_sending_a_sent_issue_again_mails_nobody(site: SiteFolder) -> None:
    site.post("a")
    site.readers(2)
    issue = site.approved()
    site.facts("send", issue)
    for file in (site.folder / "outbox" / issue).iterdir():
        file.unlink()

    sent = site.facts("send", issue)

    assert (sent["state"], sent["sent"]) == ("sent", 2)
    assert mails(site) == []


def test_a_lost_database_repeats_no_post_and_sends_nothing_again(site: SiteFolder) -> None:
    site.post("a", on="2023-11-14")
    site.readers(2)
    issue = site.approved()
    site.facts("send", issue)
    for file in (site.folder / "data").glob("newsletter.db*"):
        file.unlink()
    site.post("b", on="2023-11-20")
    site.readers(2)

    built = site.facts("build", "weekly", "--on", "2023-11-23")
    again = site.facts("send", issue)

    assert [post["id"] for post in built["posts"]] == ["b"]
    assert (again["state"], again["sent"]) == ("sent", 2)
    assert len(mails(site)) == 2


def test_a_database_lost_in_mid_send_refuses_and_explains(site: SiteFolder) -> None:
    site.environ["NEWSLETTER_PROVIDER__NAME"] = "fake"
    site.environ["NEWSLETTER_PROVIDER__BATCH_SIZE"] = "1"
    site.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "call-denied=@2+"
    site.post("a")
    site.readers(3)
    issue = site.approved()
    assert site.run("send", issue).exit_code == 3
    for file in (site.folder / "data").glob("newsletter.db*"):
        file.unlink()
    site.readers(3)
    site.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = ""

    said = site.run("send", issue)

    assert said.exit_code == 1
    assert "another database" in said.err
    assert f"newsletter resolve {issue}" in said.err


def test_an_older_copy_of_the_database_does_not_send_again(site: SiteFolder) -> None:
    site.post("a")
    site.readers(3)
    issue = site.approved()
    copy = (site.folder / "data" / "newsletter.db").read_bytes()
    site.facts("send", issue)
    for file in (site.folder / "data").glob("newsletter.db*"):
        file.unlink()
    site.write("data/newsletter.db", copy)

    said = site.run("send", issue)
    closed = site.facts("resolve", issue, "--as", "sent", "--yes")

    assert said.exit_code == 1
    assert "older copy" in said.err
    assert closed["state"] == "sent"


def test_a_copy_of_the_database_from_before_the_approval_repeats_no_post(site: SiteFolder) -> None:
    site.post("a", on="2023-11-14")
    site.readers(2)
    site.facts("build", "weekly", "--on", "2023-11-16")
    copy = (site.folder / "data" / "newsletter.db").read_bytes()
    site.facts("approve", ISSUE, "--yes")
    site.facts("send", ISSUE)
    for file in (site.folder / "data").glob("newsletter.db*"):
        file.unlink()
    site.write("data/newsletter.db", copy)
    site.post("b", on="2023-11-20")

    built = site.facts("build", "weekly", "--on", "2023-11-23")

    assert [post["id"] for post in built["posts"]] == ["b"]
    assert site.facts("status", ISSUE)["state"] == "sent"


def test_unsure_deliveries_are_named_and_a_person_decides(site: SiteFolder) -> None:
    site.environ["NEWSLETTER_PROVIDER__NAME"] = "fake"
    site.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "unsure-unsent=@2, ledger=yes"
    site.post("a")
    site.readers(3)
    issue = site.approved()

    first = site.run("send", issue, "--json")
    named = site.facts("deliveries", issue, "--state", "unsure")
    decided = site.facts("resolve", issue, "--as", "unsent", "--yes")
    site.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes"
    second = site.facts("send", issue)

    assert (first.exit_code, first.json["unsure"], first.json["state"]) == (3, 1, "sent")
    assert len(named) == 1
    assert (decided["state"], decided["pending"]) == ("sending", 1)
    assert (second["sent"], second["state"]) == (3, "sent")
    assert len(set(site.read("data/fake-ledger.txt").split())) == 3


def test_a_denied_provider_before_the_first_mail_is_exit_one_and_later_three(site: SiteFolder) -> None:
    site.environ["NEWSLETTER_PROVIDER__NAME"] = "fake"
    site.environ["NEWSLETTER_PROVIDER__BATCH_SIZE"] = "1"
    site.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "denied=@1+"
    site.post("a")
    site.readers(3)
    issue = site.approved()

    before = site.run("send", issue, "--json")
    site.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "denied=@2+"
    after = site.run("send", issue, "--json")

    assert (before.exit_code, before.json["state"], before.json["sent"]) == (1, "paused", 0)
    assert (after.exit_code, after.json["sent"], after.json["pending"]) == (3, 1, 2)


def test_what_a_person_paused_needs_resume(site: SiteFolder) -> None:
    site.post("a")
    site.readers(2)
    issue = site.approved()
    site.facts("pause", issue)

    refused = site.run("send", issue)
    resumed = site.facts("resume", issue)

    assert refused.exit_code == 1
    assert f"newsletter resume {issue}" in refused.err
    assert resumed["state"] == "sent"


def test_with_redirect_to_every_mail_goes_there_marked(site: SiteFolder) -> None:
    site.environ["NEWSLETTER_PROVIDER__REDIRECT_TO"] = "me@example.org"
    site.post("a")
    site.readers(2)
    issue = site.approved()

    site.facts("send", issue)

    received = mails(site)
    assert [mail["To"].addresses[0].addr_spec for mail in received] == ["me@example.org"] * 2
    assert {mail["To"].addresses[0].display_name for mail in received} == {
        "for reader0@example.net",
        "for reader1@example.net",
    }
    assert all(mail["Subject"].startswith("[redirected] ") for mail in received)


def test_an_erased_person_is_in_no_file_and_in_no_list(site: SiteFolder) -> None:
    site.post("a")
    site.readers(2)
    issue = site.approved()
    site.facts("send", issue)

    said = site.run("subscribers", "erase", "reader1@example.net", "--yes")

    assert said.exit_code == 0
    assert [mail["To"].addresses[0].addr_spec for mail in mails(site)] == ["reader0@example.net"]
    files = [file for file in site.folder.rglob("*") if file.is_file() and file.name != "readers.csv"]
    assert not [file for file in files if b"reader1@example.net" in file.read_bytes()]
    assert site.facts("status", issue)["sent"] == 2
    assert site.facts("subscribers", "import", "readers.csv")["suppressed"] == 1


def test_deliveries_as_csv_have_a_header_and_times_in_utc(site: SiteFolder) -> None:
    site.post("a")
    site.readers(2)
    issue = site.approved()
    site.facts("send", issue)

    lines = site.run("deliveries", issue, "--csv").out.splitlines()

    assert lines[0] == "email,state,at,provider_id,reason"
    assert lines[1].startswith("reader0@example.net,sent,2023-11-16T09:00:00+00:00,")
    assert len(lines) == 3


def test_the_scheduler_waits_for_approval_and_sends_as_soon_as_it_comes(site: SiteFolder) -> None:
    site.post("a", on="2023-11-14")
    site.readers(2)
    site.now = "2023-11-15T12:00:00+00:00"
    site.run("tick")
    site.now = "2023-11-16T09:00:10+00:00"

    waiting = site.run("tick")
    site.facts("approve", ISSUE, "--yes")
    site.now = "2023-11-16T09:05:00+00:00"
    sending = site.run("tick")
    site.now = "2023-11-16T09:06:00+00:00"
    again = site.run("tick")

    assert "waits for approval" in waiting.out
    assert "sent: 2 of 2" in sending.out
    assert again.out == ""
    assert len(mails(site)) == 2


def test_commands_outside_a_site_tell_a_newcomer_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = SiteFolder(tmp_path / "site")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    said = folder.run("status")

    assert said.exit_code == 2
    assert "newsletter new DIR" in said.err
