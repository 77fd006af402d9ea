from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.errors import BadInput, NotPossible
from newsletter.issues import archive
from newsletter.models import Email, Issue, Manifest, ManifestPost, Receipt
from tests.factories import utc

ID = "weekly-2023-11-16"
ISSUE = Issue(
    id=ID,
    digest="weekly",
    due_at=datetime(2023, 11, 16, 9, tzinfo=ZoneInfo("Europe/London")),
    subject="Hello",
    preheader="World",
)
POST = ManifestPost(id="guides/first-aid", title="First aid", path="guides/first-aid.md", text_sha256="0" * 64)
RECEIPT = Receipt(issue=ID, instance="db-1", provider="outbox", began_at=utc(2023, 11, 16, 9))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The issue's folder, with an `issue.md`."""
    folder = tmp_path / "issues" / ID
    folder.mkdir(parents=True)
    (folder / "issue.md").write_text("---\n---\n")
    return folder


def an_email(**values: Any) -> Email:
    defaults = {
        "issue": ID,
        "subject": "Hello 🎉",
        "preheader": "مرحبا",
        "html": "<p>Grüße\r\n</p>\n",
        "text": "Grüße\n\r\n\ttab",
        "web_html": "<h1>🎉</h1>",
        "headers": (("From", "A <a@example.org>"), ("List-Id", "b"), ("From", "again")),
        "nonce": "abc123",
    }
    return Email(**(defaults | values))


def frozen(folder: Path, email: Email | None = None, **values: Any) -> Manifest:
    defaults: dict[str, Any] = {
        "issue": ISSUE,
        "title": "The week",
        "approved_at": utc(2023, 11, 15, 12),
        "posts": [POST],
        "left_over": ["old/one"],
    }
    return archive.freeze(folder, email or an_email(), **(defaults | values))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# --- freezing and reading back --------------------------------------------------------------------------------


def test_a_frozen_email_is_read_back_byte_for_byte(folder: Path) -> None:
    manifest = frozen(folder)

    read = archive.read_frozen(folder)

    assert read.email == an_email()
    assert read.manifest == manifest
    assert (folder / "email.txt").read_bytes() == b"Gr\xc3\xbc\xc3\x9fe\n\r\n\ttab"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_any_text_is_frozen_byte_for_byte(tmp_path_factory: pytest.TempPathFactory, html: str, text: str) -> None:
    folder = tmp_path_factory.mktemp("site") / "issues" / ID

    frozen(folder, an_email(html=html, text=text))

    assert archive.read_frozen(folder).email == an_email(html=html, text=text)


def test_the_manifest_says_what_was_approved_and_nothing_else(folder: Path) -> None:
    frozen(folder)

    manifest = json.loads((folder / "manifest.json").read_bytes())

    assert manifest["issue"] == ID
    assert manifest["due_at"] == "2023-11-16T09:00:00Z"
    assert manifest["posts"] == [POST.model_dump()]
    assert manifest["left_over"] == ["old/one"]
    assert manifest["files"].keys() == {"email.html", "email.txt", "web.html"}
    assert names(folder) == {"issue.md", "email.html", "email.txt", "web.html", "manifest.json"}


def test_the_same_content_is_frozen_once(folder: Path) -> None:
    first = frozen(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    again = frozen(folder, approved_at=utc(2023, 11, 15, 13))

    assert again == first
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("change", [{"email": an_email(html="other")}, {"posts": []}, {"title": "Other"}])
def test_an_approved_issue_is_not_frozen_anew_with_other_content(folder: Path, change: dict[str, Any]) -> None:
    frozen(folder)

    with pytest.raises(NotPossible, match="approved already") as caught:
        frozen(folder, **change)

    assert "--withdraw" in (caught.value.fix or "")


@pytest.mark.parametrize("name", ["email.html", "email.txt", "web.html"])
def test_an_altered_file_is_named_and_nothing_is_read(folder: Path, name: str) -> None:
    frozen(folder)
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(NotPossible, match=f"{name} was altered"):
        archive.read_frozen(folder)


def test_every_missing_file_is_named(folder: Path) -> None:
    frozen(folder)
    (folder / "email.html").unlink()
    (folder / "web.html").unlink()

    with pytest.raises(NotPossible, match=r"email.html is missing, web.html is missing"):
        archive.read_frozen(folder)


def test_line_ends_changed_by_a_tool_are_an_alteration(folder: Path) -> None:
    frozen(folder)
    (folder / "email.txt").write_bytes((folder / "email.txt").read_bytes().replace(b"\r\n", b"\n"))

    with pytest.raises(NotPossible, match=r"email.txt was altered"):
        archive.read_frozen(folder)


def test_the_manifests_sha256_changes_with_anything_that_was_approved(tmp_path: Path) -> None:
    one, two = tmp_path / "one" / ID, tmp_path / "two" / ID
    frozen(one)
    frozen(two, an_email(subject="Hello!"))

    assert archive.manifest_sha256(one) != archive.manifest_sha256(two)
    assert len(archive.manifest_sha256(one)) == 64


def test_an_issue_that_is_not_approved_says_so(folder: Path) -> None:
    with pytest.raises(NotPossible, match="is not approved") as caught:
        archive.read_frozen(folder)

    assert caught.value.fix == f"run `newsletter approve {ID}`"


def test_half_of_a_surrogate_pair_does_not_stop_an_approval(folder: Path) -> None:
    frozen(folder, an_email(html="a\ud800b"))

    assert archive.read_frozen(folder).email.html == "a?b"


# --- faults ---------------------------------------------------------------------------------------------------


class FailingDisk:
    """The n-th write to the disk (fsync, rename) fails as if it were full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.fails_at = 0
        monkeypatch.setattr(os, "fsync", self.counted(os.fsync))
        monkeypatch.setattr(Path, "replace", self.counted(Path.replace))

    def counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.calls += 1
            if self.calls == self.fails_at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*arguments)

        return call

    def fail_at(self, call: int) -> None:
        self.calls, self.fails_at = 0, call


def test_a_disk_that_is_full_at_any_moment_leaves_no_half_frozen_issue(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FailingDisk(monkeypatch)
    four_files_four_renames_and_the_folder_twice = 10
    for call in range(1, four_files_four_renames_and_the_folder_twice + 1):
        disk.fail_at(call)
        with pytest.raises(NotPossible, match="No space left on device") as caught:
            frozen(folder)

        assert caught.value.fix
        assert names(folder) == {"issue.md"}
    disk.fail_at(four_files_four_renames_and_the_folder_twice + 1)
    frozen(folder)
    assert archive.read_frozen(folder).email == an_email()


def test_a_disk_that_is_full_at_any_moment_leaves_the_old_receipt_or_the_new(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.write_receipt(folder, RECEIPT)
    ended = RECEIPT.model_copy(update={"ended_at": utc(2023, 11, 16, 10)})
    disk = FailingDisk(monkeypatch)
    for call in range(1, 4):
        disk.fail_at(call)
        with pytest.raises(NotPossible, match="No space left"):
            archive.write_receipt(folder, ended)

        assert archive.read_receipt(folder) in (RECEIPT, ended)
        assert names(folder) == {"issue.md", "receipt.json"}


def test_what_a_killed_process_left_is_no_approval_and_goes_with_the_next(folder: Path) -> None:
    (folder / ".freezing-0000").mkdir()
    (folder / ".freezing-0000" / "manifest.json").write_text("{}")
    (folder / "email.html").write_text("half")

    was_frozen = archive.is_frozen(folder)
    frozen(folder)

    assert not was_frozen
    assert archive.read_frozen(folder).email == an_email()
    assert ".freezing-0000" not in names(folder)


# --- taking an approval back ----------------------------------------------------------------------------------


def test_a_withdrawn_approval_leaves_the_draft(folder: Path) -> None:
    frozen(folder)

    archive.thaw(folder)

    assert names(folder) == {"issue.md"}
    assert not archive.is_frozen(folder)


def test_withdrawing_twice_is_withdrawing_once(folder: Path) -> None:
    archive.thaw(folder)

    assert names(folder) == {"issue.md"}


def test_an_approval_is_not_withdrawn_once_sending_has_begun(folder: Path) -> None:
    frozen(folder)
    archive.write_receipt(folder, RECEIPT)

    with pytest.raises(NotPossible, match="its sending has begun"):
        archive.thaw(folder)

    assert archive.read_frozen(folder).email == an_email()


# --- all manifests --------------------------------------------------------------------------------------------


def another(issue_id: str, due_at: datetime) -> dict[str, Any]:
    return {"issue": ISSUE.model_copy(update={"id": issue_id, "due_at": due_at})}


def test_the_manifests_come_by_due_time_and_drafts_have_none(tmp_path: Path) -> None:
    issues = tmp_path / "issues"
    frozen(issues / "a-2023-11-23", **another("a-2023-11-23", utc(2023, 11, 23)))
    frozen(issues / "b-2023-11-16", **another("b-2023-11-16", utc(2023, 11, 16)))
    archive.write_issue_text(issues / "c-2023-11-30", "---\n---\n", was=None)

    assert [manifest.issue for manifest in archive.manifests(issues)] == ["b-2023-11-16", "a-2023-11-23"]


def test_a_site_without_issues_has_no_manifests(tmp_path: Path) -> None:
    assert archive.manifests(tmp_path / "issues") == []


def test_every_broken_manifest_is_named(tmp_path: Path) -> None:
    issues = tmp_path / "issues"
    for name, text in {"a-2023-11-16": "{", "b-2023-11-16": '{"version": 1}', "c-2023-11-16": "[]"}.items():
        (issues / name).mkdir(parents=True)
        (issues / name / "manifest.json").write_text(text)
    frozen(issues / "copied", issue=ISSUE)

    with pytest.raises(BadInput) as caught:
        archive.manifests(issues)

    assert [place.where for place in caught.value.places] == [
        "issues/a-2023-11-16/manifest.json",
        "issues/b-2023-11-16/manifest.json",
        "issues/c-2023-11-16/manifest.json",
        "issues/copied/manifest.json",
    ]
    assert caught.value.fix


def test_a_manifest_of_a_newer_version_is_not_guessed_at(folder: Path) -> None:
    manifest = frozen(folder)
    (folder / "manifest.json").write_text(manifest.model_copy(update={"version": 2}).model_dump_json())

    with pytest.raises(BadInput, match="newer version"):
        archive.read_frozen(folder)


# --- receipts and drafts --------------------------------------------------------------------------------------


def test_a_receipt_is_read_back_as_written(folder: Path) -> None:
    before = archive.read_receipt(folder)

    archive.write_receipt(folder, RECEIPT)

    assert before is None
    assert archive.read_receipt(folder) == RECEIPT


def test_a_broken_receipt_is_named(folder: Path) -> None:
    (folder / "receipt.json").write_text("{}")

    with pytest.raises(BadInput, match=rf"issues/{ID}/receipt.json"):
        archive.read_receipt(folder)


def test_a_draft_keeps_its_line_ends_and_byte_order_mark(folder: Path) -> None:
    text = "\ufeff---\r\nsubject: مرحبا 🎉\n---\r\nno end"

    archive.write_issue_text(folder, text, was="---\n---\n")

    assert archive.read_issue_text(folder) == text
    assert names(folder) == {"issue.md"}


def test_there_is_no_draft_before_it_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "issues" / ID

    before = archive.read_issue_text(folder)
    archive.write_issue_text(folder, "---\n---\n", was=None)

    assert before is None
    assert archive.read_issue_text(folder) == "---\n---\n"


@pytest.mark.parametrize("was", [None, "---\nsubject: what was read\n---\n"])
def test_a_draft_that_was_edited_meanwhile_is_not_overwritten(folder: Path, was: str | None) -> None:
    (folder / "issue.md").write_text("---\nsubject: just typed\n---\n")

    with pytest.raises(NotPossible, match="changed meanwhile") as caught:
        archive.write_issue_text(folder, "---\nsubject: ours\n---\n", was=was)

    assert archive.read_issue_text(folder) == "---\nsubject: just typed\n---\n"
    assert caught.value.fix == "run the command again"


def test_a_draft_that_was_deleted_meanwhile_is_not_written_again(folder: Path) -> None:
    (folder / "issue.md").unlink()

    with pytest.raises(NotPossible, match="changed meanwhile"):
        archive.write_issue_text(folder, "new", was="---\n---\n")


def test_a_draft_that_is_not_utf_8_is_told_with_its_line(folder: Path) -> None:
    (folder / "issue.md").write_bytes(b"---\nsubject: Gr\xfc\xdfe\n---\n")

    with pytest.raises(BadInput) as caught:
        archive.read_issue_text(folder)

    assert [str(place) for place in caught.value.places] == [f"issues/{ID}/issue.md:2: byte 0xfc is no UTF-8"]


def test_a_disk_that_is_full_leaves_the_draft_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FailingDisk(monkeypatch).fail_at(1)

    with pytest.raises(NotPossible, match="No space left"):
        archive.write_issue_text(folder, "new", was="---\n---\n")

    assert archive.read_issue_text(folder) == "---\n---\n"
    assert names(folder) == {"issue.md"}
